"""Writing in one ONNX loop: torch's words, a batch of any size, an end before the last turn, and its cost."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper

from foveate.errors import InputError
from foveate.exporter.emitter import emit
from foveate.graph.summary import summarize
from foveate.layers.greedy import END, START, Greedy
from foveate.models.registry import create_model
from foveate.runtime.onnx_check import check_onnx

SIDE, WORDS, LONGEST = 32, 12, 6


PICTURES = torch.randn(24, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0)) * 3


def network(name, seed=0):
    """One so excitable that pictures decide what it says."""
    torch.manual_seed(seed)
    made = create_model(name, num_classes=WORDS, image_size=(SIDE, SIDE), longest=LONGEST)
    loud = [made.greedy.step.score, *(getattr(made, "laterals", None) or [made.picture])]
    with torch.no_grad():
        for part in loud:
            part.weight.mul_(20)
        for weight in (made.greedy.step.cell.weight_ih, made.greedy.step.cell.weight_hh):
            weight.mul_(4)
    return made.eval()


def varied(name):
    """The first of some networks that says several things, some of them to their end; and what it says."""
    for seed in range(40):
        made = network(name, seed)
        with torch.no_grad():
            said = made(PICTURES).numpy()
        ended = (said[..., 0] == END).any(axis=1)
        if 0 < ended.sum() < len(said) and len({tuple(words) for words in said[..., 0]}) > 2:
            return made, said
    raise AssertionError("no network of forty says several things")


@pytest.mark.parametrize("name", ["show_and_tell_compact", "show_attend_and_tell_compact"])
def test_the_loop_writes_what_torch_writes(name):
    made, expected = varied(name)
    data = emit(made, torch.zeros(3, 3, SIDE, SIDE), "images", "said").SerializeToString()
    assert check_onnx(data) < 1e9
    session = onnxruntime.InferenceSession(data)
    for count in (24, 1):
        (found,) = session.run(None, {"images": PICTURES[:count].numpy()})
        assert np.array_equal(found[..., 0], expected[:count, :, 0])
        assert np.abs(found - expected[:count]).max() < 1e-5
    for words in expected[(expected[..., 0] == END).any(axis=1), :, 0]:  # nothing stands behind the end
        assert not words[list(words).index(END) + 1 :].any()


class Scripted(torch.nn.Module):
    """Says 4, 5, END whatever it sees, and counts its turns."""

    multiply_adds = 1
    turns = 0

    def forward(self, word, state):
        self.turns += 1
        following = {START: 4, 4: 5, 5: END, END: 4, 0: 4}
        scores = torch.zeros(len(word), WORDS)
        for row, one in enumerate(word[:, 0].tolist()):
            scores[row, following[one]] = 3.0
        return scores, state + 1, state[:, :0]


def test_it_stops_when_all_have_ended():
    step = Scripted()
    said = Greedy(step, 50)(torch.zeros(2, 3))
    assert said.shape == (2, 50, 2)
    assert said[:, :4, 0].tolist() == [[4, 5, END, 0]] * 2
    assert step.turns == 3
    share = np.exp(3) / (np.exp(3) + WORDS - 1)
    assert said[:, :3, 1].numpy() == pytest.approx(np.full((2, 3), share))


@pytest.mark.parametrize("name", ["show_and_tell_compact", "show_attend_and_tell_compact"])
def test_its_cost_is_that_of_the_longest_sentence_and_it_stands_as_one_layer(name):
    made = network(name)
    found = summarize(made, (3, SIDE, SIDE))
    (row,) = [row for row in found.rows if row.kind == "Greedy"]
    assert not [row.name for row in found.rows if "#" in row.name]  # whatever is repeated stands once
    assert sum(row.parameters for row in found.rows) == found.parameters
    one, more = (summarize(with_longest(made, n), (3, SIDE, SIDE)).macs for n in (1, 11))
    assert more - one == 10 * made.step.multiply_adds
    assert row.macs == LONGEST * made.step.multiply_adds


def with_longest(made, longest):
    made.greedy.longest = longest
    return made


# --- Loops of others ---------------------------------------------------------------------------------------


def looped(turns, grown=False, *, collects=False, inner=None):
    """A model whose loop adds 1 to its input so many times."""
    shape = ["N", 4]
    values = {n: helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n in ("x", "y", "a", "b")}
    scalar = [
        helper.make_tensor_value_info("i", TensorProto.INT64, []),
        helper.make_tensor_value_info("on", TensorProto.BOOL, []),
        helper.make_tensor_value_info("on2", TensorProto.BOOL, []),
    ]
    add = (
        helper.make_node("Concat", ["a", "a"], ["b"], axis=1)
        if grown
        else helper.make_node("Add", ["a", "one"], ["b"])
    )
    nodes = [helper.make_node("Identity", ["on"], ["on2"]), add, *([inner] if inner else [])]
    outputs = [
        scalar[2],
        values["b"],
        *([helper.make_tensor_value_info("b", TensorProto.FLOAT, shape)] if collects else []),
    ]
    body = helper.make_graph(nodes, "body", [scalar[0], scalar[1], values["a"]], outputs)
    loop = helper.make_node("Loop", ["turns", "true", "x"], ["y", *(["all"] if collects else [])], body=body)
    constants = [
        helper.make_tensor("turns", TensorProto.INT64, [], [turns]),
        helper.make_tensor("true", TensorProto.BOOL, [], [True]),
        helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0]),
    ]
    graph = helper.make_graph([loop], "g", [values["x"]], [values["y"]], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def test_a_loop_costs_as_many_turns_as_it_may_take():
    one, many = (check_onnx(looped(turns).SerializeToString()) for turns in (1, 101))
    session = onnxruntime.InferenceSession(looped(101).SerializeToString())
    assert session.run(None, {"x": np.zeros((2, 4), np.float32)})[0].tolist() == [[101.0] * 4] * 2
    assert many > 50 * one


NESTED = helper.make_node("Loop", ["turns", "true", "a"], ["c"], body=looped(3).graph.node[0].attribute[0].g)
BRANCH = helper.make_node("If", ["on"], ["c"], then_branch=helper.make_graph([], "t", [], []))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (looped(10**9), "more than 1,000 turns"),
        (looped(3, grown=True), "whose sizes do not fit"),
        (looped(3, collects=True), "whose sizes do not fit"),
        (looped(3, inner=NESTED), "loops within loops"),
        (looped(3, inner=BRANCH), "sub-graphs that are no loop's|loops within loops"),
    ],
    ids=["endless", "growing", "collecting", "nested", "branching"],
)
def test_loops_that_no_model_of_ours_has_are_refused(model, message):
    with pytest.raises(InputError, match=message):
        check_onnx(model.SerializeToString())


def test_turns_that_the_picture_decides_are_refused():
    model = looped(3)
    model.graph.node.insert(0, helper.make_node("Cast", ["x"], ["seen"], to=TensorProto.INT64))
    model.graph.node[1].input[0] = "seen"
    with pytest.raises(InputError, match="cannot be told"):
        check_onnx(model.SerializeToString())


def test_a_model_with_a_loop_keeps_its_constants_when_it_is_simplified():
    from foveate.exporter.simplify import rewrite

    made = network("show_and_tell_compact")
    model = emit(made, torch.zeros(3, 3, SIDE, SIDE), "images", "said")
    before = {tensor.name for tensor in model.graph.initializer}
    rewrite(model.graph, "images")
    assert {tensor.name for tensor in model.graph.initializer} == before
    onnx.checker.check_model(model)
