"""What one tensor operation does to receptive fields, and how many multiply-adds it costs.

Operations are torch's own (ATen), seen as they are dispatched: so a network may be written in any style, with
modules or with functions, and branches and skips need no special care.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from foveate.layers.interpolation import linear, nearest
from foveate.operators.fields import Axis, Field, union

Rule = Callable[[Field, Sequence[Any], Tensor], Field]


def multiply_adds(name: str, args: Sequence[Any], out: Any) -> int:
    """Multiply-adds of a convolution or matrix product; 0 for every other operation (biases aside)."""
    match name:
        case "convolution":
            weight, transposed = args[1], args[6]
            places = args[0] if transposed else out
            return int(places.numel() * math.prod(weight.shape[1:]))
        case "addmm" | "baddbmm":
            return int(out.numel() * args[1].shape[-1])
        case "mm" | "bmm" | "linear":
            return int(out.numel() * args[0].shape[-1])
    return 0


def field_of(name: str, args: Sequence[Any], inputs: Sequence[Field], out: Tensor) -> Field:
    """The field of an operation's output, from those of its inputs (at least one)."""
    rule = RULES.get(name)
    if rule is not None and isinstance(args[0], Tensor) and out.ndim >= 4:
        return rule(inputs[0], args, out)
    if _position_by_position(name, args, inputs, out):
        return union(inputs)
    return Field.everything(out.shape)


def _position_by_position(name: str, args: Sequence[Any], inputs: Sequence[Field], out: Tensor) -> bool:
    """Whether each output position depends on the same position of the inputs alone."""
    if name in MIXING or (name in BATCH_STATISTICS and args[5]) or out.ndim < 4:
        return False
    if name in SHARING and args[1] % out.ndim >= out.ndim - 2:
        return False
    if name == "cat" and len(args) > 1 and args[1] % out.ndim >= out.ndim - 2:
        return False
    size = tuple(out.shape[-2:])
    return all(all(n in (1, m) for n, m in zip(field.shape, size, strict=True)) for field in inputs)


# Same shape out as in, yet every position depends on all others.
MIXING = frozenset(
    {"native_layer_norm", "native_group_norm", "cumsum", "flip", "roll", "sort"}
    | {"bmm", "mm", "addmm", "baddbmm", "linear", "transpose", "permute", "t"}
)
SHARING = frozenset({"_softmax", "_log_softmax"})  # args[1]: the axis
BATCH_STATISTICS = frozenset({"native_batch_norm", "_native_batch_norm_legit"})  # args[5]: training


def _per_axis(change: Callable[[Axis, int, int], Axis], field: Field, out: Tensor) -> Field:
    """Apply ``change(axis, which, output length)`` to rows (0) and columns (1)."""
    height, width = out.shape[-2:]
    return Field(change(field.rows, 0, height), change(field.columns, 1, width))


def _spatial(values: Any, default: int = 0) -> tuple[int, int]:
    """The last two of a list of numbers per axis; one number or none stands for both."""
    if isinstance(values, int):
        return values, values
    values = list(values) or [default]
    return (values[0], values[0]) if len(values) == 1 else (values[-2], values[-1])


def _argument(args: Sequence[Any], index: int, default: int) -> tuple[int, int]:
    return _spatial(args[index] if len(args) > index else [], default)


def _convolution(field: Field, args: Sequence[Any], out: Tensor) -> Field:
    kernel = _spatial(args[1].shape)
    stride, padding, dilation = _spatial(args[3]), _spatial(args[4]), _spatial(args[5])

    def change(axis: Axis, i: int, n: int) -> Axis:
        move = axis.spread if args[6] else axis.window
        return move(n, kernel[i], stride[i], padding[i], dilation[i])

    return _per_axis(change, field, out)


def _pool(field: Field, args: Sequence[Any], out: Tensor) -> Field:
    kernel, padding = _spatial(args[1]), _argument(args, 3, 0)
    stride = _spatial(args[2]) if len(args) > 2 and args[2] else kernel
    # Only max pooling has a dilation; average pooling's next argument is a flag.
    dilated = len(args) > 4 and not isinstance(args[4], bool)
    dilation = _spatial(args[4]) if dilated else (1, 1)
    return _per_axis(lambda a, i, n: a.window(n, kernel[i], stride[i], padding[i], dilation[i]), field, out)


def padded(field: Field, pads: Sequence[int], fill: str) -> Field:
    """Padding as ``F.pad`` takes it: (left, right, top, bottom), later axes left out where 0."""
    left, right, top, bottom = (*pads, 0, 0, 0, 0)[:4]
    return Field(field.rows.pad(top, bottom, fill), field.columns.pad(left, right, fill))


def _pad(fill: str) -> Rule:
    return lambda field, args, out: padded(field, args[1], fill)


def _slice(field: Field, args: Sequence[Any], out: Tensor) -> Field:
    given = list(args[1:])
    dim, start, stop, step = given + [0, None, None, 1][len(given) :]
    axis, length = dim % out.ndim - (out.ndim - 2), args[0].shape[dim]
    rows, columns = field.axes
    bounds = (start or 0, length if stop is None else min(stop, length), step)
    if axis == 0:
        rows = rows.take(*bounds)
    if axis == 1:
        columns = columns.take(*bounds)
    return Field(rows, columns)


def _unshuffle(field: Field, args: Sequence[Any], out: Tensor) -> Field:
    return _per_axis(lambda axis, i, n: axis.window(n, args[1], args[1]), field, out)


def _resize(reach: int) -> Rule:
    return lambda field, args, out: _per_axis(lambda axis, i, n: axis.resized(n, reach), field, out)


def _nearest(middle: bool) -> Rule:
    def rule(field: Field, args: Sequence[Any], out: Tensor) -> Field:
        def change(axis: Axis, i: int, n: int) -> Axis:
            return axis.taken(line := nearest(len(axis), n, _scale(args, 2, i), middle=middle), line)

        return _per_axis(change, field, out)

    return rule


def _bilinear(field: Field, args: Sequence[Any], out: Tensor) -> Field:
    def change(axis: Axis, i: int, n: int) -> Axis:
        found = linear(len(axis), n, _scale(args, 3, i), align_corners=args[2])
        return axis.taken(found.first, np.where(found.share > 0, found.second, found.first))

    return _per_axis(change, field, out)


def _scale(args: Sequence[Any], first: int, i: int) -> float | None:
    """The factor that was asked for along an axis, from a resizing's arguments; None where sizes were."""
    return args[first + i] if len(args) > first + i else None


def unpooled(fields: Sequence[Field], pool: Mapping[str, Any], out: Tensor) -> Field:
    """Max-unpooling: a place may hold the number of any window that it was in, and sees what chose its place.

    pool: kernel, stride and padding, as pairs. fields: of the numbers, and of their places.
    """
    kernel, stride, padding = pool["kernel"], pool["stride"], pool["padding"]
    seen = union(fields)
    return _per_axis(lambda axis, i, n: axis.spread(n, kernel[i], stride[i], padding[i]), seen, out)


RULES: dict[str, Rule] = {
    "convolution": _convolution,
    "max_pool2d_with_indices": _pool,
    "max_pool2d": _pool,
    "avg_pool2d": _pool,
    "avg_pool3d": _pool,
    "_adaptive_avg_pool2d": lambda field, args, out: _per_axis(lambda a, i, n: a.adaptive(n), field, out),
    "adaptive_max_pool2d": lambda field, args, out: _per_axis(lambda a, i, n: a.adaptive(n), field, out),
    "constant_pad_nd": _pad("constant"),
    "reflection_pad2d": _pad("reflect"),
    "replication_pad2d": _pad("replicate"),
    "slice": _slice,
    "pixel_unshuffle": _unshuffle,
    "pixel_shuffle": _resize(0),
    "upsample_nearest2d": _nearest(middle=False),
    "_upsample_nearest_exact2d": _nearest(middle=True),
    "upsample_bilinear2d": _bilinear,
    "upsample_bicubic2d": _resize(2),
}
