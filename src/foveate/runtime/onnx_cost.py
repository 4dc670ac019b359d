"""What an ONNX graph costs for one picture, reckoned from its shapes before ONNX Runtime sees it.

A graph of a few kilobytes can ask for hours: a chain of products of large matrices, tensors made from
nothing. So every node's sizes are worked out, in plain Python, and a graph is refused that takes more than
any network of a reasonable size does, or whose cost cannot be told: an operator that is not in the table
below, or a size that depends on what is in the picture. The table has what this program and torch's exporter
write for networks that look at pictures.

Shapes: https://github.com/onnx/onnx/blob/main/docs/Operators.md
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import NoReturn

from foveate.errors import InputError
from foveate.runtime import onnx_boxes as boxes
from foveate.runtime import onnx_products as products
from foveate.runtime import onnx_shapes as shapes
from foveate.runtime.onnx_call import Call, Graph, Node, Rule, Tensor
from foveate.words import printable

# Multiply-adds for one picture; the largest network of the guides takes 0.4e12 at the largest size that
# training takes (vgg19, 1,024 px), and two cores reckon this many in some ten seconds.
MAX_OPERATIONS = 1_000_000_000_000
ELEMENT_OPERATIONS = 100  # what writing one number takes in memory, in the time of so many multiply-adds
SLOW_ELEMENT_OPERATIONS = 2_000  # and one that is computed without vector instructions
MAX_RANK = 16
MAX_TURNS = 1_000  # of a loop, such as the words of a sentence


def operations(graph: Graph) -> int:
    """Multiply-adds for one picture, moving numbers through memory included.

    Raises InputError: more than 1e12, or it cannot be told.
    """
    return _total(computed(graph))


def _total(nodes: Iterator[tuple[Node, list[Tensor], int]]) -> int:
    total = 0
    for node, made, multiplied in nodes:
        each = SLOW_ELEMENT_OPERATIONS if node.kind in SLOW else ELEMENT_OPERATIONS
        total += multiplied + each * sum(math.prod(tensor.shape) for tensor in made)
        if total > MAX_OPERATIONS:
            _refuse(f"more than {MAX_OPERATIONS:,} multiply-adds for one picture")
    return total


def computed(
    graph: Graph, outside: Mapping[str, Tensor] | None = None
) -> Iterator[tuple[Node, list[Tensor], int]]:
    """Each node, what it computes, and the multiply-adds of doing so. Raises InputError as `operations`.

    outside: of the body of a loop, what is known around it, and what its inputs are.
    """
    known = {name: Tensor(shape) for name, shape in graph.inputs.items()}
    known = known | dict(outside or {}) | dict(graph.constants)
    known[""] = Tensor(())  # an input that is left out
    for node in graph.nodes:
        rule = RULES.get(node.kind)
        if rule is None and node.kind != "Loop":
            _refuse(f"the operator {printable(node.kind[:40])}, whose cost is not known here")
        if not known.keys() >= set(node.inputs):
            _refuse(f"a node of {printable(node.kind[:40])} before what it takes")
        if not known.keys().isdisjoint(filter(None, node.outputs)):
            _refuse("two values of one name")  # a constant's node is taken before all others
        call = Call(node, [known[name] for name in node.inputs])
        try:
            found = _repeated(call, known) if rule is None else rule(call)
        except InputError:
            raise
        except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
            raise InputError(
                f"holds a {printable(node.kind[:40])} whose sizes do not fit or cannot be told before it "
                "runs; a model that `foveate train` wrote never does, so it is not run."
            ) from error
        made = found[: len(node.outputs)]
        sides = [side for one in made for side in one.shape]
        if max(sides, default=0) > MAX_OPERATIONS or any(len(one.shape) > MAX_RANK for one in made):
            _refuse("tensors larger than any picture needs")
        if min(sides, default=0) < 0:
            _refuse("sides below 0")
        known.update(zip(node.outputs, made, strict=False))
        yield node, made, call.products


def _repeated(call: Call, outside: Mapping[str, Tensor]) -> list[Tensor]:
    """A loop of a constant number of turns at most, whose body changes no size: nothing is collected."""
    body, (turns,) = call.get("body"), call.values(0)
    carried = call.given[2:]
    if not 0 <= turns <= MAX_TURNS:
        _refuse(f"a loop of more than {MAX_TURNS:,} turns")
    number, going_on, *names = body.inputs
    inside = {number: Tensor(()), going_on: Tensor(())}
    inside |= {name: Tensor(value.shape) for name, value in zip(names, carried, strict=True)}
    known = dict(outside) | inside
    steps = list(computed(body, known))
    known |= dict(body.constants)
    for node, made, _ in steps:
        known.update(zip(node.outputs, made, strict=False))
    _, *after = [known[name] for name in body.outputs]
    if [one.shape for one in after] != [one.shape for one in carried]:
        raise ValueError("a loop that changes sizes, or collects what it finds")
    call.products = turns * _total(iter(steps))
    return [Tensor(one.shape) for one in carried]


def _refuse(what: str) -> NoReturn:
    raise InputError(f"holds {what}; a model that `foveate train` wrote never does, so it is not run.")


def _named(rule: Rule, names: str) -> dict[str, Rule]:
    return dict.fromkeys(names.split(), rule)


RULES: dict[str, Rule] = {
    **_named(
        shapes.same,
        "Abs Acos Acosh Asin Asinh Atan Atanh BatchNormalization Bernoulli CastLike Ceil Celu Clip Cos Cosh "
        "CumSum DequantizeLinear Dropout Elu Erf Exp Floor Gelu GroupNormalization HardSigmoid HardSwish "
        "Hardmax InstanceNormalization IsInf IsNaN LRN LayerNormalization LeakyRelu Log LogSoftmax "
        "LpNormalization MeanVarianceNormalization Mish Neg Not PRelu QuantizeLinear RandomNormalLike "
        "RandomUniformLike Reciprocal Relu Round ScatterElements ScatterND Selu Shrink Sigmoid Sign Sin "
        "Sinh Softmax Softplus Softsign Sqrt Swish Tan Tanh ThresholdedRelu Trilu",
    ),
    "Cast": shapes.cast,
    "Identity": shapes.same_values,
    **_named(
        shapes.elementwise,
        "And BitShift BitwiseAnd BitwiseOr BitwiseXor Equal Greater GreaterOrEqual Less LessOrEqual Max Mean "
        "Min Mod Or Pow Sum Where Xor",
    ),
    "Add": shapes.followed(lambda x, y: x + y),
    "Sub": shapes.followed(lambda x, y: x - y),
    "Mul": shapes.followed(lambda x, y: x * y),
    "Div": shapes.followed(shapes.divided),
    **_named(products.convolution(1), "Conv ConvInteger"),
    "QLinearConv": products.convolution(3),
    "ConvTranspose": products.transposed_convolution,
    "Gemm": products.dense,
    **_named(products.product(1), "MatMul MatMulInteger"),
    "QLinearMatMul": products.product(3),
    "Einsum": products.einsum,
    **_named(products.recurrent, "GRU LSTM RNN"),
    "DFT": products.fourier,
    "GridSample": products.sampled,
    **_named(products.pool, "AveragePool LpPool MaxPool"),
    **_named(products.pool_everything, "GlobalAveragePool GlobalLpPool GlobalMaxPool"),
    **_named(
        shapes.reduce,
        "ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum "
        "ReduceSumSquare",
    ),
    **_named(shapes.place_of_best, "ArgMax ArgMin"),
    "TopK": shapes.best,
    "Constant": shapes.constant,
    "Shape": shapes.shape_of,
    "Size": shapes.size_of,
    "Reshape": shapes.reshape,
    "Flatten": shapes.flatten,
    "Squeeze": shapes.squeeze,
    "Unsqueeze": shapes.unsqueeze,
    "Transpose": shapes.transpose,
    "Concat": shapes.concat,
    "Split": shapes.split,
    "Slice": shapes.slice_,
    "Gather": shapes.gather,
    "GatherElements": shapes.gather_elements,
    "GatherND": shapes.gather_nd,
    "Pad": shapes.pad,
    "Tile": shapes.tile,
    "Expand": shapes.expand,
    "ConstantOfShape": shapes.filled,
    "Range": shapes.range_,
    **_named(shapes.resize, "Resize Upsample"),
    "DepthToSpace": shapes.depth_to_space,
    "SpaceToDepth": shapes.space_to_depth,
    "OneHot": shapes.one_hot,
    "NonMaxSuppression": boxes.suppression,
    "RoiAlign": boxes.aligned_regions,
    "MaxRoiPool": boxes.pooled_regions,
    "NonZero": boxes.places_of_what_is_not_zero,
}
SLOW = frozenset(
    [
        "Acos",
        "Acosh",
        "Asin",
        "Asinh",
        "Atan",
        "Atanh",
        "Bernoulli",
        "Cos",
        "Cosh",
        "CumSum",
        "GatherElements",
        "GatherND",
        "Mod",
        "Pow",
        "RandomNormalLike",
        "RandomUniformLike",
        "ScatterElements",
        "ScatterND",
        "Sin",
        "Sinh",
        "Tan",
        "TopK",
        "Trilu",
    ]
)
