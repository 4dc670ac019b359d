"""What the design page is told of a network while it is being written."""

import json
import random
import tracemalloc

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from foveate.errors import BlueprintError
from foveate.graph.arithmetic import explain_value
from foveate.graph.recording import record
from foveate.inspector.blueprint_checks import check, examples, kinds
from foveate.layers.known import BLUEPRINT_LAYERS as KINDS
from foveate.models.blueprint import build, load_blueprint
from foveate.models.blueprint_reader import BLOCKS
from foveate.models.blueprint_text import parse, write

EXAMPLES = {example["name"]: example["blueprint"] for example in examples()["examples"]}
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-9, 99)
    | st.text(max_size=8)
    | st.sampled_from(["a: b", "- x", "1e3"])
)
DATA = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["layers", "branches", "shortcut", "times", "conv", "x y"]), inner, max_size=2
        )
    ),
    max_leaves=12,
)


def rows(answer):
    return {row["number"]: row for row in answer["layers"]}


def test_the_articles_network_by_hand():
    answer = check({"blueprint": EXAMPLES["convnet1"]})
    assert answer["ok"] and answer["error"] is None and answer["classes"] == 10
    found = rows(answer)
    assert [row["shape"] for row in answer["layers"]] == [
        *[[16, 28, 28]] * 3, [16, 14, 14], *[[32, 14, 14]] * 3, [32, 7, 7], [1568], [10]
    ]  # fmt: skip
    assert found["1"]["parameters"] == 16 * (25 + 1)
    assert found["1"]["macs"] == 28 * 28 * 16 * 25
    assert found["5"]["macs"] == 14 * 14 * 32 * 16 * 25
    # 5, then a step of 2 behind the pooling: 5 + 1 + 4·2 = 14, and 14 + 2 = 16 behind the second.
    assert [found[n]["receptive_field"] for n in ("1", "4", "5", "8")] == [[5, 5], [6, 6], [14, 14], [16, 16]]
    assert found["10"]["receptive_field"] is None and found["10"]["sees_all"]
    assert answer["parameters"] == 29_034
    assert answer["macs"] == 28 * 28 * 16 * 25 + 14 * 14 * 32 * 16 * 25 + 1568 * 10


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_are_whole_and_come_back_from_their_own_text(name):
    answer = check({"blueprint": EXAMPLES[name]})
    assert answer["ok"] and answer["blueprint"] == EXAMPLES[name]
    assert answer["parameters"] == load_blueprint(EXAMPLES[name]).parameters
    assert check({"text": answer["yaml"]}) == answer
    json.dumps(answer, allow_nan=False)


@pytest.mark.parametrize("name", ["small_u", "small_segnet"])
def test_networks_that_score_pixels_are_taken_apart_to_their_last_number(name):
    torch.manual_seed(0)
    blueprint = load_blueprint(EXAMPLES[name]).adapted(size=(16, 20))
    recording = record(build(blueprint).double(), torch.randn(1, 3, 16, 20, dtype=torch.float64))
    assert recording.steps[-1].shape == (4, 16, 20)
    choice = random.Random(0)
    for number, step in enumerate(recording.steps):
        for _ in range(5):
            found = explain_value(recording, number, *(choice.randrange(side) for side in step.shape))
            assert found.total == pytest.approx(found.value, rel=1e-9, abs=1e-12), step.label


def test_blocks_add_up_what_is_in_them():
    answer = check({"blueprint": EXAMPLES["small_inception"]})
    found = rows(answer)
    inside = [row for number, row in found.items() if number.startswith("4.")]
    assert found["4"]["shape"] == [8 + 16 + 8 + 8, 16, 16]
    assert found["4"]["macs"] == sum(row["macs"] for row in inside) > 0
    # 3, pooled: 4 and a step of 2; the longest branch's 5×5 reaches 4 more steps.
    assert found["4"]["receptive_field"] == [4 + 4 * 2] * 2


def test_a_faulty_layer_is_named_and_those_before_it_are_still_told():
    text = (
        "input: [1, 8, 8]\nlayers:\n  - conv: {filters: 4, kernel: 3}\n  - max_pool: 9\n  - dense: classes\n"
    )
    answer = check({"text": text})
    assert not answer["ok"]
    assert answer["error"]["number"] == "2" and "does not fit" in answer["error"]["message"]
    assert [row["shape"] for row in answer["layers"]] == [[4, 6, 6]]
    assert answer["blueprint"]["layers"][1] == {"max_pool": 9}
    assert parse(answer["yaml"]) == answer["blueprint"]


def test_a_fault_inside_a_block_and_one_of_the_whole():
    inner = {"residual": {"layers": [{"conv": {"filters": 5, "kernel": 1}}, "dropuot"]}}
    answer = check({"blueprint": {"input": [3, 8, 8], "layers": ["relu", inner]}})
    assert answer["error"]["number"] == "2.1.2" and "dropout" in answer["error"]["message"]
    unfinished = check({"blueprint": {"input": [3, 8, 8], "layers": ["relu"]}})
    assert unfinished["error"]["number"] is None and "dense: classes" in unfinished["error"]["message"]
    assert [row["shape"] for row in unfinished["layers"]] == [[3, 8, 8]]
    empty = check({"blueprint": {"input": [3, 8, 8], "layers": []}})
    assert not empty["ok"] and empty["layers"] == []


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        ("input: [1, 8\nlayers: x:", 2, "This is no YAML in line 2"),
        ("layers: !!python/object:os.system {}", 1, "plain lists, names, texts and numbers"),
        ("5", None, "must be a mapping"),
        ("when: 2020-01-01", None, "plain lists, names, texts and finite numbers"),
        ("x: .nan", None, "finite numbers"),
    ],
)
def test_what_is_no_document_is_refused_in_a_sentence(text, line, part):
    answer = check({"text": text})
    assert answer["error"]["line"] == line and part in answer["error"]["message"]
    assert (answer["blueprint"], answer["yaml"], answer["layers"]) == (None, None, [])


def test_references_cannot_make_a_document_huge():
    bomb = "a0: &a0 [relu, relu]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 40))
    assert "at most 50,000 values" in check({"text": bomb})["error"]["message"]
    assert "at most 50,000 values" in check({"text": "a: &a [*a]"})["error"]["message"]
    tracemalloc.start()  # what is counted is not written out: of these references in each other, 100 million
    assert "at most 50,000 values" in check({"text": f"a: &a [{'*a, ' * 2000}]"})["error"]["message"]
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 50e6


def test_a_text_or_data_must_be_given():
    with pytest.raises(BlueprintError, match="Give either `text`"):
        check({})


def test_the_palette_holds_every_layer_and_each_can_be_begun_with():
    described = {one["kind"]: one for one in kinds()["kinds"]}
    assert set(described) == {*KINDS, *BLOCKS}
    for kind, one in described.items():
        assert one["summary"].endswith(".") and set(one["start"]) <= {a["name"] for a in one["arguments"]}
        if kind in KINDS:
            before = ["flatten"] if kind == "dense" else []
            layers = [*before, {kind: one["start"]}]
            error = check({"blueprint": {"input": [4, 16, 16], "layers": layers}})["error"]
            assert error is None or error["number"] is None, error  # at most: not at its end yet
    json.dumps(described, allow_nan=False)


@given(st.dictionaries(st.sampled_from(["name", "input", "layers", "classes"]), DATA, max_size=4))
@settings(deadline=None, max_examples=100)
def test_whatever_is_written_is_read_again(document):
    if document:
        assert parse(write(document)) == document
