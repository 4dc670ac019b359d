"""Hostile ONNX files with matching hashes: refused in a sentence, in bounded time, with nothing opened."""

import os
import tracemalloc

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from foveate.errors import InputError, ModelFolderError
from foveate.runtime.onnx_check import MAX_NODES, check_onnx
from foveate.runtime.predictor import Predictor


@pytest.fixture(scope="module")
def model(model_folder):
    return (model_folder / "model.onnx").read_bytes()


def changed(model, change):
    proto = onnx.load_from_string(model)
    change(proto)
    return proto.SerializeToString()


def external(name):
    """Make the first float tensor live in a file."""

    def change(proto):
        tensor = next(t for t in proto.graph.initializer if t.data_type == TensorProto.FLOAT)
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in (("location", name), ("offset", "0"), ("length", str(4 * np.prod(tensor.dims)))):
            tensor.external_data.add(key=key, value=value)

    return change


def add_node(kind, **attributes):
    return lambda proto: proto.graph.node.append(helper.make_node(kind, [], ["extra"], **attributes))


def large_tensor(proto):
    proto.graph.initializer.add(name="large", data_type=TensorProto.FLOAT, dims=[1 << 40])


EMPTY_GRAPH = helper.make_graph([], "g", [], [])
EMPTY_FUNCTION = helper.make_function("d", "f", [], [], [], [helper.make_opsetid("", 20)])
HOSTILE = {
    "external data": (external("/etc/passwd"), "tensors kept in other files"),
    "external data in an attribute": (
        add_node("Constant", value=TensorProto(data_location=TensorProto.EXTERNAL)),
        "tensors kept in other files",
    ),
    "external data by name alone": (
        lambda p: p.graph.initializer[0].external_data.add(key="location", value="x"),
        "tensors kept in other files",
    ),
    "custom domain": (add_node("Run", domain="evil"), "operators of the domain 'evil'"),
    "custom domain declared": (lambda p: p.opset_import.add(domain="evil", version=1), "domain 'evil'"),
    "runtime's own domain": (add_node("FusedConv", domain="com.microsoft"), "domain 'com.microsoft'"),
    "a branch": (add_node("If", then_branch=EMPTY_GRAPH), "sub-graphs that are no loop's"),
    "a loop of nothing": (add_node("Loop", body=EMPTY_GRAPH), "a Loop whose sizes do not fit"),
    "function": (lambda p: p.functions.append(EMPTY_FUNCTION), "local functions"),
    "training": (lambda p: p.training_info.add(), "training information"),
    "sparse": (lambda p: p.graph.sparse_initializer.add(), "sparse tensors"),
    "a tensor of 4 TB": (large_tensor, "tensors larger than the file"),
    "no graph": (lambda p: p.ClearField("graph"), "expected one graph, found 0"),
}


@pytest.mark.parametrize(("change", "message"), HOSTILE.values(), ids=HOSTILE)
def test_what_no_model_needs_is_refused(model, colours, change, message):
    hostile = changed(model, change)
    with pytest.raises(InputError, match=message):
        check_onnx(hostile)
    with pytest.raises(ModelFolderError, match=rf"^model.onnx: .*{message}"):
        Predictor(hostile, colours.task, colours.preprocessing)


def test_the_canary_is_never_opened(model, colours, tmp_path, monkeypatch):
    """A tensor in a file beside the model, which ONNX Runtime would read if it were let."""
    canary = tmp_path / "canary"
    canary.write_bytes(np.eye(3, dtype=np.float32).tobytes())
    os.utime(
        canary, ns=(1, 2)
    )  # older than the last change: the next read shows, also where it is "relatime"
    monkeypatch.chdir(tmp_path)
    for name in ("canary", str(canary), f"../{tmp_path.name}/canary"):
        with pytest.raises(ModelFolderError, match="tensors kept in other files"):
            Predictor(changed(model, external(name)), colours.task, colours.preprocessing)
    assert canary.stat().st_atime_ns == 1


def test_many_nodes_are_counted(model):
    def many(proto):
        node = helper.make_node("Identity", ["images"], ["x"])
        proto.graph.node.extend([node] * (MAX_NODES + 1))

    with pytest.raises(InputError, match=f"more than {MAX_NODES} nodes"):
        check_onnx(changed(model, many))


@pytest.mark.parametrize(
    "data", [b"", b"\x3a", b"\xff" * 30, b"\x3b\x3b", b"GIF89a", b"\x3a\xff\xff\xff\xff\x0f"]
)
def test_what_is_no_protobuf_is_refused(data):
    with pytest.raises(InputError, match="is no ONNX model"):
        check_onnx(data)


def field(number, content, beyond=None):
    """A field as protobuf writes it. beyond: its key in five bytes, of which this one holds bits 28 to 34."""
    key = [number << 3 | 2] if beyond is None else [number << 3 | 130, 128, 128, 128, beyond]
    length, size = len(content), []
    while length > 127:
        size.append(length & 127 | 128)
        length >>= 7
    return bytes([*key, *size, length]) + content


@pytest.mark.parametrize("beyond", [0x10, 0x20, 0x70])
def test_what_protobuf_reads_is_not_passed_over(model, pictures, beyond):
    """Of a key protobuf keeps 32 bits: ONNX Runtime runs nodes, and reads files, whose fields have more."""
    proto = onnx.load_from_string(model)
    nodes = [node.SerializeToString() for node in proto.graph.node]
    proto.graph.ClearField("node")
    graph = proto.graph.SerializeToString() + b"".join(field(1, node, beyond) for node in nodes)
    proto.ClearField("graph")
    hidden = proto.SerializeToString() + field(7, graph)
    ran, as_it_was = (
        onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"]).run(None, {"images": pictures})
        for data in (hidden, model)
    )
    np.testing.assert_array_equal(ran[0], as_it_was[0])
    with pytest.raises(InputError, match="its fields are broken"):
        check_onnx(hidden)


def test_numbers_that_no_size_depends_on_take_no_memory(model):
    """A million of them, 4 MB in the file, would be 32 MB in Python."""
    proto = onnx.load_from_string(model)
    proto.graph.initializer.add(
        name="many", data_type=TensorProto.FLOAT, dims=[1_000_000], float_data=np.zeros(1_000_000)
    )
    data = proto.SerializeToString()
    tracemalloc.start()
    check_onnx(data)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 1_000_000


def test_two_graphs_are_refused(model):
    with pytest.raises(InputError, match="expected one graph, found 2"):
        check_onnx(model + model)  # protobuf would merge them


def test_every_truncation_is_refused(model, colours):
    needed = onnx.load_from_string(model)
    del needed.metadata_props[:]  # they stand last, and between two of them a cut file is whole
    for length in range(0, needed.ByteSize(), 5):
        with pytest.raises(ModelFolderError, match=r"^model.onnx: "):
            Predictor(model[:length], colours.task, colours.preprocessing)


@given(data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_changed_bytes_give_one_kind_of_error_or_an_answer(model, colours, pictures, data):
    mutated = bytearray(model)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(model) - 1))
        mutated[place] = data.draw(st.integers(0, 255))
    try:
        found = Predictor(bytes(mutated), colours.task, colours.preprocessing, threads=1).run(pictures)
    except ModelFolderError as error:
        assert str(error).isprintable()
        assert len(str(error)) < 700
    else:
        assert found["probabilities"].shape == (6, 3)


def test_every_field_under_every_wire_type_is_an_error_or_a_number():
    """Each byte of a small graph with every kind of attribute and tensor, its low three bits changed."""
    node = helper.make_node(
        "Conv", ["images", "w"], ["c"], pads=[1] * 4, alpha=0.5, floats=[0.5, 2.0], auto="SAME"
    )
    node.attribute.append(helper.make_attribute("value", numpy_helper.from_array(np.ones(2, np.int64), "t")))
    typed = [
        helper.make_tensor("f", TensorProto.FLOAT, [2], [1.0, 2.0]),
        helper.make_tensor("i", TensorProto.INT64, [2], [3, -1]),
        numpy_helper.from_array(np.ones((1, 3, 1, 1), np.float32), "w"),
    ]
    given_input = [helper.make_tensor_value_info("images", TensorProto.UINT8, ["N", 3, 8, 8])]
    data = helper.make_model(helper.make_graph([node], "g", given_input, [], typed)).SerializeToString()
    check_onnx(data)
    counts = {InputError: 0, int: 0}
    for place in range(len(data)):
        for bits in range(8):
            changed_data = bytearray(data)
            changed_data[place] = data[place] & ~7 | bits
            try:
                check_onnx(bytes(changed_data))
                counts[int] += 1
            except InputError:
                counts[InputError] += 1
    assert min(counts.values()) > 100, counts


def test_memory_is_bounded_while_a_hostile_graph_runs(colours, pictures):
    """Padding by 20,000 pixels asks for 19 GB a picture; the allocator refuses before the machine swaps."""
    weight = numpy_helper.from_array(np.ones((3, 3, 1, 1), np.float32), "w")
    nodes = [
        helper.make_node("Cast", ["images"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["f"], ["t"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["t", "w"], ["c"], pads=[20_000] * 4),
        helper.make_node("GlobalAveragePool", ["c"], ["g"]),
        helper.make_node("Flatten", ["g"], ["l"]),
        helper.make_node("Softmax", ["l"], ["probabilities"]),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["N", 8, 8, 3])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 3])],
        [weight],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    predictor = Predictor(model.SerializeToString(), colours.task, colours.preprocessing, threads=1)
    with pytest.raises(ModelFolderError, match="cannot be run on"):
        predictor.run(pictures)
