"""The places that a window takes on a picture: all of them as one view, and the way back."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Pair: TypeAlias = tuple[int, int]


def windows(x: Array, kernel: Pair, stride: Pair = (1, 1), dilation: Pair = (1, 1)) -> Array:
    """(N, C, H, W) to (N, C, H', W', kh, kw), not copied: ``out[n, c, i, j]`` is what window (i, j) sees."""
    extent = tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))
    every = sliding_window_view(x, extent, axis=(2, 3))
    return every[:, :, :: stride[0], :: stride[1], :: dilation[0], :: dilation[1]]


def windows_backward(grad: Array, size: Pair, stride: Pair = (1, 1), dilation: Pair = (1, 1)) -> Array:
    """(N, C, H', W', kh, kw) to (N, C, H, W) of ``size``: each pixel sums what all windows want of it."""
    count, channels, rows, columns, kh, kw = grad.shape
    dx = np.zeros((count, channels, *size), grad.dtype)
    for i in range(kh):
        for j in range(kw):
            top, left = i * dilation[0], j * dilation[1]
            below, right = top + stride[0] * (rows - 1) + 1, left + stride[1] * (columns - 1) + 1
            dx[:, :, top : below : stride[0], left : right : stride[1]] += grad[..., i, j]
    return dx
