"""What torch's functions and layers are called here, and which of their numbers matter to arithmetic.

A reader takes a function's arguments (with an `Operand` where a tensor computed from the picture stood) and
says what was done, as a `Reading`; it returns None for a use that it cannot describe. A module of `MODULES`
is read whole, whatever functions it is made of.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

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

Pair = tuple[int, int]


@dataclass(frozen=True)
class Operand:
    """A tensor that step ``number`` gave; ``shape`` is with the batch."""

    number: int
    shape: tuple[int, ...]

    @property
    def ndim(self) -> int:
        return len(self.shape)


@dataclass(frozen=True)
class Reading:
    """What was done. settings: plain numbers; tensors: weights and statistics by their role.

    inputs: the steps whose results are taken, where their order matters; else they are found by themselves.
    """

    op: str
    label: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    tensors: Mapping[str, Tensor] = field(default_factory=dict)
    inputs: tuple[int, ...] = ()


Reader = Callable[[Any, Any, Tensor], "Reading | None"]
FUNCTIONS: dict[str, Reader] = {}


def other(name: str) -> Reading:
    """An operation without a reader: its operands and its result are all that is said of it."""
    return Reading("other", name)


def _reads(*names: str) -> Any:
    """Put a function, which takes torch's arguments by torch's names, into the table under these names."""

    def put(function: Callable[..., Reading | None]) -> Any:
        reader: Reader = lambda args, kwargs, out: function(out, *args, **kwargs)  # noqa: E731
        FUNCTIONS.update(dict.fromkeys(names, reader))
        return function

    return put


def by(sides: Sequence[int]) -> str:
    """3×3."""
    return "×".join(map(str, sides))


def pair(value: Any) -> Pair:
    """A size for both axes, as torch accepts it: 3, (3,) or (3, 5)."""
    values = [int(v) for v in value] if isinstance(value, Sequence) else [int(value)]
    return (values[0], values[0]) if len(values) == 1 else (values[0], values[1])


def _strided(label: str, stride: Pair) -> str:
    return label if stride == (1, 1) else f"{label} /{stride[0] if stride[0] == stride[1] else by(stride)}"


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
    return Reading("conv2d", _strided(label, stride), settings, tensors)


def _same(kernel: Pair, dilation: Pair) -> tuple[Pair, Pair]:
    """torch's "same": the odd pixel at the end."""
    rows, columns = (d * (k - 1) for d, k in zip(dilation, kernel, strict=True))
    return (rows // 2, rows - rows // 2), (columns // 2, columns - columns // 2)


@_reads("conv2d")
def _conv2d(
    out: Tensor,
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Reading | None:
    if isinstance(weight, Operand) or isinstance(bias, Operand) or input.ndim != 4:
        return None
    dilations = pair(dilation)
    if padding == "same":
        around = _same((weight.shape[2], weight.shape[3]), dilations)
    else:
        rows, columns = (0, 0) if padding == "valid" else pair(padding)
        around = ((rows, rows), (columns, columns))
    return _convolution(weight, bias, pair(stride), around, dilations, groups)


def _conv_module(module: nn.Module, x: Tensor, out: Tensor) -> Reading:
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


@_reads("linear")
def _linear(out: Tensor, input: Any, weight: Any, bias: Any = None) -> Reading | None:
    if isinstance(weight, Operand) or isinstance(bias, Operand) or input.ndim != 2:
        return None
    tensors = {"weight": weight} if bias is None else {"weight": weight, "bias": bias}
    return Reading("linear", f"linear {weight.shape[0]:,}", {}, tensors)


@_reads("batch_norm")
def _batch_norm(
    out: Tensor,
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
    _reads(_name)(lambda out, input, inplace=False, _name=_name, _label=_label: Reading(_name, _label, {}))


@_reads("hardtanh")
def _hardtanh(
    out: Tensor, input: Any, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> Reading:
    if (min_val, max_val) == (0, 6):  # what torch's ReLU6 calls
        return Reading("relu6", "ReLU6", {})
    return Reading("clamp", "clamp", {"low": float(min_val), "high": float(max_val)})


@_reads("clamp", "clip")
def _clamp(out: Tensor, input: Any, min: Any = None, max: Any = None) -> Reading | None:
    if isinstance(min, Tensor | Operand) or isinstance(max, Tensor | Operand):
        return None
    low, high = -math.inf if min is None else float(min), math.inf if max is None else float(max)
    return Reading("clamp", "clamp", {"low": low, "high": high})


@_reads("gelu")
def _gelu(out: Tensor, input: Any, approximate: str = "none") -> Reading:
    return Reading("gelu", "GELU", {"approximate": approximate})


@_reads("leaky_relu")
def _leaky_relu(out: Tensor, input: Any, negative_slope: float = 0.01, inplace: bool = False) -> Reading:
    return Reading("leaky_relu", "leaky ReLU", {"slope": float(negative_slope)})


@_reads("elu")
def _elu(out: Tensor, input: Any, alpha: float = 1.0, inplace: bool = False) -> Reading:
    return Reading("elu", "ELU", {"alpha": float(alpha)})


@_reads("neg", "negative")
def _neg(out: Tensor, input: Any) -> Reading:
    return Reading("neg", "negative")


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
    return Reading(op, _strided(f"{name} {by(size)}", step), settings)


@_reads("max_pool2d")
def _max_pool2d(
    out: Tensor,
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Reading:
    return _window("max_pool", "max pool", kernel_size, stride, padding, dilation, ceil_mode=bool(ceil_mode))


@_reads("avg_pool2d")
def _avg_pool2d(
    out: Tensor,
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


@_reads("adaptive_avg_pool2d")
def _adaptive_avg(out: Tensor, input: Any, output_size: Any) -> Reading:
    return _adaptive("avg", out.shape[-2:])


@_reads("adaptive_max_pool2d")
def _adaptive_max(out: Tensor, input: Any, output_size: Any, return_indices: bool = False) -> Reading:
    return _adaptive("max", out.shape[-2:])


def _over_places(input: Any, dim: Any) -> bool:
    if input.ndim != 4 or dim is None:
        return False
    dims = [dim] if isinstance(dim, int) else dim
    return sorted(d % 4 for d in dims) == [2, 3]


@_reads("mean")
def _mean(out: Tensor, input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    return Reading("global_avg_pool", "global average pool") if _over_places(input, dim) else None


@_reads("amax")
def _amax(out: Tensor, input: Any, dim: Any = (), keepdim: bool = False) -> Any:
    return Reading("global_max_pool", "global max pool") if _over_places(input, dim) else None


def _pool_module(op: str, name: str) -> Any:
    def read(module: nn.Module, x: Tensor, out: Tensor) -> Reading:
        pool: Any = module
        reading = _window(op, name, pool.kernel_size, pool.stride, pool.padding)
        if isinstance(pool, DistanceWeightedPool2d):
            return Reading(op, reading.label, {**reading.settings, "weights": pool.weights})
        return reading

    return read


# A module is read whole only where its class is exactly this one: a subclass may compute something else.
MODULES: dict[type[nn.Module], Callable[[nn.Module, Tensor, Tensor], Reading]] = {
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


# --- Joining, scaling, and what only moves values ----------------------------------------------------------


def _binary(op: str, label: str, *, turned: bool = False) -> Callable[..., Reading | None]:
    def read(out: Tensor, input: Any, other: Any, *, alpha: Any = 1, rounding_mode: Any = None) -> Any:
        if alpha != 1 or rounding_mode is not None:
            return None
        operands = (other, input) if turned else (input, other)
        numbers = tuple(value.number for value in operands if isinstance(value, Operand))
        constants = tuple(None if isinstance(value, Operand) else value for value in operands)
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
    _reads(*_names)(_binary(_op, _label, turned=_turned))


@_reads("cat", "concat", "concatenate")
def _cat(out: Tensor, tensors: Any, dim: int = 0) -> Reading | None:
    if dim % out.ndim != 1 or not all(isinstance(tensor, Operand) for tensor in tensors):
        return None
    return Reading("concat", "concatenate", {}, inputs=tuple(tensor.number for tensor in tensors))


@_reads("flatten", "view", "reshape", "unflatten", "squeeze", "unsqueeze")
def _reshape(out: Tensor, input: Any, *_: Any, **__: Any) -> Reading | None:
    return Reading("flatten", "flatten" if out.ndim == 2 else "reshape") if len(out) == 1 else None


@_reads("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout")
def _dropout(
    out: Tensor, input: Any, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Reading | None:
    return None if training and p else Reading("dropout", "dropout", {"p": float(p)})


@_reads("softmax")
def _softmax(
    out: Tensor, input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Reading | None:
    flat = input.ndim == 2 and dim is not None and dim % 2 == 1
    return Reading("softmax", "softmax", {"temperature": 1.0}) if flat else None


@_reads("pad")
def _pad(out: Tensor, input: Any, pad: Any, mode: str = "constant", value: Any = None) -> Reading | None:
    if input.ndim != 4 or len(pad) not in (2, 4) or min(pad) < 0:
        return None
    left, right, top, bottom = (*pad, 0, 0)[:4]
    settings = {
        "around": ((top, bottom), (left, right)),
        "fill": "zeros" if mode == "constant" else mode,
        "value": float(value or 0),
    }
    return Reading("pad", "pad", settings)
