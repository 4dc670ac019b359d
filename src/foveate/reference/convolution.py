"""Convolution (as all of deep learning says for cross-correlation) forward and backward."""

from __future__ import annotations

import numpy as np

from foveate.errors import ShapeError
from foveate.geometry import output_size, pair
from foveate.layers.padding import Padding, PaddingMode, Sides, check_padding, sides
from foveate.reference.padding import pad, pad_backward
from foveate.reference.windows import Array, Pair, windows, windows_backward


def conv2d(
    x: Array,
    w: Array,
    b: Array | None = None,
    *,
    stride: int | Pair = 1,
    padding: Padding = 0,
    dilation: int | Pair = 1,
    groups: int = 1,
    padding_mode: PaddingMode = "zeros",
) -> Array:
    """``out[n, o, i, j] = b[o] + Σ_c Σ_m Σ_n x[n, c, i·s + m·d, j·s + n·d] · w[o, c, m, n]``.

    Shapes: x (N, C, H, W), w (O, C / groups, kh, kw), b (O,) to (N, O, H', W'). Output channel o of group g
    sees the input channels of group g alone. Arguments as of :class:`foveate.layers.convolution.Conv2d`.

    Raises:
        ShapeError: the kernel does not fit into the padded picture, or the channels do not.

    >>> x, w = np.arange(9.0).reshape(1, 1, 3, 3), np.arange(4.0).reshape(1, 1, 2, 2)
    >>> conv2d(x, w)[0, 0]
    array([[19., 25.],
           [37., 43.]])
    """
    stride, dilation = pair(stride), pair(dilation)
    amount = _checked_sides(
        x, w, stride=stride, padding=padding, dilation=dilation, groups=groups, mode=padding_mode
    )
    seen = windows(pad(x, amount, padding_mode), _kernel(w), stride, dilation)  # (N, C, H', W', kh, kw)
    out = [
        np.tensordot(seen_g, w_g, axes=((1, 4, 5), (1, 2, 3)))  # (N, H', W', O / groups)
        for seen_g, w_g in zip(np.split(seen, groups, axis=1), np.split(w, groups), strict=True)
    ]
    y = np.concatenate(out, axis=3).transpose(0, 3, 1, 2)
    return y if b is None else y + b[:, None, None]


def conv2d_backward(
    grad: Array,
    x: Array,
    w: Array,
    *,
    stride: int | Pair = 1,
    padding: Padding = 0,
    dilation: int | Pair = 1,
    groups: int = 1,
    padding_mode: PaddingMode = "zeros",
) -> tuple[Array, Array, Array]:
    """(dx, dw, db) of :func:`conv2d`, for ``grad`` (N, O, H', W').

    A weight met one input pixel in every window, so its gradient is the sum over windows of pixel times
    ``grad``. An input pixel met a weight in every window that saw it, so its gradient is the sum of those
    weights times ``grad``; its copies in the padding add theirs.
    """
    stride, dilation = pair(stride), pair(dilation)
    amount = _checked_sides(
        x, w, stride=stride, padding=padding, dilation=dilation, groups=groups, mode=padding_mode
    )
    padded = pad(x, amount, padding_mode)
    seen = windows(padded, _kernel(w), stride, dilation)
    d_seen, dw = [], []
    for seen_g, w_g, grad_g in zip(
        np.split(seen, groups, axis=1), np.split(w, groups), np.split(grad, groups, axis=1), strict=True
    ):
        dw.append(
            np.tensordot(grad_g, seen_g, axes=((0, 2, 3), (0, 2, 3)))
        )  # (O / groups, C / groups, kh, kw)
        wanted = np.tensordot(w_g, grad_g, axes=(0, 1))  # (C / groups, kh, kw, N, H', W')
        d_seen.append(wanted.transpose(3, 0, 4, 5, 1, 2))
    d_padded = windows_backward(np.concatenate(d_seen, axis=1), padded.shape[2:], stride, dilation)
    dx = pad_backward(d_padded, x.shape[2:], amount, padding_mode)
    return dx, np.concatenate(dw), grad.sum((0, 2, 3))


def _kernel(w: Array) -> Pair:
    return w.shape[2], w.shape[3]


def _checked_sides(
    x: Array, w: Array, *, stride: Pair, padding: Padding, dilation: Pair, groups: int, mode: PaddingMode
) -> Sides:
    """((top, bottom), (left, right)), after making sure that there is an output. Raises ShapeError."""
    check_padding(padding, mode)
    channels, filters = x.shape[1], w.shape[0]
    if channels != w.shape[1] * groups or filters % groups:
        raise ShapeError(
            f"{filters} kernels over {w.shape[1]} channels in {groups} groups take {w.shape[1] * groups} "
            f"input channels, and {groups} must divide the kernels; the input has {channels} channels."
        )
    size, kernel = (x.shape[2], x.shape[3]), _kernel(w)
    amount = sides(padding, size, kernel, stride, dilation)
    for axis in (0, 1):
        output_size(
            size[axis],
            kernel[axis],
            stride[axis],
            amount[axis],
            dilation[axis],
            axis=("height", "width")[axis],
        )
    return amount
