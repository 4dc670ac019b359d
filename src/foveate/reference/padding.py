"""Padding forward and backward: zeros, reflected, replicated, circular, each side on its own."""

from __future__ import annotations

import numpy as np

from foveate.layers.padding import PaddingMode, Sides, check_fill
from foveate.reference.windows import Array, Pair

_NUMPY_MODE = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def pad(x: Array, amount: Sides, mode: PaddingMode = "zeros", fill: float = 0.0) -> Array:
    """(N, C, H, W) to (N, C, top + H + bottom, left + W + right); ``fill`` is what "zeros" means.

    Raises:
        ShapeError: the picture is too small to be mirrored or wrapped that far.
    """
    height, width = x.shape[2:]
    check_fill(mode, (height, width), amount)
    if mode == "zeros":
        return np.pad(x, ((0, 0), (0, 0), *amount), constant_values=fill)
    rows, columns = _source(height, amount[0], mode), _source(width, amount[1], mode)
    return x[:, :, rows[:, None], columns]


def pad_backward(grad: Array, size: Pair, amount: Sides, mode: PaddingMode = "zeros") -> Array:
    """Each pixel sums the gradients of all its copies; back to (N, C, H, W) of ``size`` (H, W)."""
    (top, _), (left, _) = amount
    height, width = size
    if mode == "zeros":
        return grad[:, :, top : top + height, left : left + width]
    # Padding copies pixels: it is P·x·Qᵀ with rows of P and Q that hold a single 1, and backwards Pᵀ·grad·Q.
    p = np.eye(height, dtype=grad.dtype)[_source(height, amount[0], mode)]
    q = np.eye(width, dtype=grad.dtype)[_source(width, amount[1], mode)]
    return p.T @ grad @ q


def _source(n: int, amount: Pair, mode: PaddingMode) -> Array:
    """For each place of a padded axis, the pixel that stands there."""
    return np.pad(np.arange(n), amount, mode=_NUMPY_MODE[mode])  # type: ignore[call-overload]
