"""What common operations give for tensors without memory (torch's device ``meta``): shapes, worked out here.

torch would tell the same, but writes these operations in Python for that device, and to run the first of them
it imports its compiler, which takes as long as importing torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from foveate.geometry import transposed_size

UNARY = (
    *("relu", "hardtanh", "leaky_relu", "elu", "gelu", "silu", "sigmoid", "tanh", "hardswish"),
    "hardsigmoid",
)
BINARY = ("add", "mul")
NORMS = ("native_batch_norm", "_native_batch_norm_legit", "_native_batch_norm_legit_no_training")


def made_without_torch(name: str, args: Any) -> Any:
    """The result of an ATen operation, or None where torch is to be asked.

    name: without its overload, as ``add`` or ``relu_``. args: the operation's, in order.
    """
    tensors, rule = tensors_in(args), _RULES.get(name)
    if rule is None or not tensors or not tensors[0].is_meta:
        return None
    return rule(tensors, *args[1:])


def tensors_in(value: Any) -> list[Tensor]:
    """All tensors inside nested tuples, lists and dictionaries."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        value = tuple(value.values())
    if isinstance(value, tuple | list):
        return [tensor for item in value for tensor in tensors_in(item)]
    return []


def _same(tensors: list[Tensor], *_: Any) -> Tensor:
    return torch.empty_like(tensors[0])


def _in_place(tensors: list[Tensor], *_: Any) -> Tensor:
    return tensors[0]


def _broadcast(tensors: list[Tensor], *_: Any) -> Tensor:
    return tensors[0].new_empty(torch.broadcast_shapes(*(t.shape for t in tensors)))


def _batch_norm(tensors: list[Tensor], *_: Any) -> tuple[Tensor, Tensor, Tensor]:
    x = tensors[0]
    return torch.empty_like(x), x.new_empty(0), x.new_empty(0)


def _layer_norm(tensors: list[Tensor], normalized: Sequence[int], *_: Any) -> tuple[Tensor, Tensor, Tensor]:
    x = tensors[0]
    left = [*x.shape[: x.ndim - len(normalized)], *[1] * len(normalized)]
    return torch.empty_like(x), x.new_empty(left), x.new_empty(left)


def _addmm(tensors: list[Tensor], *_: Any) -> Tensor:
    bias, x, weight = tensors
    return bias.new_empty(x.shape[0], weight.shape[1])


def _cat(tensors: list[Tensor], dim: int = 0) -> Tensor:
    sides = list(tensors[0].shape)
    sides[dim] = sum(t.shape[dim] for t in tensors)
    return tensors[0].new_empty(sides)


def _mean(tensors: list[Tensor], dims: Sequence[int] | None = None, keep: bool = False) -> Tensor:
    x = tensors[0]
    gone = set(range(x.ndim)) if dims is None else {dim % x.ndim for dim in dims}
    return x.new_empty([1 if i in gone else side for i, side in enumerate(x.shape) if keep or i not in gone])


def _convolution(tensors: list[Tensor], weight: Tensor, bias: Tensor | None, *how: Any) -> Tensor | None:
    stride, padding, dilation, transposed, output_padding, groups = how
    x = tensors[0]
    if not transposed or x.ndim != 4:  # torch tells others without its compiler
        return None
    sides = [
        transposed_size(
            x.shape[2 + i],
            weight.shape[2 + i],
            stride[i],
            padding[i],
            output_padding=output_padding[i],
            dilation=dilation[i],
        )
        for i in (0, 1)
    ]
    return x.new_empty(len(x), weight.shape[1] * groups, *sides)


def _resized(tensors: list[Tensor], size: Sequence[int], *_: Any) -> Tensor:
    return tensors[0].new_empty(*tensors[0].shape[:2], *size)


_RULES: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(UNARY, _same),
    **dict.fromkeys(BINARY, _broadcast),
    **dict.fromkeys((f"{name}_" for name in UNARY + BINARY), _in_place),
    **dict.fromkeys(NORMS, _batch_norm),
    **dict.fromkeys(("exp", "neg", "_softmax"), _same),
    **dict.fromkeys(("sub", "div", "minimum", "maximum"), _broadcast),
    "native_layer_norm": _layer_norm,
    "addmm": _addmm,
    "cat": _cat,
    "convolution": _convolution,
    **dict.fromkeys(("upsample_bilinear2d", "upsample_nearest2d", "_upsample_nearest_exact2d"), _resized),
    "max_unpool2d": lambda tensors, places, size: _resized(tensors, size),
    "mean": _mean,
}
