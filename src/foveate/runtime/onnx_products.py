"""What sums of products cost, and the sizes of what they give: convolutions, dense layers, pools."""

from __future__ import annotations

import math

from foveate.runtime.onnx_call import Call, Rule, Shape, Tensor, broadcast


def _pads(c: Call, sides: Shape, kernel: Shape, strides: Shape, dilations: Shape) -> list[int]:
    """Rows and columns added on each axis, before and after together."""
    pads = c.get("pads") or (0,) * (2 * len(sides))
    if c.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID"):
        needed = zip(sides, kernel, strides, dilations, strict=True)
        return [max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0) for n, k, s, d in needed]
    return [pads[i] + pads[i + len(sides)] for i in range(len(sides))]


def _windows(c: Call, sides: Shape, kernel: Shape) -> Shape:
    ones = (1,) * len(sides)
    strides, dilations = c.get("strides") or ones, c.get("dilations") or ones
    if min(*strides, *dilations, *kernel) < 1:
        raise ValueError("no window")
    added = _pads(c, sides, kernel, strides, dilations)
    up = c.get("ceil_mode", 0)
    spare = [n + p - d * (k - 1) - 1 for n, p, k, d in zip(sides, added, kernel, dilations, strict=True)]
    return tuple(max((-(-x // s) if up else x // s) + 1, 0) for x, s in zip(spare, strides, strict=True))


def convolution(weight: int) -> Rule:
    def rule(c: Call) -> list[Tensor]:
        x, w = c.shape(0), c.shape(weight)
        out = (x[0], w[0], *_windows(c, x[2:], w[2:]))
        c.products = math.prod(out) * math.prod(w[1:])
        return [Tensor(out)]

    return rule


def transposed_convolution(c: Call) -> list[Tensor]:
    x, w = c.shape(0), c.shape(1)
    sides, kernel = x[2:], w[2:]
    ones = (1,) * len(sides)
    strides, dilations = c.get("strides") or ones, c.get("dilations") or ones
    extra = c.get("output_padding") or (0,) * len(sides)
    pads = c.get("pads") or (0,) * (2 * len(sides))
    out = c.get("output_shape") or tuple(
        s * (n - 1) + e + (k - 1) * d + 1 - pads[i] - pads[i + len(sides)]
        for i, (n, k, s, d, e) in enumerate(zip(sides, kernel, strides, dilations, extra, strict=True))
    )
    c.products = math.prod(x) * math.prod(w[1:])
    return [Tensor((x[0], w[1] * c.get("group", 1), *(max(side, 0) for side in out)))]


def dense(c: Call) -> list[Tensor]:
    a, b = c.shape(0), c.shape(1)
    rows, depth = a[::-1] if c.get("transA", 0) else a
    columns = b[0] if c.get("transB", 0) else b[1]
    c.products = rows * depth * columns
    return [Tensor((rows, columns))]


def product(right: int) -> Rule:
    def rule(c: Call) -> list[Tensor]:
        a, b = c.shape(0), c.shape(right)
        rows, depth = a if len(a) > 1 else (1, a[0]), a[-1]
        columns = b[-1] if len(b) > 1 else 1
        stacks = broadcast(a[:-2], b[:-2])
        c.products = math.prod(stacks) * rows[-2] * depth * columns
        return [Tensor((*stacks, *a[-2:-1], *(b[-1:] if len(b) > 1 else ())))]

    return rule


def einsum(c: Call) -> list[Tensor]:
    terms, arrow, out = c.get("equation").decode().replace(" ", "").partition("->")
    if not arrow or "." in terms:
        raise ValueError("ellipsis")
    sizes: dict[str, int] = {}
    for letters, tensor in zip(terms.split(","), c.given, strict=True):
        for letter, side in zip(letters, tensor.shape, strict=True):
            sizes[letter] = max(sizes.get(letter, 1), side)
    c.products = math.prod(sizes.values())
    return [Tensor(tuple(sizes[letter] for letter in out))]


def recurrent(c: Call) -> list[Tensor]:
    (steps, batch, _), (ways, gates, depth), hidden = c.shape(0), c.shape(1), c.shape(2)[2]
    c.products = steps * batch * ways * gates * (depth + hidden)
    last = Tensor((ways, batch, hidden))
    return [Tensor((steps, ways, batch, hidden)), last, last]


def fourier(c: Call) -> list[Tensor]:
    x = c.shape(0)  # the last axis is that of real and imaginary parts
    axis = (c.values(2)[0] if c.has(2) else c.get("axis", -2)) % len(x)
    length = c.values(1)[0] if c.has(1) else x[axis]
    side = length // 2 + 1 if c.get("onesided", 0) else length
    out = (*x[:axis], side, *x[axis + 1 : -1], 2)
    c.products = math.prod(out) * max(length, *x)
    return [Tensor(out)]


def sampled(c: Call) -> list[Tensor]:
    x, grid = c.shape(0), c.shape(1)
    out = (*x[:2], *grid[1:-1])
    c.products = 16 * math.prod(out)
    return [Tensor(out)]


def pool(c: Call) -> list[Tensor]:
    x, kernel = c.shape(0), c.get("kernel_shape")
    out = (*x[:2], *_windows(c, x[2:], kernel))
    c.products = math.prod(out) * math.prod(kernel)
    return [Tensor(out)] * 2


def pool_everything(c: Call) -> list[Tensor]:
    x = c.shape(0)
    c.products = math.prod(x)
    return [Tensor((*x[:2], *(1,) * len(x[2:])))]
