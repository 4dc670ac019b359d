"""Types against JSON Schema: what `check` accepts is what another validator accepts of the schema."""

import re
from typing import Annotated, Any, Literal, NotRequired, TypedDict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foveate.errors import RequestError
from foveate.http.schema import check, read_number, schema_of

jsonschema_rs = pytest.importorskip("jsonschema_rs")


class Inner(TypedDict):
    kind: Literal["a", "b"]
    sizes: Annotated[list[int], {"minItems": 1}]


class Base(TypedDict):
    name: Annotated[str, {"maxLength": 3, "description": "What it is called."}]


class Outer(Base):
    inner: Annotated[list[Inner], {"minItems": 1, "maxItems": 2}]
    sure: NotRequired[bool]
    anything: NotRequired[list[Any]]
    free: NotRequired[dict[str, Any]]


GOOD = {"name": "abc", "inner": [{"kind": "a", "sizes": [1, 2]}]}


def test_a_type_is_written_as_json_schema():
    assert schema_of(Outer) == {
        "type": "object",
        "properties": {
            "name": {"type": "string", "maxLength": 3, "description": "What it is called."},
            "inner": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "kind": {"enum": ["a", "b"]},
                        "sizes": {"type": "array", "items": {"type": "integer"}, "minItems": 1},
                    },
                    "required": ["kind", "sizes"],
                },
                "minItems": 1,
                "maxItems": 2,
            },
            "sure": {"type": "boolean"},
            "anything": {"type": "array"},
            "free": {"type": "object"},
        },
        "required": ["name", "inner"],
    }


values = st.recursive(
    st.sampled_from(["a", "b", "abc", "abcd", 0, 1, True, False, 0.5]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=4,
)
inners = st.fixed_dictionaries({}, optional={"kind": values, "sizes": values | st.lists(st.integers())})
near = st.fixed_dictionaries(
    {},
    optional={
        "name": values,
        "inner": values | st.lists(inners, max_size=3),
        "sure": values,
        "anything": values,
        "free": values,
        "more": values,
    },
)


@given(values | near | st.builds(lambda changes: {**GOOD, **changes}, near))
@settings(max_examples=400, deadline=None)
def test_what_is_accepted_is_what_the_schema_accepts(document):
    try:
        check(Outer, document)
        accepted = True
    except RequestError as error:
        assert error.status == 400
        accepted = False
    assert accepted == jsonschema_rs.is_valid(schema_of(Outer), document)


WRONG = {
    "no object": ([], "the request: expected an object, found []"),
    "a field missing": ({"inner": []}, "name: expected a text of at most 3 characters, found None"),
    "a text too long": ({**GOOD, "name": "abcd"}, "name: expected a text of at most 3 characters"),
    "an item's field": (
        {**GOOD, "inner": [*GOOD["inner"], {"kind": "c"}]},
        "inner[1].kind: expected 'a' or 'b', found 'c'",
    ),
    "too few": ({**GOOD, "inner": []}, "inner: expected a list of objects, found []"),
    "a truth for a number": (
        {**GOOD, "inner": [{"kind": "a", "sizes": [True]}]},
        "inner[0].sizes: expected a list, found [True]",
    ),
    "an object": ({**GOOD, "sure": {}}, "sure: expected true or false, found an object"),
}


@pytest.mark.parametrize(("document", "message"), WRONG.values(), ids=WRONG)
def test_the_first_wrong_field_is_named(document, message):
    with pytest.raises(RequestError, match=re.escape(message)):
        check(Outer, document)


def test_an_optional_field_may_be_null_and_more_may_be_known_of_one():
    check(Outer, {**GOOD, "sure": None})
    with pytest.raises(RequestError, match="name: expected a short name, found 1"):
        check(Outer, {**GOOD, "name": 1}, better={"name": "a short name"})


@pytest.mark.parametrize("text", ["", "-1", "0", "1e3", "+5", " 5", "100", "٣", "9" * 10_000])
def test_a_number_of_a_query_is_bounded(text):
    bounded = Annotated[int, {"minimum": 1, "maximum": 99}]
    assert read_number("n", bounded, "42") == 42
    with pytest.raises(RequestError, match="n: expected a whole number from 1 to 99"):
        read_number("n", bounded, text)
