"""Sizes of what ONNX operators give that move, reshape and combine numbers one by one."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterable
from typing import Any

from foveate.runtime.onnx_call import MAX_VALUES, Call, Rule, Tensor, Values, broadcast


def same(c: Call) -> list[Tensor]:
    return [Tensor(c.shape(0))] * max(len(c.node.outputs), 1)


def same_values(c: Call) -> list[Tensor]:
    return [c.given[0]]


def cast(c: Call) -> list[Tensor]:
    """To FLOAT, INT32 and INT64; what other types make of a number is not followed."""
    shape, values = c.given[0]
    to = {1: float, 6: int, 7: int}.get(c.get("to"))
    return [Tensor(shape, None if values is None or to is None else _computed(map(to, values)))]


def _computed(values: Iterable[Any]) -> Values | None:
    """Results as ONNX Runtime has them: floats in single precision, integers that fit in 32 bits or none."""
    found = tuple(values)
    if all(isinstance(value, float) for value in found):
        return _single(*found)
    return found if all(isinstance(value, int) and abs(value) < 1 << 31 for value in found) else None


def _single(*values: float) -> Values:
    """In single precision."""
    return struct.unpack(f"<{len(values)}f", struct.pack(f"<{len(values)}f", *values))


def elementwise(c: Call) -> list[Tensor]:
    return [Tensor(broadcast(*(tensor.shape for tensor in c.given)))]


def followed(function: Callable[[Any, Any], Any]) -> Rule:
    """Arithmetic on numbers that may be sizes; what no size can be is not followed any further."""

    def rule(c: Call) -> list[Tensor]:
        shape = broadcast(c.shape(0), c.shape(1))
        a, b = c.given[0].values, c.given[1].values
        if a is None or b is None or len(shape) > 1 or (len(a) != len(b) and 1 not in (len(a), len(b))):
            return [Tensor(shape)]
        count = max(len(a), len(b))
        pairs = zip(a * (count // len(a)), b * (count // len(b)), strict=True)
        return [Tensor(shape, _computed(function(x, y) for x, y in pairs))]

    return rule


def divided(x: Any, y: Any) -> Any:
    if not (isinstance(x, int) and isinstance(y, int)):
        return x / y
    return abs(x) // abs(y) * (1 if (x < 0) == (y < 0) else -1)  # towards zero


def reduce(c: Call) -> list[Tensor]:
    x, axes = c.shape(0), c.numbers("axes", 1)
    c.products = math.prod(x)
    if not axes:
        axes = () if c.get("noop_with_empty_axes", 0) else tuple(range(len(x)))
    away, keep = {axis % len(x) for axis in axes}, c.get("keepdims", 1)
    return [Tensor(tuple(1 if i in away else n for i, n in enumerate(x) if keep or i not in away))]


def place_of_best(c: Call) -> list[Tensor]:
    x, axis = c.shape(0), c.get("axis", 0) % len(c.shape(0))
    c.products = math.prod(x)
    return [Tensor((*x[:axis], *((1,) if c.get("keepdims", 1) else ()), *x[axis + 1 :]))]


def best(c: Call) -> list[Tensor]:
    x, axis = c.shape(0), c.get("axis", -1) % len(c.shape(0))
    c.products = math.prod(x) * max(x[axis], 1).bit_length()
    return [Tensor((*x[:axis], c.values(1)[0], *x[axis + 1 :]))] * 2


def constant(c: Call) -> list[Tensor]:
    tensor = c.get("value")
    if isinstance(tensor, Tensor):
        return [tensor]
    (value,) = c.node.attributes.values()
    several = isinstance(value, tuple)
    return [Tensor((len(value),), value) if several else Tensor((), (value,))]


def shape_of(c: Call) -> list[Tensor]:
    sides = c.shape(0)[c.get("start", 0) : c.get("end")]
    return [Tensor((len(sides),), sides)]


def size_of(c: Call) -> list[Tensor]:
    return [Tensor((), (math.prod(c.shape(0)),))]


def reshape(c: Call) -> list[Tensor]:
    x, wanted = c.shape(0), c.values(1)
    sides = [x[i] if n == 0 and not c.get("allowzero", 0) else n for i, n in enumerate(wanted)]
    rest = math.prod(n for n in sides if n != -1)
    sides = [math.prod(x) // rest if n == -1 else n for n in sides]
    if math.prod(sides) != math.prod(x):
        raise ValueError("another number of elements")
    return [Tensor(tuple(sides), c.given[0].values)]


def flatten(c: Call) -> list[Tensor]:
    x, axis = c.shape(0), c.get("axis", 1)
    return [Tensor((math.prod(x[:axis]), math.prod(x[axis:])))]


def squeeze(c: Call) -> list[Tensor]:
    x, axes = c.shape(0), c.numbers("axes", 1)
    away = {i for i, n in enumerate(x) if n == 1} if axes is None else {axis % len(x) for axis in axes}
    return [Tensor(tuple(n for i, n in enumerate(x) if i not in away), c.given[0].values)]


def unsqueeze(c: Call) -> list[Tensor]:
    x, axes = list(c.shape(0)), c.numbers("axes", 1) or ()
    for axis in sorted(axis % (len(x) + len(axes)) for axis in axes):
        x.insert(axis, 1)
    return [Tensor(tuple(x), c.given[0].values)]


def transpose(c: Call) -> list[Tensor]:
    x = c.shape(0)
    return [Tensor(tuple(x[axis] for axis in c.get("perm") or range(len(x))[::-1]))]


def concat(c: Call) -> list[Tensor]:
    first, axis = c.shape(0), c.get("axis") % len(c.shape(0))
    length = sum(tensor.shape[axis] for tensor in c.given)
    followed = [tensor.values for tensor in c.given]
    values = None
    if len(first) == 1 and length <= MAX_VALUES and None not in followed:
        values = tuple(value for part in followed for value in part or ())
    return [Tensor((*first[:axis], length, *first[axis + 1 :]), values)]


def split(c: Call) -> list[Tensor]:
    x, axis = c.shape(0), c.get("axis", 0) % len(c.shape(0))
    parts = c.numbers("split", 1)
    if parts is None:
        count = len(c.node.outputs)
        each = -(-x[axis] // count)
        parts = tuple(min(each, x[axis] - i * each) for i in range(count))
    return [Tensor((*x[:axis], part, *x[axis + 1 :])) for part in parts]


def slice_(c: Call) -> list[Tensor]:
    x = list(c.shape(0))
    starts, ends = c.numbers("starts", 1), c.numbers("ends", 2)
    axes = c.numbers("axes", 3) or range(len(starts or ()))
    steps = c.numbers("steps", 4) or (1,) * len(axes)
    cut = [slice(None)] * len(x)
    for start, end, axis, step in zip(starts or (), ends or (), axes, steps, strict=True):
        # One before the first stands for the start where steps go back; Python has None for it.
        stop = None if step < 0 and end < -x[axis] else end
        cut[axis] = slice(start, stop, step)
        x[axis] = len(range(x[axis])[cut[axis]])
    values = c.given[0].values
    return [Tensor(tuple(x), values[cut[0]] if values is not None and len(x) == 1 else None)]


def gather(c: Call) -> list[Tensor]:
    x, places, axis = c.shape(0), c.given[1], c.get("axis", 0) % len(c.shape(0))
    values = None
    if c.given[0].values is not None and places.values is not None and len(x) == 1:
        values = tuple(c.given[0].values[place] for place in places.values)
    return [Tensor((*x[:axis], *places.shape, *x[axis + 1 :]), values)]


def gather_elements(c: Call) -> list[Tensor]:
    return [Tensor(c.shape(1))]


def gather_nd(c: Call) -> list[Tensor]:
    x, places, batch = c.shape(0), c.shape(1), c.get("batch_dims", 0)
    return [Tensor((*places[:-1], *x[batch + places[-1] :]))]


def pad(c: Call) -> list[Tensor]:
    x, pads = c.shape(0), c.numbers("pads", 1) or ()
    axes = [axis % len(x) for axis in (c.values(3) if c.has(3) else range(len(x)))]
    sides = list(x)
    for i, axis in enumerate(axes):
        sides[axis] = max(sides[axis] + pads[i] + pads[i + len(axes)], 0)
    return [Tensor(tuple(sides))]


def tile(c: Call) -> list[Tensor]:
    return [Tensor(tuple(n * times for n, times in zip(c.shape(0), c.values(1), strict=True)))]


def expand(c: Call) -> list[Tensor]:
    return [Tensor(broadcast(c.shape(0), c.values(1)))]


def filled(c: Call) -> list[Tensor]:
    sides, tensor = c.values(0), c.get("value")
    value = (0,) if tensor is None else tensor.values
    few = value is not None and math.prod(sides) <= MAX_VALUES
    return [Tensor(tuple(sides), value * math.prod(sides) if few else None)]


def range_(c: Call) -> list[Tensor]:
    (start,), (limit,), (delta,) = (c.values(i) for i in range(3))
    count = max(math.ceil((limit - start) / delta), 0)
    few = count <= MAX_VALUES and isinstance(start, int)  # floats are summed up, and rounded each time
    return [Tensor((count,), tuple(start + i * delta for i in range(count)) if few else None)]


def resize(c: Call) -> list[Tensor]:
    x = c.shape(0)
    axes = [axis % len(x) for axis in c.get("axes") or range(len(x))]
    sides = list(x)
    if c.has(3):
        if c.get("keep_aspect_ratio_policy", b"stretch") != b"stretch":
            raise ValueError("sizes that are not those of the result")
        found = c.values(3)
    else:
        scales = c.values(2) if c.node.kind == "Resize" else c.numbers("scales", 1) or ()
        wanted = _single(*(x[a] * scale for a, scale in zip(axes, scales, strict=True)))
        found = tuple(map(math.floor, wanted))
    for axis, side in zip(axes, found, strict=True):
        sides[axis] = side
    c.products = 64 * math.prod(sides)  # cubic interpolation takes 16 neighbours, with weights
    return [Tensor(tuple(sides))]


def depth_to_space(c: Call) -> list[Tensor]:
    (n, depth, h, w), b = c.shape(0), c.get("blocksize")
    return [Tensor((n, depth // (b * b), h * b, w * b))]


def space_to_depth(c: Call) -> list[Tensor]:
    (n, depth, h, w), b = c.shape(0), c.get("blocksize")
    return [Tensor((n, depth * b * b, h // b, w // b))]


def one_hot(c: Call) -> list[Tensor]:
    x, (depth,) = list(c.shape(0)), c.values(1)
    x.insert(c.get("axis", -1) % (len(x) + 1), depth)
    return [Tensor(tuple(x))]
