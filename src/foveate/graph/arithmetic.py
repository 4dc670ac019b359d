"""The very sum behind one number of a network: which numbers it is made of, and what they add up to.

``explain_value(recording, step, channel, row, column)`` takes the operands of one output number out of a
`foveate.graph.recording.Recording`, computes the number again in float64 from those float32 operands, and
shows every product. ``value`` is what the network itself computed, in float32 and in another order of
summation.

What a window saw outside the map is NaN in ``input`` where nothing was there (zero padding, or the padding of
a pooling), and the pixel that was copied there where padding copies.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from foveate.errors import InputError
from foveate.graph.recording import Recording
from foveate.graph.value import Arithmetic, Formula, Place, Term, same_place, shown
from foveate.graph.window_sums import WINDOWS, lines

__all__ = ["Arithmetic", "explain_value"]


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


# --- Number by number --------------------------------------------------------------------------------------


def _batch_norm(place: Place) -> Arithmetic:
    x, eps, channel = place.at(), place.step.settings["eps"], place.channel
    mean, variance, gamma, beta = (
        default if (array := place.optional(name)) is None else float(array[channel])
        for name, default in (("mean", 0.0), ("variance", 1.0), ("gamma", 1.0), ("beta", 0.0))
    )
    deviation = math.sqrt(variance + eps)
    scaled = (x - mean) / deviation
    total = scaled * gamma + beta
    steps = (
        Formula(f"√(variance {shown(variance)} + {eps:g})", shown(deviation)),
        Formula(f"({shown(x)} − mean {shown(mean)}) / {shown(deviation)}", shown(scaled)),
        Formula(f"{shown(scaled)} · gamma {shown(gamma)} + beta {shown(beta)}", shown(total)),
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
    "elu": (
        lambda x, alpha: x if x > 0 else alpha * math.expm1(x),
        "{x} where positive, else {alpha:g} · (e^({x}) − 1)",
    ),
    "neg": (lambda x: -x, "−({x})"),
    "dropout": (lambda x, p: x, "{x} as it is (dropout is for training)"),
}  # fmt: skip


def _activation(place: Place) -> Arithmetic:
    function, written = ACTIVATIONS[place.step.op]
    x, settings = place.at(), place.step.settings
    total = function(x, **settings) if math.isfinite(x) else math.nan
    term = Term(place.step.inputs[0], place.channel, 1.0, x, x)
    steps = (Formula(written.format(x=shown(x), **settings), shown(total)),)
    return Arithmetic(place.step.op, place.value, total, (term,), steps=steps, facts={"x": x})


def _pad(place: Place) -> Arithmetic:
    (top, _), (left, _) = place.step.settings["around"]
    values, fill = place.input(), place.step.settings["fill"]
    row, outside_row = lines((place.row - top,), values.shape[1], fill)
    column, outside_column = lines((place.column - left,), values.shape[2], fill)
    if outside_row[0] or outside_column[0]:
        total = place.step.settings["value"]
        return Arithmetic("pad", place.value, total, steps=(Formula("padding", shown(total)),))
    total = float(values[place.channel, row[0], column[0]])
    term = Term(place.step.inputs[0], place.channel, 1.0, total, total)
    steps = (Formula(f"the value at row {row[0]}, column {column[0]}", shown(total)),)
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
    steps = (Formula(f"{shown(numbers[0])} {SIGNS[op]} {shown(numbers[1])}", shown(total)),)
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
    steps = (Formula(f"channel {channel} is channel {channel - first} of its input", shown(total)),)
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
    steps = (Formula(words, shown(total)),)
    return Arithmetic("flatten", place.value, total, (term,), steps=steps, facts=facts)


def _softmax(place: Place) -> Arithmetic:
    temperature = place.step.settings["temperature"]
    logits = place.input().astype(np.float64)
    most = float(logits.max())
    exponentials = np.exp((logits - most) / temperature)
    sum_, own = float(exponentials.sum()), float(exponentials[place.channel])
    total = own / sum_
    divided = "" if temperature == 1 else f" / temperature {shown(temperature)}"
    steps = (
        Formula(f"e^(({shown(float(logits[place.channel]))} − {shown(most)}){divided})", shown(own)),
        Formula(f"sum of all {len(logits):,}", shown(sum_)),
        Formula(f"{shown(own)} / {shown(sum_)}", shown(total)),
    )
    facts = {"logits": logits, "exp": exponentials, "sum": sum_, "greatest": most, "temperature": temperature}
    term = Term(place.step.inputs[0], None, np.ones_like(logits), logits, float(logits.sum()))
    return Arithmetic("softmax", place.value, total, (term,), steps=steps, facts=facts)


def _input(place: Place) -> Arithmetic:
    steps = (Formula("a number of the picture, after normalisation"),)
    return Arithmetic("input", place.value, place.value, steps=steps)


def _other(place: Place) -> Arithmetic:
    """An operation without a formula here: what went in at this place, where that can be said; no total."""
    terms = []
    for source in dict.fromkeys(place.step.inputs):
        shape = place.recording.steps[source].shape
        fits = [n in (1, m) for n, m in zip(shape, place.step.shape, strict=False)]
        if len(shape) == len(place.index) and all(fits):
            number = float(place.recording.values[source][same_place(shape, place.index)])
            terms.append(Term(source, place.channel, 1.0, number, number))
    steps = (Formula(f"{place.step.label} is not taken apart here"),)
    return Arithmetic("other", place.value, None, tuple(terms), steps=steps)


TABLE: dict[str, Callable[[Place], Arithmetic]] = {
    "input": _input,
    **WINDOWS,
    "batch_norm": _batch_norm,
    **dict.fromkeys(ACTIVATIONS, _activation),
    **dict.fromkeys(("add", "sub", "mul", "div"), _operands),
    "concat": _concatenation,
    "flatten": _flatten,
    "softmax": _softmax,
    "pad": _pad,
}
