"""Readers of activations, of sums and products of maps, and of what only moves values."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from torch import Tensor

from foveate.graph.reading import FUNCTIONS, Reading, reads
from foveate.graph.trace import Value

__all__ = ["ACTIVATIONS", "FUNCTIONS"]

# --- Activations -------------------------------------------------------------------------------------------

ACTIVATIONS = {
    "relu": "ReLU",
    "silu": "SiLU",
    "sigmoid": "sigmoid",
    "tanh": "tanh",
    "hardswish": "hard swish",
    "hardsigmoid": "hard sigmoid",
    "mish": "mish",
    "relu6": "ReLU6",
}
for _name, _label in ACTIVATIONS.items():
    reads(_name)(lambda out, input, inplace=False, _name=_name, _label=_label: Reading(_name, _label, {}))


@reads("hardtanh")
def _hardtanh(
    out: Value, input: Any, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> Reading:
    if (min_val, max_val) == (0, 6):  # what torch's ReLU6 calls
        return Reading("relu6", "ReLU6", {})
    return Reading("clamp", "clamp", {"low": float(min_val), "high": float(max_val)})


@reads("clamp", "clip")
def _clamp(out: Value, input: Any, min: Any = None, max: Any = None) -> Reading | None:
    if isinstance(min, Tensor | Value) or isinstance(max, Tensor | Value):
        return None
    low, high = -math.inf if min is None else float(min), math.inf if max is None else float(max)
    return Reading("clamp", "clamp", {"low": low, "high": high})


@reads("gelu")
def _gelu(out: Value, input: Any, approximate: str = "none") -> Reading:
    return Reading("gelu", "GELU", {"approximate": approximate})


@reads("leaky_relu")
def _leaky_relu(out: Value, input: Any, negative_slope: float = 0.01, inplace: bool = False) -> Reading:
    return Reading("leaky_relu", "leaky ReLU", {"slope": float(negative_slope)})


@reads("elu")
def _elu(out: Value, input: Any, alpha: float = 1.0, inplace: bool = False) -> Reading:
    return Reading("elu", "ELU", {"alpha": float(alpha)})


@reads("neg", "negative")
def _neg(out: Value, input: Any) -> Reading:
    return Reading("neg", "negative")


# --- Joining, scaling, and what only moves values ----------------------------------------------------------


def _aligned(out: Value, operands: tuple[Any, ...]) -> bool:
    """Whether each operand's number at a place of the result can be told from the axes as they are kept."""
    for value in operands:
        if isinstance(value, Value) and value.ndim not in (0, out.ndim):
            return False
        if isinstance(value, Tensor) and value.ndim > 1 and out.ndim == 3:
            return False
    return out.ndim <= 4 and len(out) == 1


def _binary(op: str, label: str, *, turned: bool = False) -> Callable[..., Reading | None]:
    def read(out: Value, input: Any, other: Any, *, alpha: Any = 1, rounding_mode: Any = None) -> Any:
        if alpha != 1 or rounding_mode is not None or not _aligned(out, (input, other)):
            return None
        operands = (other, input) if turned else (input, other)
        numbers = tuple(value.number for value in operands if isinstance(value, Value))
        constants = tuple(None if isinstance(value, Value) else value for value in operands)
        return Reading(op, label, {"constants": constants}, inputs=numbers)

    return read


for _names, _op, _label, _turned in (
    (("add", "radd", "iadd"), "add", "add", False),
    (("mul", "rmul", "imul", "multiply"), "mul", "multiply", False),
    (("sub", "isub", "subtract"), "sub", "subtract", False),
    (("rsub",), "sub", "subtract", True),
    (("div", "truediv", "itruediv", "divide", "true_divide"), "div", "divide", False),
    (("rdiv", "rtruediv"), "div", "divide", True),
):
    reads(*_names)(_binary(_op, _label, turned=_turned))


@reads("cat", "concat", "concatenate")
def _cat(out: Value, tensors: Any, dim: int = 0) -> Reading | None:
    if dim % out.ndim != 1 or not all(isinstance(tensor, Value) for tensor in tensors):
        return None
    return Reading("concat", "concatenate", {}, inputs=tuple(tensor.number for tensor in tensors))


@reads("flatten", "view", "reshape", "unflatten", "squeeze", "unsqueeze")
def _reshape(out: Value, input: Any, *_: Any, **__: Any) -> Reading | None:
    return Reading("flatten", "flatten" if out.ndim == 2 else "reshape") if len(out) == 1 else None


@reads("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout")
def _dropout(
    out: Value, input: Any, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Reading | None:
    return None if training and p else Reading("dropout", "dropout", {"p": float(p)})


@reads("softmax")
def _softmax(
    out: Value, input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Reading | None:
    flat = input.ndim == 2 and dim is not None and dim % 2 == 1
    return Reading("softmax", "softmax", {"temperature": 1.0}) if flat else None


@reads("pad")
def _pad(out: Value, input: Any, pad: Any, mode: str = "constant", value: Any = None) -> Reading | None:
    if input.ndim != 4 or len(pad) not in (2, 4) or min(pad) < 0:
        return None
    left, right, top, bottom = (*pad, 0, 0)[:4]
    settings = {
        "around": ((top, bottom), (left, right)),
        "fill": "zeros" if mode == "constant" else mode,
        "value": float(value or 0),
    }
    return Reading("pad", "pad", settings)
