"""Activations: torch's own, each with what it makes of one number."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from foveate.operators.blueprint import Argument, BlueprintLayer, Real
from foveate.operators.onnx import OnnxGraph, only, plain
from foveate.operators.optional_torch import Tensor, nn
from foveate.operators.reading import Reading, Value
from foveate.operators.sums import pointwise
from foveate.operators.table import in_blueprints, reads, sums, writes


def activation(
    name: str,
    label: str,
    *,
    function: Callable[..., float],
    written: str,
    onnx: Any,
    module: type[nn.Module],
    summary: str | None = None,
) -> None:
    """A function of torch without settings: what it makes of x, and how that is written.

    onnx: the ONNX operator of the same meaning, or a function that writes several. module: what blueprints
    that name it are given; without a ``summary`` of what it does they cannot.
    """
    reads(name)(lambda out, input, inplace=False: Reading(name, label))
    sums(name)(pointwise(function, written))
    writes(name)(plain(onnx) if isinstance(onnx, str) else onnx)
    if summary is not None:
        in_blueprints({name: BlueprintLayer(lambda shape: module(), "activation", summary)})


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def _write_silu(g: OnnxGraph, input: Value, inplace: bool = False) -> Any:
    return g.op("Mul", input, g.op("Sigmoid", input))


def _write_relu6(g: OnnxGraph, input: Value, inplace: bool = False) -> Any:
    return g.op("Clip", input, 0.0, 6.0)


def _write_hardsigmoid(g: OnnxGraph, input: Value, inplace: bool = False) -> Any:
    return g.op("HardSigmoid", input, alpha=1 / 6, beta=0.5)


activation(
    "relu",
    "ReLU",
    function=lambda x: max(x, 0.0),
    written="max({x}, 0)",
    onnx="Relu",
    module=nn.ReLU,
    summary="Negative values become 0.",
)
activation(
    "relu6",
    "ReLU6",
    function=lambda x: min(max(x, 0.0), 6.0),
    written="min(max({x}, 0), 6)",
    onnx=_write_relu6,
    module=nn.ReLU6,
    summary="Values are cut to 0 … 6.",
)


@reads("leaky_relu")
def _read_leaky_relu(out: Value, input: Any, negative_slope: float = 0.01, inplace: bool = False) -> Reading:
    return Reading("leaky_relu", "leaky ReLU", {"slope": float(negative_slope)})


@writes("leaky_relu")
def _write_leaky_relu(g: OnnxGraph, input: Value, negative_slope: float = 0.01, inplace: bool = False) -> Any:
    return g.op("LeakyRelu", input, alpha=negative_slope)


sums("leaky_relu")(
    pointwise(lambda x, slope: x if x >= 0 else slope * x, "{x} where positive, else {slope:g} · {x}")
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
activation(
    "silu",
    "SiLU",
    function=lambda x: x * _sigmoid(x),
    written="{x} · 1/(1 + e^(−({x})))",
    onnx=_write_silu,
    module=nn.SiLU,
    summary="x · sigmoid(x): a smooth ReLU.",
)
activation(
    "sigmoid",
    "sigmoid",
    function=_sigmoid,
    written="1/(1 + e^(−({x})))",
    onnx="Sigmoid",
    module=nn.Sigmoid,
    summary="Squeezes values into 0 … 1.",
)
activation(
    "tanh",
    "tanh",
    function=math.tanh,
    written="tanh({x})",
    onnx="Tanh",
    module=nn.Tanh,
    summary="Squeezes values into −1 … 1.",
)
activation(
    "hardswish",
    "hard swish",
    function=lambda x: x * min(max(x + 3, 0.0), 6.0) / 6,
    written="{x} · min(max({x} + 3, 0), 6)/6",
    onnx="HardSwish",
    module=nn.Hardswish,
)
activation(
    "hardsigmoid",
    "hard sigmoid",
    function=lambda x: min(max(x + 3, 0.0), 6.0) / 6,
    written="min(max({x} + 3, 0), 6)/6",
    onnx=_write_hardsigmoid,
    module=nn.Hardsigmoid,
)
activation(
    "mish",
    "mish",
    function=lambda x: x * math.tanh(np.logaddexp(0, x)),
    written="{x} · tanh(ln(1 + e^({x})))",
    onnx="Mish",
    module=nn.Mish,
)

# --- With settings -----------------------------------------------------------------------------------------


@reads("hardtanh")
def _read_hardtanh(
    out: Value, input: Any, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> Reading:
    if (min_val, max_val) == (0, 6):  # what torch's ReLU6 calls
        return Reading("relu6", "ReLU6")
    return Reading("clamp", "clamp", {"low": float(min_val), "high": float(max_val)})


@writes("hardtanh")
def _write_hardtanh(
    g: OnnxGraph, input: Value, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> Any:
    return g.op("Clip", input, float(min_val), float(max_val))


@reads("clamp", "clip")
def _read_clamp(out: Value, input: Any, min: Any = None, max: Any = None) -> Reading | None:
    if isinstance(min, Tensor | Value) or isinstance(max, Tensor | Value):
        return None
    low, high = -math.inf if min is None else float(min), math.inf if max is None else float(max)
    return Reading("clamp", "clamp", {"low": low, "high": high})


@writes("clamp", "clip")
def _write_clamp(g: OnnxGraph, input: Value, min: Any = None, max: Any = None) -> Any:
    only(not isinstance(min, Tensor | Value) and not isinstance(max, Tensor | Value), "clamp by tensors")
    low, high = -math.inf if min is None else min, math.inf if max is None else max
    limit = np.finfo(np.float32).max
    return g.op("Clip", input, float(np.clip(low, -limit, limit)), float(np.clip(high, -limit, limit)))


sums("clamp")(pointwise(lambda x, low, high: min(max(x, low), high), "min(max({x}, {low:g}), {high:g})"))


@reads("gelu")
def _read_gelu(out: Value, input: Any, approximate: str = "none") -> Reading:
    return Reading("gelu", "GELU", {"approximate": approximate})


@writes("gelu")
def _write_gelu(g: OnnxGraph, input: Value, approximate: str = "none") -> Any:
    return g.op("Gelu", input, approximate=approximate)


def _gelu(x: float, approximate: str) -> float:
    if approximate == "tanh":
        return 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return 0.5 * x * (1 + math.erf(x / math.sqrt(2)))


sums("gelu")(pointwise(_gelu, "{x} · Φ({x})"))


@reads("elu")
def _read_elu(out: Value, input: Any, alpha: float = 1.0, inplace: bool = False) -> Reading:
    return Reading("elu", "ELU", {"alpha": float(alpha)})


@writes("elu")
def _write_elu(g: OnnxGraph, input: Value, alpha: float = 1.0, inplace: bool = False) -> Any:
    return g.op("Elu", input, alpha=alpha)


sums("elu")(
    pointwise(
        lambda x, alpha: x if x > 0 else alpha * math.expm1(x),
        "{x} where positive, else {alpha:g} · (e^({x}) − 1)",
    )
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
