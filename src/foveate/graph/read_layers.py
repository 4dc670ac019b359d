"""Readers of convolutions, dense layers, batch norms and poolings; arguments are torch's, in its order.

A module of `MODULES` is read whole, whatever functions it is made of: padding and convolution are one step.
"""

# ruff: noqa: PLR0917

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from foveate.graph.reading import Pair, Reading, by, pair, reads, strided
from foveate.graph.trace import Value
from foveate.layers.convolution import Conv2d
from foveate.layers.pooling import (
    AdaptiveMaxPool2d,
    DistanceWeightedPool2d,
    GlobalAvgPool2d,
    GlobalMaxPool2d,
    L2Pool2d,
    MinPool2d,
    SumPool2d,
)

# --- Layers with weights -----------------------------------------------------------------------------------


def _convolution(
    weight: Tensor,
    bias: Tensor | None,
    stride: Pair,
    around: tuple[Pair, Pair],
    dilation: Pair,
    groups: int,
    fill: str = "zeros",
) -> Reading:
    kernel = (int(weight.shape[2]), int(weight.shape[3]))
    depthwise = groups > 1 and groups == weight.shape[0] * 1 and weight.shape[1] == 1
    settings = {
        "kernel": kernel,
        "stride": stride,
        "around": around,
        "dilation": dilation,
        "groups": groups,
        "fill": fill,
    }
    tensors = {"weight": weight} if bias is None else {"weight": weight, "bias": bias}
    label = f"{'depthwise conv' if depthwise else 'conv'} {by(kernel)}"
    return Reading("conv2d", strided(label, stride), settings, tensors)


def _same(kernel: Pair, dilation: Pair) -> tuple[Pair, Pair]:
    """torch's "same": the odd pixel at the end."""
    rows, columns = (d * (k - 1) for d, k in zip(dilation, kernel, strict=True))
    return (rows // 2, rows - rows // 2), (columns // 2, columns - columns // 2)


@reads("conv2d")
def _conv2d(
    out: Value,
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Reading | None:
    if isinstance(weight, Value) or isinstance(bias, Value) or input.ndim != 4:
        return None
    dilations = pair(dilation)
    if padding == "same":
        around = _same((weight.shape[2], weight.shape[3]), dilations)
    else:
        rows, columns = (0, 0) if padding == "valid" else pair(padding)
        around = ((rows, rows), (columns, columns))
    return _convolution(weight, bias, pair(stride), around, dilations, groups)


def _conv_module(module: nn.Module, x: Value, out: Value) -> Reading:
    conv: Any = module
    stride, dilation = pair(conv.stride), pair(conv.dilation)
    if isinstance(conv, Conv2d):
        around = conv.sides(*x.shape[-2:])
    elif conv.padding == "same":
        around = _same(pair(conv.kernel_size), dilation)
    else:
        rows, columns = (0, 0) if conv.padding == "valid" else pair(conv.padding)
        around = ((rows, rows), (columns, columns))
    return _convolution(conv.weight, conv.bias, stride, around, dilation, conv.groups, conv.padding_mode)


@reads("linear")
def _linear(out: Value, input: Any, weight: Any, bias: Any = None) -> Reading | None:
    if isinstance(weight, Value) or isinstance(bias, Value) or input.ndim != 2:
        return None
    tensors = {"weight": weight} if bias is None else {"weight": weight, "bias": bias}
    return Reading("linear", f"linear {weight.shape[0]:,}", {}, tensors)


@reads("batch_norm")
def _batch_norm(
    out: Value,
    input: Any,
    running_mean: Any,
    running_var: Any,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Reading | None:
    if training or running_mean is None or input.ndim not in (2, 4):
        return None
    tensors = {"mean": running_mean, "variance": running_var, "gamma": weight, "beta": bias}
    kept = {key: tensor for key, tensor in tensors.items() if tensor is not None}
    return Reading("batch_norm", "batch norm", {"eps": eps}, kept)


# --- Pooling -----------------------------------------------------------------------------------------------


def _window(
    op: str, name: str, kernel: Any, stride: Any, padding: Any, dilation: Any = 1, **more: Any
) -> Reading:
    size = pair(kernel)
    step = size if stride is None or stride in ([], ()) else pair(stride)
    rows, columns = pair(padding)
    settings = {
        "kernel": size,
        "stride": step,
        "around": ((rows, rows), (columns, columns)),
        "dilation": pair(dilation),
        **more,
    }
    return Reading(op, strided(f"{name} {by(size)}", step), settings)


@reads("max_pool2d")
def _max_pool2d(
    out: Value,
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Reading:
    return _window("max_pool", "max pool", kernel_size, stride, padding, dilation, ceil_mode=bool(ceil_mode))


@reads("avg_pool2d")
def _avg_pool2d(
    out: Value,
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Reading:
    return _window(
        "avg_pool",
        "average pool",
        kernel_size,
        stride,
        padding,
        ceil_mode=bool(ceil_mode),
        count_include_pad=bool(count_include_pad),
        divisor=divisor_override,
    )


def _adaptive(kind: str, size: Any) -> Reading:
    name = {"avg": "average pool", "max": "max pool"}[kind]
    if tuple(size) == (1, 1):
        return Reading(f"global_{kind}_pool", f"global {name}")
    return Reading(f"adaptive_{kind}_pool", f"adaptive {name} to {by(size)}")


@reads("adaptive_avg_pool2d")
def _adaptive_avg(out: Value, input: Any, output_size: Any) -> Reading:
    return _adaptive("avg", out.shape[-2:])


@reads("adaptive_max_pool2d")
def _adaptive_max(out: Value, input: Any, output_size: Any, return_indices: bool = False) -> Reading:
    return _adaptive("max", out.shape[-2:])


def _over_places(input: Any, dim: Any) -> bool:
    if input.ndim != 4 or dim is None:
        return False
    dims = [dim] if isinstance(dim, int) else dim
    return sorted(d % 4 for d in dims) == [2, 3]


@reads("mean")
def _mean(out: Value, input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    return Reading("global_avg_pool", "global average pool") if _over_places(input, dim) else None


@reads("amax")
def _amax(out: Value, input: Any, dim: Any = (), keepdim: bool = False) -> Any:
    return Reading("global_max_pool", "global max pool") if _over_places(input, dim) else None


def _pool_module(op: str, name: str) -> Any:
    def read(module: nn.Module, x: Value, out: Value) -> Reading:
        pool: Any = module
        reading = _window(op, name, pool.kernel_size, pool.stride, pool.padding)
        if isinstance(pool, DistanceWeightedPool2d):
            return Reading(op, reading.label, {**reading.settings, "weights": pool.weights})
        return reading

    return read


# A module is read whole only where its class is exactly this one: a subclass may compute something else.
MODULES: dict[type[nn.Module], Callable[[nn.Module, Value, Value], Reading]] = {
    nn.Conv2d: _conv_module,
    Conv2d: _conv_module,
    MinPool2d: _pool_module("min_pool", "min pool"),
    SumPool2d: _pool_module("sum_pool", "sum pool"),
    L2Pool2d: _pool_module("l2_pool", "L2 pool"),
    DistanceWeightedPool2d: _pool_module("gaussian_pool", "Gaussian pool"),
    GlobalAvgPool2d: lambda module, x, out: Reading("global_avg_pool", "global average pool"),
    GlobalMaxPool2d: lambda module, x, out: Reading("global_max_pool", "global max pool"),
    AdaptiveMaxPool2d: lambda module, x, out: _adaptive("max", out.shape[-2:]),
}
