"""Types of JSON documents, used twice: to check what strangers send, and to describe it in OpenAPI.

A document is a ``TypedDict``; a field that may be left out is ``NotRequired``, and what a type of Python
cannot say stands in ``Annotated`` as JSON Schema has it::

    class Question(TypedDict):
        count: Annotated[int, {"minimum": 1, "description": "How many."}]
        id: NotRequired[str]
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import (
    Annotated,
    Any,
    Literal,
    NoReturn,
    NotRequired,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from foveate.errors import RequestError

Schema = dict[str, Any]
WHOLE = "the request"
_NAMES = {str: "string", int: "integer", float: "number", bool: "boolean", list: "array", dict: "object"}
_WORDS = {str: "a text", int: "a whole number", bool: "true or false", dict: "an object", list: "a list"}


def schema_of(kind: Any) -> Schema:
    """The JSON Schema of a TypedDict, ``list[...]``, ``Literal[...]`` or plain type, annotated or not."""
    plain, limits = _bare(kind)
    arguments = get_args(plain)
    if is_typeddict(plain):
        fields = fields_of(plain)
        properties = {name: schema_of(field) for name, field in fields.items()}
        required = [name for name, field in fields.items() if not _is_optional(field)]
        return {"type": "object", "properties": properties, "required": required, **limits}
    if get_origin(plain) is Literal:
        return {"enum": list(arguments), **limits}
    typed_items = get_origin(plain) is list and arguments[0] is not Any
    items = {"items": schema_of(arguments[0])} if typed_items else {}
    return {"type": _NAMES[_type(plain)], **items, **limits}


@cache
def fields_of(document: Any) -> dict[str, Any]:
    """The fields of a TypedDict with their types, inherited ones first."""
    return get_type_hints(document, include_extras=True)


def check(kind: Any, value: Any, where: str = WHOLE, better: Mapping[str, str] | None = None) -> None:
    """Raise RequestError 400 unless a value of parsed JSON is of the type.

    An optional field may be null, too; further fields are let pass. where: what the value is called. better:
    what is expected of the fields of these names, where more is known of them than their type.
    """
    plain, limits = _bare(kind)
    if not _is(plain, value) or not _within(limits, value):
        refuse(where, (better or {}).get(where) or _expected(plain, limits), shown(value))
    if is_typeddict(plain):
        for name, field in fields_of(plain).items():
            if not (_is_optional(field) and value.get(name) is None):
                check(field, value.get(name), name if where == WHOLE else f"{where}.{name}", better)
    elif get_origin(plain) is list and is_typeddict(get_args(plain)[0]):
        for number, one in enumerate(value):
            check(get_args(plain)[0], one, f"{where}[{number}]", better)


def refuse(field: str, expected: str, found: str) -> NoReturn:
    """Raise RequestError 400 of one sentence."""
    raise RequestError(400, f"{field}: expected {expected}, found {found}.")


def shown(value: Any) -> str:
    """A value for such a sentence, short and safe to print."""
    return "an object" if isinstance(value, dict) else ascii(value)[:80]


def read_number(name: str, kind: Any, text: str) -> int:
    """A whole number of a query or header, of an annotated type with a minimum and a maximum.

    Raises RequestError 400.
    """
    low, high = (_bare(kind)[1][limit] for limit in ("minimum", "maximum"))
    # no more digits than the largest has: int() of a megabyte of them takes minutes
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(high)) and low <= int(text) <= high):
        raise RequestError(400, f"{name}: expected a whole number from {low} to {high}.")
    return int(text)


def _bare(kind: Any) -> tuple[Any, Schema]:
    """A type without what is around it, and what that says."""
    limits: Schema = {}
    while get_origin(kind) in (Annotated, NotRequired):
        for fragment in get_args(kind)[1:]:
            limits |= fragment
        kind = get_args(kind)[0]
    return kind, limits


def _is_optional(field: Any) -> bool:
    return get_origin(field) is NotRequired


def _is(plain: Any, value: Any) -> bool:
    if get_origin(plain) is Literal:
        return value in get_args(plain)
    items = get_args(plain)[0] if get_origin(plain) is list else Any
    if type(value) is not _type(plain) or items is Any:
        return type(value) is _type(plain)
    item = _type(_bare(items)[0])
    return all(type(one) is item for one in value)


def _type(plain: Any) -> Any:
    """The type that a parsed value has."""
    return dict if is_typeddict(plain) else get_origin(plain) or plain


def _within(limits: Schema, value: Any) -> bool:
    size = len(value) if isinstance(value, str | list) else 0
    most = limits.get("maxItems") or limits.get("maxLength") or math.inf
    return bool(limits.get("minItems", 0) <= size <= most)


def _expected(plain: Any, limits: Schema) -> str:
    """What a value should be, in words."""
    if get_origin(plain) is Literal:
        return " or ".join(map(repr, get_args(plain)))
    if get_origin(plain) is list and is_typeddict(get_args(plain)[0]):
        return "a list of one object" if limits.get("maxItems") == 1 else "a list of objects"
    most = f" of at most {limits['maxLength']:,} characters" if "maxLength" in limits else ""
    return _WORDS[_type(plain)] + most
