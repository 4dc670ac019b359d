"""A graph's sizes and cost before it runs: onnx's shape inference and torch's counter are the oracles."""

import time

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch.utils.flop_counter import FlopCounterMode

from foveate.errors import InputError
from foveate.exporter.to_onnx import Deployed, export_onnx
from foveate.images.preprocess import Preprocessing
from foveate.models import create_model, model_info
from foveate.runtime.onnx_check import _Walk, check_onnx
from foveate.runtime.onnx_cost import computed
from foveate.tasks.classification.task import Classification

PICTURE = [1, 4, 12, 10]
X, INT, FLOAT = "x", np.int64, np.float32


def ints(*values):
    return np.array(values, INT)


def ones(*shape):
    return np.ones(shape, FLOAT)


def node(kind, *inputs, outputs=1, **attributes):
    return kind, (X, *inputs), outputs, attributes


NODES = [
    node("Relu"),
    node("Softmax", axis=1),
    node("Identity"),
    node("Cast", to=TensorProto.FLOAT),
    node("Add", ones(4, 1, 1)),
    node("Mul", ones(1, 1, 1, 10)),
    node("Pow", ones(1)),
    node("Max", ones(12, 1)),
    node("Where", X, X) and ("Where", (np.ones((1, 1, 12, 1), bool), X, X), 1, {}),
    node("Conv", ones(8, 4, 3, 3), pads=[1, 2, 1, 0], strides=[2, 1]),
    node("Conv", ones(8, 2, 3, 2), group=2, dilations=[2, 3]),
    node("Conv", ones(8, 4, 3, 3), auto_pad="SAME_UPPER", strides=[2, 2]),
    node(
        "ConvTranspose", ones(4, 3, 3, 3), strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1], group=2
    ),
    node("MaxPool", kernel_shape=[3, 2], strides=[2, 2], ceil_mode=1, pads=[1, 0, 1, 0]),
    node("AveragePool", kernel_shape=[3, 3]),
    node("GlobalAveragePool"),
    node("ReduceMean", ints(2, -1), keepdims=0),
    node("ReduceSum", ints(1)),
    node("ReduceMax"),
    node("ArgMax", axis=2, keepdims=0),
    node("TopK", ints(3), outputs=2, axis=1),
    node("Flatten", axis=2),
    node("Reshape", ints(0, -1, 5)),
    node("Squeeze", ints(0)),
    node("Unsqueeze", ints(0, -1)),
    node("Transpose", perm=[0, 2, 3, 1]),
    node("Concat", ones(1, 3, 12, 10), axis=-3),
    node("Split", ints(1, 3), outputs=2, axis=1),
    node("Split", outputs=2, axis=2, num_outputs=2),
    node("Slice", ints(1, -8), ints(100, -2), ints(1, 2), ints(1, 2)),
    node("Slice", ints(9), ints(-100), ints(3), ints(-2)),
    node("Gather", np.zeros((2, 3), INT), axis=2),
    node("GatherElements", np.zeros((1, 2, 12, 10), INT), axis=1),
    node("GatherND", np.zeros((3, 2), INT)),
    node("Pad", ints(0, 1, 2, 3, 0, 1, -2, 3)),
    node("Pad", ints(2, 3), ones(), ints(3)),
    node("Tile", ints(1, 2, 1, 3)),
    node("Expand", ints(5, 1, 1, 1, 10)),
    node("Resize", "", "", ints(1, 4, 24, 5)),
    node("Resize", "", np.array([1, 1, 1.5, 0.5], FLOAT)),
    node("DepthToSpace", blocksize=2),
    node("SpaceToDepth", blocksize=2),
    node("LayerNormalization", ones(10)),
    node("GridSample", np.zeros((1, 6, 7, 2), FLOAT)),
    node("MatMul", ones(10, 6)),
    node("QuantizeLinear", ones(), np.zeros((), np.uint8)),
    node("CumSum", np.array(1, INT)),
    node("Einsum", ones(10, 6), equation="nchw,wk->nck"),
    ("ConstantOfShape", (ints(3, 4),), 1, {}),
    ("Range", (np.array(2, INT), np.array(11, INT), np.array(3, INT)), 1, {}),
    ("OneHot", (np.zeros((2, 3), INT), np.array(7, INT), ones(2)), 1, {}),
    ("DFT", (ones(1, 12, 10, 1), "", np.array(1, INT)), 1, {"onesided": 1}),
    ("DFT", (ones(1, 12, 10, 2), np.array(7, INT), np.array(2, INT)), 1, {}),
    ("Gemm", (ones(5, 3), ones(6, 3)), 1, {"transB": 1}),
    ("LSTM", (ones(7, 2, 3), ones(1, 20, 3), ones(1, 20, 5)), 3, {"hidden_size": 5}),
    ("MatMul", (ones(2, 1, 5, 3), ones(4, 3, 6)), 1, {}),
    ("MatMul", (ones(3), ones(3, 6)), 1, {}),
    ("Shape", (X,), 1, {"start": 1, "end": -1}),
]


def graph_of(nodes, constants=(), inputs=None, outputs=()):
    graph = helper.make_graph(
        nodes,
        "g",
        inputs or [helper.make_tensor_value_info(X, TensorProto.FLOAT, PICTURE)],
        list(outputs),
        list(constants),
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def sizes_as_onnx_has_them(model):
    inferred = onnx.shape_inference.infer_shapes(
        model, check_type=True, strict_mode=True, data_prop=True
    ).graph
    return {
        value.name: tuple(side.dim_value for side in value.type.tensor_type.shape.dim)
        for value in (*inferred.value_info, *inferred.output)
    }


def sizes_as_reckoned(data):
    return {
        name: tensor.shape
        for node, made, _ in computed(_Walk(data).model())
        for name, tensor in zip(node.outputs, made, strict=False)
    }


@pytest.mark.parametrize(("kind", "inputs", "outputs", "attributes"), NODES, ids=[n[0] for n in NODES])
def test_sizes_are_those_of_onnx(kind, inputs, outputs, attributes):
    constants, names = [], []
    for number, value in enumerate(inputs):
        if isinstance(value, np.ndarray):
            constants.append(numpy_helper.from_array(value, f"c{number}"))
        names.append(value if isinstance(value, str) else f"c{number}")
    made = [f"y{number}" for number in range(outputs)]
    model = graph_of([helper.make_node(kind, names, made, **attributes)], constants)
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in made)
    assert sizes_as_reckoned(model.SerializeToString()) == sizes_as_onnx_has_them(model)


def test_numbers_that_become_sizes_are_followed():
    """What exporters write for a reshape to (batch, half of the channels, rest), all of it computed."""
    nodes = [
        helper.make_node("Shape", [X], ["shape"]),
        helper.make_node("Gather", ["shape", "one"], ["channels"]),
        helper.make_node("Div", ["channels", "two"], ["half"]),
        helper.make_node("Unsqueeze", ["half", "zero"], ["half_1d"]),
        helper.make_node("Slice", ["shape", "zero", "one_1d"], ["batch"]),
        helper.make_node("Concat", ["batch", "half_1d", "rest"], ["wanted"], axis=0),
        helper.make_node("Reshape", [X, "wanted"], ["y"]),
    ]
    numbers = {"one": 1, "two": 2, "zero": [0], "one_1d": [1], "rest": [-1]}
    constants = [numpy_helper.from_array(np.array(value, INT), name) for name, value in numbers.items()]
    assert sizes_as_reckoned(graph_of(nodes, constants).SerializeToString())["y"] == (1, 2, 240)


@pytest.mark.parametrize("name", ["lenet5", "tinyvgg", "compact_s", "efficientnet_lite0"])
def test_the_products_of_a_network_are_torchs(name):
    channels, height, width = model_info(name).input_size
    network = create_model(name, num_classes=7, in_channels=channels).eval()
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        network(torch.zeros(1, channels, height, width))
    shape = Preprocessing(height, width, channels)
    data = export_onnx(Deployed(network, shape, Classification(tuple("abcdefg"))), shape, {})
    weighty = {"Conv", "Gemm", "MatMul"}
    found = sum(products for node, _, products in computed(_Walk(data).model()) if node.kind in weighty)
    assert 2 * found == counter.get_total_flops()
    assert sizes_as_reckoned(data)["probabilities"] == (1, 7)


def chain(count, side):
    shape = numpy_helper.from_array(ints(side, side), "shape")
    fill = numpy_helper.from_array(np.array([1e-4], FLOAT), "v")
    nodes = [helper.make_node("ConstantOfShape", ["shape"], ["y0"], value=fill)]
    nodes += [helper.make_node("MatMul", [f"y{i}", "y0"], [f"y{i + 1}"]) for i in range(count)]
    return nodes, [shape]


def growing(kind, *inputs, **attributes):
    """A thousand times as large with every node."""
    constants = [numpy_helper.from_array(value, f"c{i}") for i, value in enumerate(inputs)]
    names = [f"c{i}" for i in range(len(inputs))]
    nodes = [
        helper.make_node(kind, [X if i == 0 else f"y{i}", *names], [f"y{i + 1}"], **attributes)
        for i in range(7)
    ]
    return nodes, constants


COSTLY = {
    "products of matrices made from nothing": chain(400, 4096),
    "one product of huge matrices": chain(1, 30_000),
    "tiles": growing("Tile", ints(1, 1, 100, 10)),
    "paddings": growing("Pad", ints(0, 0, 10_000, 10_000, 0, 0, 10_000, 10_000)),
    "growth": growing("Resize", np.zeros(0, FLOAT), np.array([1, 1, 30, 30], FLOAT)),
    "expansion": (
        [helper.make_node("Expand", [X, "c"], ["y"])],
        [numpy_helper.from_array(ints(1 << 30, 1, 1, 1, 1), "c")],
    ),
    "a range": (
        [helper.make_node("Range", ["a", "b", "d"], ["y"])],
        [numpy_helper.from_array(np.array(v, INT), n) for n, v in (("a", 0), ("b", 1 << 40), ("d", 1))],
    ),
    "everything with everything": (
        [
            helper.make_node("Reshape", [X, "row"], ["r"]),
            helper.make_node("Tile", ["r", "times"], ["long"]),
            helper.make_node("Transpose", ["long"], ["column"], perm=[1, 0]),
            helper.make_node("Add", ["long", "column"], ["y"]),
        ],
        [numpy_helper.from_array(ints(1, -1), "row"), numpy_helper.from_array(ints(1, 1000), "times")],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("nodes", "constants"), COSTLY.values(), ids=COSTLY)
def test_what_would_take_hours_is_refused_unseen(nodes, constants):
    began = time.process_time()
    with pytest.raises(
        InputError, match=r"more than 1,000,000,000,000 multiply-adds|larger than any picture"
    ):
        check_onnx(graph_of(nodes, constants).SerializeToString())
    assert time.process_time() - began < 2


def filled(*nodes):
    """A tensor of as many zeros as these nodes reckon in the end, and what they begin with."""
    return [*nodes, helper.make_node("ConstantOfShape", ["n"], ["y"])]


def constants(**values):
    return [numpy_helper.from_array(np.array(value), name) for name, value in values.items()]


def cast(source, target, to):
    return helper.make_node("Cast", [source], [target], to=to)


def floats(*values):
    return np.array(values, FLOAT)


INT32, INT64, UINT8 = TensorProto.INT32, TensorProto.INT64, TensorProto.UINT8
LOW = -(1 << 31)
# Nodes and constants whose "y" is larger than whoever reckons in Python's own numbers would say.
MISREAD = {
    "a constant's node that stands later": (
        filled(
            helper.make_node("Identity", ["m"], ["n"]),
            helper.make_node("Constant", [], ["m"], value_ints=[500]),
        ),
        constants(m=[1]),
    ),
    "a cast to 32 bits": (
        filled(cast("a", "b", INT32), cast("b", "n", INT64)), constants(a=[2 * LOW + 500])
    ),
    "a cast to 8 bits": (filled(cast("a", "b", UINT8), cast("b", "n", INT64)), constants(a=[100 - 256])),
    "sums of 32 bits": (
        filled(
            helper.make_node("Add", ["a", "a"], ["b"]),
            helper.make_node("Add", ["b", "c"], ["d"]),
            cast("d", "n", INT64),
        ),
        constants(a=np.array([LOW], np.int32), c=np.array([500], np.int32)),
    ),
    "a fraction of whole numbers": (
        filled(
            cast("a", "b", TensorProto.FLOAT),
            cast("two", "c", TensorProto.FLOAT),
            helper.make_node("Div", ["b", "c"], ["d"]),
            helper.make_node("Mul", ["d", "e"], ["f"]),
            cast("f", "n", INT64),
        ),
        constants(a=[5], two=[2], e=floats(200)),
    ),
    "single precision": (
        filled(
            helper.make_node("Add", ["a", "b"], ["c"]),
            helper.make_node("Sub", ["c", "a"], ["d"]),
            helper.make_node("Sub", ["d", "b"], ["e"]),
            helper.make_node("Mul", ["e", "f"], ["g"]),
            cast("g", "n", INT64),
        ),
        constants(a=floats(1 << 24), b=floats(1), f=floats(-500)),
    ),
    "a long attribute": (
        [
            helper.make_node("Constant", [], ["a"], value_ints=[0] * 2000),
            helper.make_node("Identity", ["a"], ["y"]),
        ],
        [],
    ),
    "sides that keep their ratio": (
        [
            helper.make_node(
                "Resize", [X, "", "", "a"], ["y"], axes=[2, 3], keep_aspect_ratio_policy="not_smaller"
            )
        ],
        constants(a=[24, 5]),
    ),
    "a scale in single precision": (
        [helper.make_node("Resize", [X, "", "a"], ["y"])], constants(a=floats(1, 1, 1, 0.7))
    ),
    "a range of floats": (
        [helper.make_node("Range", ["a", "b", "c"], ["y"])],
        constants(a=FLOAT(-1), b=FLOAT(1 << 24), c=FLOAT(4096)),
    ),
}  # fmt: skip


def as_onnx_runtime_has_it(data):
    session = onnxruntime.InferenceSession(
        data, providers=["CPUExecutionProvider"], disabled_optimizers=["ConstantFolding"]
    )
    return session.run(["y"], {X: np.zeros(PICTURE, FLOAT)})[0].shape


@pytest.mark.parametrize(("nodes", "constants"), MISREAD.values(), ids=MISREAD)
def test_sizes_are_onnx_runtimes_or_none(nodes, constants):
    model = graph_of(nodes, constants)
    kind = INT64 if nodes[0].op_type == "Constant" else TensorProto.FLOAT
    model.graph.output.append(helper.make_tensor_value_info("y", kind, None))
    data = model.SerializeToString()
    real = as_onnx_runtime_has_it(data)
    try:
        reckoned = sizes_as_reckoned(data)["y"]
    except InputError:
        return  # it is not run
    assert reckoned == real


def varint(number):
    low = number & 127
    return bytes([low]) if number < 128 else bytes([low | 128]) + varint(number >> 7)


def test_a_number_of_32_bits_is_no_longer_in_a_file():
    """Protobuf keeps the low 32 bits of what is written as an int32; Python's library writes no other."""
    number = varint((2 * LOW + 500) & (1 << 64) - 1)
    tensor = b"\x08\x01\x10\x06\x42\x01a\x2a" + varint(len(number)) + number  # dims, type, name, int32_data
    model = graph_of(filled(cast("a", "n", INT64)))
    model.graph.output.append(helper.make_tensor_value_info("y", TensorProto.FLOAT, None))
    graph = model.graph.SerializeToString() + b"\x2a" + varint(len(tensor)) + tensor
    model.ClearField("graph")
    data = model.SerializeToString() + b"\x3a" + varint(len(graph)) + graph
    assert sizes_as_reckoned(data)["y"] == as_onnx_runtime_has_it(data) == (500,)


def test_a_side_below_0_is_refused():
    with pytest.raises(InputError, match="holds sides below 0"):
        check_onnx(graph_of(filled(), constants(n=[-1])).SerializeToString())


def test_numbers_do_not_grow_without_end():
    """Squaring a number 5,000 times would fill the memory with its digits."""
    nodes = [helper.make_node("Mul", ["c" if i == 0 else f"y{i}"] * 2, [f"y{i + 1}"]) for i in range(5000)]
    check_onnx(graph_of(nodes, [numpy_helper.from_array(ints(3), "c")]).SerializeToString())


UNTOLD = {
    "an operator that is not in the table": (
        [helper.make_node("Det", [X], ["y"])],
        "the operator Det, whose cost is not known here",
    ),
    "a size that the picture decides": (
        [
            helper.make_node("Cast", [X], ["i"], to=TensorProto.INT64),
            helper.make_node("Flatten", ["i"], ["f"]),
            helper.make_node("ConstantOfShape", ["f"], ["y"]),
        ],
        "a ConstantOfShape whose sizes do not fit or cannot be told",
    ),
    "an order that is none": (
        [helper.make_node("Relu", ["later"], ["y"]), helper.make_node("Relu", [X], ["later"])],
        "a node of Relu before what it takes",
    ),
    "windows of another rank": (
        [helper.make_node("MaxPool", [X], ["y"], kernel_shape=[2, 2, 2])],
        "a MaxPool whose sizes do not fit",
    ),
}


@pytest.mark.parametrize(("nodes", "message"), UNTOLD.values(), ids=UNTOLD)
def test_what_cannot_be_reckoned_is_refused(nodes, message):
    with pytest.raises(InputError, match=message):
        check_onnx(graph_of(nodes).SerializeToString())


@pytest.mark.parametrize("extra", [{"f": 2.0}, {"ints": [9, 9]}])
def test_an_attribute_has_one_value(extra):
    """A file may say two, and ONNX Runtime would take the other one."""
    model = graph_of([helper.make_node("Concat", [X, X], ["y"], axis=1)])
    attribute = model.graph.node[0].attribute[0]
    attribute.MergeFrom(onnx.AttributeProto(**extra))
    with pytest.raises(InputError, match="an attribute with two values"):
        check_onnx(model.SerializeToString())


def test_names_that_differ_in_bytes_that_are_no_text_stay_two():
    small, large = b"\xff", b"\xfe"
    times = {"AA": ints(1, 1, 10**6, 10**6), "BB": ints(1, 1, 1, 1)}
    constants = [numpy_helper.from_array(value, name) for name, value in times.items()]
    model = graph_of([helper.make_node("Tile", [X, "AA"], ["y"])], constants)
    data = model.SerializeToString().replace(b"AA", large + large).replace(b"BB", small + small)
    with pytest.raises(InputError, match="multiply-adds"):
        check_onnx(data)
