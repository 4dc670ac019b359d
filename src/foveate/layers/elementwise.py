"""What is done number by number: sums, products and quotients of maps, and functions of one number."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from foveate.operators.onnx import OnnxGraph, alike, cast, only, plain, type_name
from foveate.operators.optional_torch import nn
from foveate.operators.reading import Reading, Value
from foveate.operators.sums import Arithmetic, Formula, Place, Term, pointwise, same_place, shown
from foveate.operators.table import reads, sums, writes, writes_kind

# --- Of one number -----------------------------------------------------------------------------------------

for _name, _kind in {
    "neg": "Neg", "sqrt": "Sqrt", "exp": "Exp", "log": "Log", "floor": "Floor", "abs": "Abs", "erf": "Erf",
    "reciprocal": "Reciprocal", "ceil": "Ceil", "logical_not": "Not",
}.items():  # fmt: skip
    writes(_name)(plain(_kind))

reads("neg", "negative")(lambda out, input: Reading("neg", "negative"))
sums("neg")(pointwise(lambda x: -x, "−({x})"))


_CASTS = ("float", "double", "long", "int", "byte", "bool", "type", "to")


@reads(*_CASTS)
def _read_cast(out: Value, input: Value, *_: Any, **__: Any) -> Reading | None:
    if out.dtype == input.dtype:
        return None
    name = str(out.dtype).removeprefix("torch.")
    return Reading("cast", f"as {name}", {"to": name})


def _cast_one(x: float, to: str) -> float:
    if to == "bool":
        return float(x != 0)
    return x if "float" in to else float(math.trunc(x))


sums("cast")(pointwise(_cast_one, "{x} as {to}"))


@writes(*_CASTS, "contiguous", "clone", "detach")
def _write_same_numbers(g: OnnxGraph, input: Value, *_: Any, **__: Any) -> Any:
    return cast(g, input, g.out.dtype)


@reads("round")
def _read_round(out: Value, input: Any, *, decimals: int = 0) -> Reading | None:
    return Reading("round", "round") if decimals == 0 else None


writes_kind("round")(lambda g, input, reading: g.op("Round", input))
sums("round")(pointwise(lambda x: float(np.rint(x)), "{x} to the nearest whole number, of two to the even"))


# --- Of two ------------------------------------------------------------------------------------------------


def _aligned(out: Value, operands: tuple[Any, ...]) -> bool:
    """Whether each operand's number at a place of the result can be told from the axes as they are kept."""
    for value in operands:
        if isinstance(value, Value) and value.ndim not in (0, out.ndim):
            return False
    return out.ndim <= 4 and len(out) == 1


def _binary(op: str, label: str, *, turned: bool = False) -> Callable[..., Reading | None]:
    def read(out: Value, input: Any, other: Any, *, alpha: Any = 1, rounding_mode: Any = None) -> Any:
        if alpha != 1 or rounding_mode is not None or not _aligned(out, (input, other)):
            return None
        operands = (other, input) if turned else (input, other)
        numbers = tuple(value.number for value in operands if isinstance(value, Value))
        constants = tuple(None if isinstance(value, Value) else value for value in operands)
        learnt = {f"constant {i}": one for i, one in enumerate(constants) if isinstance(one, nn.Parameter)}
        return Reading(op, label, {"constants": constants}, learnt, inputs=numbers)

    return read


def _binary_in_onnx(kind: str, *, turned: bool = False) -> Callable[..., Any]:
    def write(g: OnnxGraph, input: Any, other: Any, *, alpha: Any = 1, rounding_mode: Any = None) -> Any:
        only(alpha == 1 and rounding_mode is None, f"{kind} with a factor or with rounding")
        only(type_name(g.out.dtype) not in {"bool", "uint8"}, f"{kind} of numbers that run over")
        operands = alike(g, *((other, input) if turned else (input, other)), least=type_name(g.out.dtype))
        return g.op(kind, *operands)

    return write


for _names, _op, _label, _turned in (
    (("add", "radd", "iadd"), "add", "add", False),
    (("mul", "rmul", "imul", "multiply"), "mul", "multiply", False),
    (("sub", "isub", "subtract"), "sub", "subtract", False),
    (("rsub",), "sub", "subtract", True),
    (("div", "truediv", "itruediv", "divide", "true_divide"), "div", "divide", False),
    (("rdiv", "rtruediv"), "div", "divide", True),
):
    reads(*_names)(_binary(_op, _label, turned=_turned))
    writes(*_names)(_binary_in_onnx(_op.capitalize(), turned=_turned))


def _writes_alike(name: str, *kinds: str) -> None:
    """Writes a function of two as these operators, the later ones of what the first gives."""

    def write(g: OnnxGraph, input: Any, other: Any) -> Any:
        first, *others = kinds
        # The runtime compares no small whole numbers; the larger types hold them all.
        result = g.op(first, *alike(g, input, other, least="int32"))
        for kind in others:
            result = g.op(kind, result)
        return result

    writes(name)(write)


for _name, _kinds in {
    "maximum": ("Max",), "minimum": ("Min",), "gt": ("Greater",), "ge": ("GreaterOrEqual",), "lt": ("Less",),
    "le": ("LessOrEqual",), "eq": ("Equal",), "ne": ("Equal", "Not"),
}.items():  # fmt: skip
    _writes_alike(_name, *_kinds)


def _greater_or_less(op: str, label: str) -> None:
    def read(out: Value, input: Any, other: Any) -> Reading | None:
        return _binary(op, label)(out, input, other)

    reads(op)(read)


_greater_or_less("maximum", "the greater")
_greater_or_less("minimum", "the less")


@writes("where")
def _write_where(g: OnnxGraph, condition: Value, input: Any, other: Any) -> Any:
    return g.op("Where", condition, *alike(g, input, other, least=type_name(g.out.dtype)))


@writes("pow")
def _write_pow(g: OnnxGraph, input: Any, exponent: Any) -> Any:
    return g.op("Mul", input, input) if exponent == 2 else g.op("Pow", input, exponent)


_SIGNS = {"add": "+", "sub": "−", "mul": "·", "div": "/"}
_COMPUTE: dict[str, Callable[[float, float], float]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b if b else math.nan,
    "maximum": max,
    "minimum": min,
}


@sums(*_COMPUTE)
def _sum(place: Place) -> Arithmetic:
    """Sums, products and the like of two: results of steps, or a constant of the network."""
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
    total = _COMPUTE[op](numbers[0], numbers[1])
    if op == "sub":
        terms[1] = replace(terms[1], weight=-1.0, sum=-numbers[1])
    if op in _SIGNS:
        text = f"{shown(numbers[0])} {_SIGNS[op]} {shown(numbers[1])}"
    else:
        text = f"{op[:3]}({shown(numbers[0])}, {shown(numbers[1])})"
    steps = (Formula(text, shown(total)),)
    return Arithmetic(op, place.value, total, tuple(terms), steps=steps)


def _constant(constant: Any, place: Place) -> float:
    if not hasattr(constant, "shape"):
        return float(constant)
    array = constant.detach().cpu().numpy()
    while array.ndim > len(place.index):
        array = array[0]  # the batch
    return float(array[same_place(array.shape, place.index)])
