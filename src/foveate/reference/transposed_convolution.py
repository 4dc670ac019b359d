"""Transposed convolution forward and backward: what convolution does with gradients, done with maps."""

from __future__ import annotations

import numpy as np

from foveate.errors import ShapeError
from foveate.geometry import pair, transposed_size, worked_transposed
from foveate.reference.windows import Array, Pair, windows, windows_backward


def conv_transpose2d(
    x: Array,
    w: Array,
    b: Array | None = None,
    *,
    stride: int | Pair = 1,
    padding: int | Pair = 0,
    output_padding: int | Pair = 0,
    dilation: int | Pair = 1,
    groups: int = 1,
) -> Array:
    """``out[n, o, i·s + m·d − p, j·s + l·d − p]`` sums ``x[n, c, i, j] · w[c, o, m, l]`` and b[o].

    Shapes: x (N, C, H, W), w (C, O / groups, kh, kw), b (O,) to (N, O, H', W'), with H' and W' by
    :func:`foveate.geometry.transposed_size`; ``output_padding`` adds lines behind, which some kernels reach.

    Raises:
        ShapeError: nothing is left, the channels do not fit, or the output padding is as long as the stride
            and the dilation.

    >>> x, w = np.array([[1.0, 2.0]])[None, None], np.array([[1.0, 10.0, 100.0]])[None, None]
    >>> conv_transpose2d(x, w, stride=(1, 2))[0, 0]
    array([[  1.,  10., 102.,  20., 200.]])
    """
    how = _How(
        x,
        w,
        stride=stride,
        padding=padding,
        output_padding=output_padding,
        dilation=dilation,
        groups=groups,
    )
    spread = [
        np.tensordot(x_g, w_g, axes=(1, 0)).transpose(0, 3, 1, 2, 4, 5)  # (N, O / groups, H, W, kh, kw)
        for x_g, w_g in zip(np.split(x, groups, axis=1), np.split(w, groups), strict=True)
    ]
    full = windows_backward(np.concatenate(spread, axis=1), how.full, how.stride, how.dilation)
    y = full[how.inside]
    return y if b is None else y + b[:, None, None]


def conv_transpose2d_backward(
    grad: Array,
    x: Array,
    w: Array,
    *,
    stride: int | Pair = 1,
    padding: int | Pair = 0,
    output_padding: int | Pair = 0,
    dilation: int | Pair = 1,
    groups: int = 1,
) -> tuple[Array, Array, Array]:
    """(dx, dw, db) of :func:`conv_transpose2d`, for ``grad`` (N, O, H', W').

    An input pixel met each weight once, at the places of a window of the output: its gradient is a plain
    convolution of ``grad``, and a weight's is the sum over windows of pixel times ``grad``.
    """
    how = _How(
        x,
        w,
        stride=stride,
        padding=padding,
        output_padding=output_padding,
        dilation=dilation,
        groups=groups,
    )
    full = np.zeros((*grad.shape[:2], *how.full), grad.dtype)
    full[how.inside] = grad
    height, width = x.shape[2:]
    seen = windows(full, how.kernel, how.stride, how.dilation)[:, :, :height, :width]  # (N, O, H, W, kh, kw)
    dx, dw = [], []
    for seen_g, x_g, w_g in zip(
        np.split(seen, groups, axis=1), np.split(x, groups, axis=1), np.split(w, groups), strict=True
    ):
        dx.append(np.tensordot(seen_g, w_g, axes=((1, 4, 5), (1, 2, 3))).transpose(0, 3, 1, 2))
        dw.append(np.tensordot(x_g, seen_g, axes=((0, 2, 3), (0, 2, 3))))  # (C / groups, O / groups, kh, kw)
    return np.concatenate(dx, axis=1), np.concatenate(dw), grad.sum((0, 2, 3))


class _How:
    """The arguments of one call, as pairs, after making sure that they fit. Raises ShapeError."""

    def __init__(
        self,
        x: Array,
        w: Array,
        *,
        stride: int | Pair,
        padding: int | Pair,
        output_padding: int | Pair,
        dilation: int | Pair,
        groups: int,
    ) -> None:
        if x.shape[1] != len(w) or len(w) % groups:
            raise ShapeError(
                f"Kernels over {len(w)} channels in {groups} groups take {len(w)} input channels, and the "
                f"groups must divide them; the input has {x.shape[1]} channels."
            )
        self.kernel, self.stride, self.dilation = (w.shape[2], w.shape[3]), pair(stride), pair(dilation)
        full, inside = [], []
        for axis in (0, 1):
            s, d, k = self.stride[axis], self.dilation[axis], self.kernel[axis]
            p, more, n = pair(padding)[axis], pair(output_padding)[axis], x.shape[2 + axis]
            if more >= max(s, d):
                raise ShapeError(
                    f"An output padding of {more} must be less than the stride {s} or dilation {d}."
                )
            if transposed_size(n, k, s, p, output_padding=more, dilation=d) < 1:
                words = worked_transposed(n, k, s, p, output_padding=more, dilation=d)
                raise ShapeError(f"Of {n} pixels this transposed convolution leaves {words}.")
            full.append((n - 1) * s + d * (k - 1) + 1 + more)
            inside.append(slice(p, full[axis] - p))
        self.full: Pair = (full[0], full[1])
        self.inside = (slice(None), slice(None), *inside)
