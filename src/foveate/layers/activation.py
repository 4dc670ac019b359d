"""Activations: torch's own, each with what it makes of one number."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from foveate.operators.blueprint import Argument, BlueprintLayer, Choice, Real
from foveate.operators.onnx import OnnxGraph, only, plain
from foveate.operators.optional_torch import Tensor, nn
from foveate.operators.reading import Reading, Value
from foveate.operators.sums import pointwise
from foveate.operators.table import in_blueprints, reads, sums, writes, writes_kind


def _kind(op: str, function: Callable[..., float], written: str, onnx: Callable[..., Any]) -> None:
    """A kind of activation: what it makes of x with its settings, how that is written, and in ONNX."""
    sums(op)(pointwise(function, written))
    writes_kind(op)(lambda g, x, reading: onnx(g, x, **reading.settings))


def _plain(
    name: str,
    label: str,
    *,
    function: Callable[[float], float],
    written: str,
    onnx: str | Callable[[OnnxGraph, Value], Any],
    module: type[nn.Module] | None = None,
    summary: str = "",
) -> None:
    """One without settings, by torch's name. onnx: the operator of the same meaning, or what writes several.

    module, summary: what blueprints that name it are given, and what it does.
    """
    reads(name)(lambda out, input, inplace=False: Reading(name, label))
    _kind(name, function, written, (lambda g, x: g.op(onnx, x)) if isinstance(onnx, str) else onnx)
    if module is not None:
        in_blueprints({name: BlueprintLayer(lambda shape: module(), "activation", summary)})


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


_plain(
    "relu",
    "ReLU",
    function=lambda x: max(x, 0.0),
    written="max({x}, 0)",
    onnx="Relu",
    module=nn.ReLU,
    summary="Negative values become 0.",
)
_plain(
    "relu6",
    "ReLU6",
    function=lambda x: min(max(x, 0.0), 6.0),
    written="min(max({x}, 0), 6)",
    onnx=lambda g, x: g.op("Clip", x, 0.0, 6.0),
    module=nn.ReLU6,
    summary="Values are cut to 0 … 6.",
)


@reads("leaky_relu")
def _leaky_relu(out: Value, input: Any, negative_slope: float = 0.01, inplace: bool = False) -> Reading:
    return Reading("leaky_relu", "leaky ReLU", {"slope": float(negative_slope)})


_kind(
    "leaky_relu",
    lambda x, slope: x if x >= 0 else slope * x,
    "{x} where positive, else {slope:g} · {x}",
    lambda g, x, slope: g.op("LeakyRelu", x, alpha=slope),
)
in_blueprints(
    {
        "leaky_relu": BlueprintLayer(
            lambda shape, slope: nn.LeakyReLU(slope),
            "activation",
            "Negative values are made small, not 0.",
            arguments={"slope": Argument(Real(0, 1), 0.01)},
            scalar="slope",
        )
    }
)
_plain(
    "silu",
    "SiLU",
    function=lambda x: x * _sigmoid(x),
    written="{x} · 1/(1 + e^(−({x})))",
    onnx=lambda g, x: g.op("Mul", x, g.op("Sigmoid", x)),
    module=nn.SiLU,
    summary="x · sigmoid(x): a smooth ReLU.",
)
_plain(
    "sigmoid",
    "sigmoid",
    function=_sigmoid,
    written="1/(1 + e^(−({x})))",
    onnx="Sigmoid",
    module=nn.Sigmoid,
    summary="Squeezes values into 0 … 1.",
)
_plain(
    "tanh",
    "tanh",
    function=math.tanh,
    written="tanh({x})",
    onnx="Tanh",
    module=nn.Tanh,
    summary="Squeezes values into −1 … 1.",
)
_plain(
    "hardswish",
    "hard swish",
    function=lambda x: x * min(max(x + 3, 0.0), 6.0) / 6,
    written="{x} · min(max({x} + 3, 0), 6)/6",
    onnx="HardSwish",
    module=nn.Hardswish,
    summary="SiLU of straight lines: x · hard sigmoid(x).",
)
_plain(
    "hardsigmoid",
    "hard sigmoid",
    function=lambda x: min(max(x + 3, 0.0), 6.0) / 6,
    written="min(max({x} + 3, 0), 6)/6",
    onnx=lambda g, x: g.op("HardSigmoid", x, alpha=1 / 6, beta=0.5),
    module=nn.Hardsigmoid,
    summary="Squeezes values into 0 … 1 by a straight line.",
)
_plain(
    "mish",
    "mish",
    function=lambda x: x * math.tanh(np.logaddexp(0, x)),
    written="{x} · tanh(ln(1 + e^({x})))",
    onnx="Mish",
)

# --- With settings -----------------------------------------------------------------------------------------


@reads("hardtanh")
def _hardtanh(
    out: Value, input: Any, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> Reading:
    if (min_val, max_val) == (0, 6):  # what torch's ReLU6 calls
        return Reading("relu6", "ReLU6")
    return Reading("clamp", "clamp", {"low": float(min_val), "high": float(max_val)})


@reads("clamp", "clip")
def _clamp(out: Value, input: Any, min: Any = None, max: Any = None) -> Reading | None:
    if isinstance(min, Tensor | Value) or isinstance(max, Tensor | Value):
        return None
    low, high = -math.inf if min is None else float(min), math.inf if max is None else float(max)
    return Reading("clamp", "clamp", {"low": low, "high": high})


def _clip(g: OnnxGraph, x: Value, low: float, high: float) -> Any:
    limit = np.finfo(np.float32).max
    return g.op("Clip", x, float(np.clip(low, -limit, limit)), float(np.clip(high, -limit, limit)))


_kind("clamp", lambda x, low, high: min(max(x, low), high), "min(max({x}, {low:g}), {high:g})", _clip)


@reads("gelu")
def _gelu(out: Value, input: Any, approximate: str = "none") -> Reading:
    return Reading("gelu", "GELU", {"approximate": approximate})


def _gelu_of(x: float, approximate: str) -> float:
    if approximate == "tanh":
        return 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return 0.5 * x * (1 + math.erf(x / math.sqrt(2)))


_kind("gelu", _gelu_of, "{x} · Φ({x})", lambda g, x, approximate: g.op("Gelu", x, approximate=approximate))
in_blueprints(
    {
        "gelu": BlueprintLayer(
            lambda shape, approximate: nn.GELU(approximate),
            "activation",
            "x · Φ(x), the share of a normal distribution below x: a smooth ReLU.",
            arguments={"approximate": Argument(Choice(("none", "tanh")), "none")},
            scalar="approximate",
        )
    }
)


@reads("elu")
def _elu(out: Value, input: Any, alpha: float = 1.0, inplace: bool = False) -> Reading:
    return Reading("elu", "ELU", {"alpha": float(alpha)})


_kind(
    "elu",
    lambda x, alpha: x if x > 0 else alpha * math.expm1(x),
    "{x} where positive, else {alpha:g} · (e^({x}) − 1)",
    lambda g, x, alpha: g.op("Elu", x, alpha=alpha),
)

# --- Without a sum of their own ----------------------------------------------------------------------------

writes("softsign")(plain("Softsign"))


@writes("softplus")
def _write_softplus(g: OnnxGraph, input: Value, beta: float = 1.0, threshold: float = 20.0) -> Any:
    only(beta == 1 and threshold >= 15, "softplus with a beta or a low threshold")
    return g.op("Softplus", input)


@writes("prelu")
def _write_prelu(g: OnnxGraph, input: Value, weight: Tensor) -> Any:
    return g.op("PRelu", input, weight.detach().reshape(-1, *[1] * (input.dim() - 2)))
