"""The very sum behind one number of a network: which numbers it is made of, and what they add up to.

``explain_value(recording, step, channel, row, column)`` takes the operands of one output number out of a
`foveate.explain.graph.Recording`, computes the number again in float64 from those float32 operands, and shows
every product. ``value`` is what the network itself computed, in float32 and in another order of summation.

What a window saw outside the map is NaN in ``input`` where nothing was there (zero padding, or the padding of
a pooling), and the pixel that was copied there where padding copies.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foveate.errors import InputError
from foveate.explain.graph import Recording, Step

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Term:
    """What one input map gives to the sum.

    step: whose result it is; None for a constant of the network. channel: which map; None where all values
    of a vector are meant. weight, input: numbers, or arrays of the same shape; sum: of weight·input.
    """

    step: int | None
    channel: int | None
    weight: Array | float
    input: Array | float
    sum: float


@dataclass(frozen=True)
class Window:
    """Where on the input maps, in their pixels; it may reach outside. Ends are included in the counts.

    rows, columns: the very lines that are looked at (dilation leaves some out).
    """

    top: int
    left: int
    height: int
    width: int
    stride: tuple[int, int]
    dilation: tuple[int, int]
    rows: tuple[int, ...]
    columns: tuple[int, ...]


@dataclass(frozen=True)
class Arithmetic:
    """One output number taken apart.

    value: the network's own number. total: what the operands make, in float64; None where this program does
    not know the operation, and then only the operands are shown. field: (top, bottom, left, right), ends
    included, of what the number can depend on, cut to the picture. facts: what else belongs to the operation.
    """

    op: str
    value: float
    total: float | None
    terms: tuple[Term, ...] = ()
    bias: float | None = None
    window: Window | None = None
    field: tuple[int, int, int, int] = (0, 0, 0, 0)
    steps: tuple[str, ...] = ()
    facts: dict[str, Any] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """One output number of one step of a run."""

    recording: Recording
    number: int
    channel: int
    row: int = 0
    column: int = 0

    @property
    def step(self) -> Step:
        return self.recording.steps[self.number]

    @property
    def index(self) -> tuple[int, ...]:
        return (self.channel, self.row, self.column)[: len(self.step.shape)]

    @property
    def value(self) -> float:
        return float(self.recording.values[self.number][self.index])

    def input(self, i: int = 0) -> Array:
        """The whole result of the i-th input, in its own type."""
        array: Array = self.recording.values[self.step.inputs[i]].numpy()
        return array

    def tensor(self, name: str) -> Array | None:
        found = self.step.tensors.get(name)
        return None if found is None else found.cpu().numpy()

    def at(self, i: int = 0) -> float:
        """The number of the i-th input at this very place; an axis of length 1 is broadcast."""
        values = self.input(i)
        return float(values[same_place(values.shape, self.index)])


def explain_value(
    recording: Recording, number: int, channel: int, row: int = 0, column: int = 0
) -> Arithmetic:
    """Take one number of step ``number`` apart; a vector has channels only.

    Raises:
        InputError: there is no such step or place.
    """
    if not 0 <= number < len(recording.steps):
        raise InputError(f"The network has the steps 0 to {len(recording.steps) - 1}, and not {number}.")
    shape = recording.steps[number].shape
    for name, index, length in zip(("channel", "row", "column"), (channel, row, column), shape, strict=False):
        if not 0 <= index < length:
            raise InputError(f"{name} must be 0 to {length - 1} here, and is {index}.")
    place = Place(recording, number, channel, row, column)
    found = TABLE.get(place.step.op, _other)(place)
    return replace(found, field=seen(place))


def seen(place: Place) -> tuple[int, int, int, int]:
    """(top, bottom, left, right) of the pixels a number can depend on, ends included, cut to the picture."""
    _, height, width = place.recording.steps[0].shape
    step = place.step
    if step.op == "flatten":
        return seen(_before_flattening(place))
    if len(step.shape) != 3:
        return 0, height - 1, 0, width - 1
    top, bottom, left, right = step.seen.sees(place.row, place.column)
    return max(top, 0), min(bottom, height - 1), max(left, 0), min(right, width - 1)


def same_place(shape: tuple[int, ...], index: tuple[int, ...]) -> tuple[int, ...]:
    """An index into an array that is broadcast to a larger one: from the right, 0 on axes of length 1."""
    return tuple(0 if n == 1 else i for n, i in zip(shape, index[len(index) - len(shape) :], strict=True))


def shown(value: float) -> str:
    """Six figures, with a minus as long as a plus is wide."""
    return f"{value + 0.0:.6g}".replace("-", "−")


# --- Windows -----------------------------------------------------------------------------------------------


def _window(place: Place) -> Window:
    given = place.step.settings
    (kh, kw), (sh, sw), (dh, dw) = given["kernel"], given["stride"], given["dilation"]
    (before_rows, _), (before_columns, _) = given["around"]
    top, left = place.row * sh - before_rows, place.column * sw - before_columns
    return Window(
        top=top,
        left=left,
        height=dh * (kh - 1) + 1,
        width=dw * (kw - 1) + 1,
        stride=(sh, sw),
        dilation=(dh, dw),
        rows=tuple(top + dh * i for i in range(kh)),
        columns=tuple(left + dw * j for j in range(kw)),
    )


def _patch(values: Array, window: Window, fill: str = "zeros") -> Array:
    """(C, kh, kw) float64 of maps (C, H, W) under a window; NaN where nothing is there."""
    rows, outside_rows = _lines(window.rows, values.shape[1], fill)
    columns, outside_columns = _lines(window.columns, values.shape[2], fill)
    patch = values[:, rows][:, :, columns].astype(np.float64)
    patch[:, outside_rows] = np.nan
    patch[:, :, outside_columns] = np.nan
    return patch


def _lines(wanted: tuple[int, ...], n: int, fill: str) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Where lines are taken from on an axis of n, and which of them lie outside and are empty."""
    index = np.asarray(wanted, np.int64)
    outside = (index < 0) | (index >= n)
    if fill == "reflect":
        index = np.abs(index)
        index = np.where(index >= n, 2 * (n - 1) - index, index)
    elif fill == "circular":
        index = index % n
    inside = np.clip(index, 0, n - 1)  # what "replicate" means
    return inside, outside & (fill == "zeros")


def _convolution(place: Place) -> Arithmetic:
    given, weight, bias = place.step.settings, place.tensor("weight"), place.tensor("bias")
    if weight is None:
        return _other(place)
    window = _window(place)
    kernel = weight[place.channel].astype(np.float64)  # (C_in / groups, kh, kw)
    first = place.channel // (len(weight) // given["groups"]) * len(kernel)
    patch = _patch(place.input()[first : first + len(kernel)], window, given["fill"])
    sums = np.nansum(kernel * patch, axis=(1, 2))
    source = place.step.inputs[0]
    terms = tuple(Term(source, first + i, kernel[i], patch[i], float(sums[i])) for i in range(len(kernel)))
    return _weighted(place, terms, bias, window, kernel.size)


def _linear(place: Place) -> Arithmetic:
    weight, bias = place.tensor("weight"), place.tensor("bias")
    if weight is None:
        return _other(place)
    row, values = weight[place.channel].astype(np.float64), place.input().astype(np.float64)
    term = Term(place.step.inputs[0], None, row, values, float(row @ values))
    found = _weighted(place, (term,), bias, None, row.size)
    maps = _map_before(place.recording, place.step.inputs[0])
    return replace(found, facts={"map_shape": None if maps is None else list(maps)})


def _map_before(recording: Recording, number: int) -> tuple[int, ...] | None:
    """The shape of the map that a vector was, before it was laid flat."""
    while recording.steps[number].op in ("flatten", "dropout"):
        number = recording.steps[number].inputs[0]
    shape = recording.steps[number].shape
    return shape if len(shape) == 3 else None


def _weighted(
    place: Place, terms: tuple[Term, ...], bias: Array | None, window: Window | None, products: int
) -> Arithmetic:
    total = math.fsum(term.sum for term in terms)
    steps = [f"sum of {products:,} products = {shown(total)}"]
    added = None if bias is None else float(bias[place.channel])
    if added is not None:
        steps.append(f"{shown(total)} + bias {shown(added)} = {shown(total + added)}")
        total += added
    return Arithmetic(place.step.op, place.value, total, terms, added, window, steps=tuple(steps))


def _greatest(place: Place) -> Arithmetic:
    """Max and min pooling: no weights, but where the number comes from."""
    window = _window(place)
    patch = _patch(place.input()[place.channel : place.channel + 1], window)[0]
    least = place.step.op == "min_pool"
    return _chosen(place, patch, window, least=least)


def _chosen(place: Place, patch: Array, window: Window | None, *, least: bool = False) -> Arithmetic:
    at = np.unravel_index(int(np.nanargmin(patch) if least else np.nanargmax(patch)), patch.shape)
    total, word = float(patch[at]), "least" if least else "greatest"
    weight = np.zeros_like(patch)
    weight[at] = 1.0
    term = Term(place.step.inputs[0], place.channel, weight, patch, total)
    count = int(np.isfinite(patch).sum())
    return Arithmetic(
        place.step.op,
        place.value,
        total,
        (term,),
        window=window,
        steps=(f"the {word} of {count} = {shown(total)}, at row {at[0]}, column {at[1]} of the window",),
        facts={"at": [int(at[0]), int(at[1])]},
    )


def _average(place: Place) -> Arithmetic:
    window, given = _window(place), place.step.settings
    patch = _patch(place.input()[place.channel : place.channel + 1], window)[0]
    divisor = given["divisor"] or _divisor(place, window, int(np.isfinite(patch).sum()))
    return _mean(place, patch, window, divisor)


def _divisor(place: Place, window: Window, inside: int) -> int:
    """What torch divides by: the window cut to the padded map, or to the map alone."""
    if not place.step.settings["count_include_pad"]:
        return inside
    around, (_, height, width) = place.step.settings["around"], place.input().shape
    rows = sum(row < height + around[0][1] for row in window.rows)
    columns = sum(column < width + around[1][1] for column in window.columns)
    return rows * columns


def _mean(place: Place, patch: Array, window: Window | None, divisor: float) -> Arithmetic:
    sum_, weight = float(np.nansum(patch)), np.full_like(patch, 1 / divisor)
    total = sum_ / divisor
    term = Term(place.step.inputs[0], place.channel, weight, patch, total)
    steps = (
        f"sum of {int(np.isfinite(patch).sum()):,} values = {shown(sum_)}",
        f"{shown(sum_)} / {divisor:,} = {shown(total)}",
    )
    return Arithmetic(
        place.step.op, place.value, total, (term,), window=window, steps=steps, facts={"divisor": divisor}
    )


def _summed(place: Place) -> Arithmetic:
    """Sum, L2 and Gaussian pooling."""
    window, op = _window(place), place.step.op
    patch = _patch(place.input()[place.channel : place.channel + 1], window)[0]
    weight = np.ones_like(patch)
    if op == "gaussian_pool":
        weight = np.asarray(place.step.settings["weights"], np.float64)
        weight = weight / weight[np.isfinite(patch)].sum()
    squares = op == "l2_pool"
    sum_ = float(np.nansum(weight * (patch * patch if squares else patch)))
    total = math.sqrt(sum_) if squares else sum_
    term = Term(place.step.inputs[0], place.channel, weight, patch, sum_)
    what = "squares" if squares else "values" if op == "sum_pool" else "products"
    steps = [f"sum of {int(np.isfinite(patch).sum())} {what} = {shown(sum_)}"]
    steps += [f"√{shown(sum_)} = {shown(total)}"] if squares else []
    return Arithmetic(op, place.value, total, (term,), window=window, steps=tuple(steps))


def _over_places(place: Place) -> Arithmetic:
    """Global and adaptive pooling: the window is a cell of the map, or all of it."""
    values = place.input()[place.channel]  # (H, W)
    if place.step.op.startswith("global"):
        rows, columns = range(values.shape[0]), range(values.shape[1])
    else:
        rows = _cell(values.shape[0], place.step.shape[1], place.row)
        columns = _cell(values.shape[1], place.step.shape[2], place.column)
    patch = values[rows.start : rows.stop, columns.start : columns.stop].astype(np.float64)
    window = Window(
        top=rows.start,
        left=columns.start,
        height=len(rows),
        width=len(columns),
        stride=(len(rows), len(columns)),
        dilation=(1, 1),
        rows=tuple(rows),
        columns=tuple(columns),
    )
    if place.step.op.endswith("max_pool"):
        return _chosen(place, patch, window)
    return _mean(place, patch, window, patch.size)


def _cell(n: int, count: int, i: int) -> range:
    return range(i * n // count, -(-(i + 1) * n // count))


# --- Number by number --------------------------------------------------------------------------------------


def _batch_norm(place: Place) -> Arithmetic:
    x, eps, channel = place.at(), place.step.settings["eps"], place.channel
    mean, variance, gamma, beta = (
        default if (array := place.tensor(name)) is None else float(array[channel])
        for name, default in (("mean", 0.0), ("variance", 1.0), ("gamma", 1.0), ("beta", 0.0))
    )
    deviation = math.sqrt(variance + eps)
    scaled = (x - mean) / deviation
    total = scaled * gamma + beta
    steps = (
        f"√(variance {shown(variance)} + {eps:g}) = {shown(deviation)}",
        f"({shown(x)} − mean {shown(mean)}) / {shown(deviation)} = {shown(scaled)}",
        f"{shown(scaled)} · gamma {shown(gamma)} + beta {shown(beta)} = {shown(total)}",
    )
    facts = {"mean": mean, "variance": variance, "eps": eps, "gamma": gamma, "beta": beta}
    term = Term(place.step.inputs[0], channel, gamma / deviation, x, gamma / deviation * x)
    return Arithmetic("batch_norm", place.value, total, (term,), steps=steps, facts=facts)


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def _gelu(x: float, approximate: str) -> float:
    if approximate == "tanh":
        return 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return 0.5 * x * (1 + math.erf(x / math.sqrt(2)))


# What each activation makes of x, and how it is written.
ACTIVATIONS: dict[str, tuple[Callable[..., float], str]] = {
    "relu": (lambda x: max(x, 0.0), "max({x}, 0)"),
    "relu6": (lambda x: min(max(x, 0.0), 6.0), "min(max({x}, 0), 6)"),
    "silu": (lambda x: x * _sigmoid(x), "{x} · 1/(1 + e^(−({x})))"),
    "sigmoid": (_sigmoid, "1/(1 + e^(−({x})))"),
    "tanh": (math.tanh, "tanh({x})"),
    "hardswish": (lambda x: x * min(max(x + 3, 0.0), 6.0) / 6, "{x} · min(max({x} + 3, 0), 6)/6"),
    "hardsigmoid": (lambda x: min(max(x + 3, 0.0), 6.0) / 6, "min(max({x} + 3, 0), 6)/6"),
    "mish": (lambda x: x * math.tanh(np.logaddexp(0, x)), "{x} · tanh(ln(1 + e^({x})))"),
    "clamp": (lambda x, low, high: min(max(x, low), high), "min(max({x}, {low:g}), {high:g})"),
    "gelu": (_gelu, "{x} · Φ({x})"),
    "leaky_relu": (lambda x, slope: x if x >= 0 else slope * x, "{x} where positive, else {slope:g} · {x}"),
    "elu": (lambda x, alpha: x if x > 0 else alpha * math.expm1(x), "{x} where positive, else {alpha:g}·(e^x − 1)"),
    "neg": (lambda x: -x, "−({x})"),
    "dropout": (lambda x, p: x, "{x} as it is (dropout is for training)"),
}  # fmt: skip


def _activation(place: Place) -> Arithmetic:
    function, written = ACTIVATIONS[place.step.op]
    x, settings = place.at(), place.step.settings
    total = function(x, **settings) if math.isfinite(x) else math.nan
    term = Term(place.step.inputs[0], place.channel, 1.0, x, x)
    steps = (f"{written.format(x=shown(x), **settings)} = {shown(total)}",)
    return Arithmetic(place.step.op, place.value, total, (term,), steps=steps, facts={"x": x})


def _pad(place: Place) -> Arithmetic:
    (top, _), (left, _) = place.step.settings["around"]
    values, fill = place.input(), place.step.settings["fill"]
    row, outside_row = _lines((place.row - top,), values.shape[1], fill)
    column, outside_column = _lines((place.column - left,), values.shape[2], fill)
    if outside_row[0] or outside_column[0]:
        total = place.step.settings["value"]
        return Arithmetic("pad", place.value, total, steps=(f"padding: {shown(total)}",))
    total = float(values[place.channel, row[0], column[0]])
    term = Term(place.step.inputs[0], place.channel, 1.0, total, total)
    steps = (f"the value at row {row[0]}, column {column[0]}: {shown(total)}",)
    return Arithmetic("pad", place.value, total, (term,), steps=steps)


# --- Several inputs ----------------------------------------------------------------------------------------

SIGNS = {"add": "+", "sub": "−", "mul": "·", "div": "/"}
COMPUTE: dict[str, Callable[[float, float], float]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b if b else math.nan,
}


def _operands(place: Place) -> Arithmetic:
    """Sums, differences, products and quotients of two: steps' results, or a constant of the network."""
    taken, numbers, terms = 0, [], []
    for constant in place.step.settings["constants"]:
        if constant is None:
            number, source = place.at(taken), place.step.inputs[taken]
            channel = place.channel if len(place.recording.steps[source].shape) else None
            taken += 1
        else:
            number, source, channel = _constant(constant, place), None, None
        numbers.append(number)
        terms.append(Term(source, channel, 1.0, number, number))
    op = place.step.op
    total = COMPUTE[op](numbers[0], numbers[1])
    if op == "sub":
        terms[1] = replace(terms[1], weight=-1.0, sum=-numbers[1])
    steps = (f"{shown(numbers[0])} {SIGNS[op]} {shown(numbers[1])} = {shown(total)}",)
    return Arithmetic(op, place.value, total, tuple(terms), steps=steps)


def _constant(constant: Any, place: Place) -> float:
    if not hasattr(constant, "shape"):
        return float(constant)
    array = constant.detach().cpu().numpy()
    while array.ndim > len(place.index):
        array = array[0]  # the batch
    return float(array[same_place(array.shape, place.index)])


def _concatenation(place: Place) -> Arithmetic:
    channel, first = place.channel, 0
    for source in place.step.inputs:
        count = place.recording.steps[source].shape[0]
        if channel < first + count:
            break
        first += count
    index = (channel - first, *place.index[1:])
    total = float(place.recording.values[source][index])
    term = Term(source, channel - first, 1.0, total, total)
    steps = (f"channel {channel} is channel {channel - first} of its input {shown(total)}",)
    return Arithmetic("concat", place.value, total, (term,), steps=steps)


def _before_flattening(place: Place) -> Place:
    source = place.step.inputs[0]
    position = int(np.ravel_multi_index(place.index, place.step.shape))
    index = [int(i) for i in np.unravel_index(position, place.recording.steps[source].shape)]
    return Place(place.recording, source, *index)


def _flatten(place: Place) -> Arithmetic:
    before = _before_flattening(place)
    total = before.value
    words = ", ".join(
        f"{name} {i}" for name, i in zip(("channel", "row", "column"), before.index, strict=False)
    )
    term = Term(before.number, before.channel, 1.0, total, total)
    facts = {"from": {"channel": before.channel, "row": before.row, "column": before.column}}
    return Arithmetic(
        "flatten", place.value, total, (term,), steps=(f"{words}: {shown(total)}",), facts=facts
    )


def _softmax(place: Place) -> Arithmetic:
    temperature = place.step.settings["temperature"]
    logits = place.input().astype(np.float64)
    most = float(logits.max())
    exponentials = np.exp((logits - most) / temperature)
    sum_, own = float(exponentials.sum()), float(exponentials[place.channel])
    total = own / sum_
    divided = "" if temperature == 1 else f" / temperature {shown(temperature)}"
    steps = (
        f"e^(({shown(float(logits[place.channel]))} − {shown(most)}){divided}) = {shown(own)}",
        f"sum of all {len(logits):,} = {shown(sum_)}",
        f"{shown(own)} / {shown(sum_)} = {shown(total)}",
    )
    facts = {"logits": logits, "exp": exponentials, "sum": sum_, "greatest": most, "temperature": temperature}
    term = Term(place.step.inputs[0], None, np.ones_like(logits), logits, float(logits.sum()))
    return Arithmetic("softmax", place.value, total, (term,), steps=steps, facts=facts)


def _input(place: Place) -> Arithmetic:
    steps = ("a number of the picture, after normalisation",)
    return Arithmetic("input", place.value, place.value, steps=steps)


def _other(place: Place) -> Arithmetic:
    """An operation without a formula here: what went in at this place, where that can be said; no total."""
    terms = []
    for source in dict.fromkeys(place.step.inputs):
        shape = place.recording.steps[source].shape
        if len(shape) == len(place.index) and all(n in (1, m) for n, m in zip(shape, place.step.shape)):
            number = float(place.recording.values[source][same_place(shape, place.index)])
            terms.append(Term(source, place.channel, 1.0, number, number))
    steps = (f"{place.step.label} is not taken apart here",)
    return Arithmetic("other", place.value, None, tuple(terms), steps=steps)


TABLE: dict[str, Callable[[Place], Arithmetic]] = {
    "input": _input,
    "conv2d": _convolution,
    "linear": _linear,
    "batch_norm": _batch_norm,
    **dict.fromkeys(ACTIVATIONS, _activation),
    "max_pool": _greatest,
    "min_pool": _greatest,
    "avg_pool": _average,
    **dict.fromkeys(("sum_pool", "l2_pool", "gaussian_pool"), _summed),
    **dict.fromkeys(
        ("global_avg_pool", "global_max_pool", "adaptive_avg_pool", "adaptive_max_pool"), _over_places
    ),
    **dict.fromkeys(("add", "sub", "mul", "div"), _operands),
    "concat": _concatenation,
    "flatten": _flatten,
    "softmax": _softmax,
    "pad": _pad,
}
