"""Pooling to a fixed number of cells, forward and backward: one (global), or h x w of them (adaptive)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from foveate.errors import ShapeError
from foveate.geometry import pair
from foveate.reference.windows import Array, Pair


def global_average_pool(x: Array) -> Array:
    """The mean of each map: (N, C, H, W) to (N, C, 1, 1)."""
    return x.mean((2, 3), keepdims=True)


def global_average_pool_backward(grad: Array, x: Array) -> Array:
    """Shared out evenly."""
    return np.broadcast_to(grad / (x.shape[2] * x.shape[3]), x.shape)


def global_max_pool(x: Array) -> Array:
    """The largest value of each map: (N, C, H, W) to (N, C, 1, 1)."""
    return x.max((2, 3), keepdims=True)


def global_max_pool_backward(grad: Array, x: Array) -> Array:
    """To the first pixel that has the largest value."""
    return adaptive_max_pool_backward(grad, x, 1)


def adaptive_average_pool(x: Array, output_size: int | Pair) -> Array:
    """The mean of each of h x w cells: (N, C, H, W) to (N, C, h, w).

    Cell i of h covers the rows from ``floor(i·H/h)`` up to ``ceil((i+1)·H/h)``: neighbours share a row where
    h does not divide H.
    """
    out = np.empty((*x.shape[:2], *pair(output_size)), x.dtype)
    for cell, area in _cells(x, output_size):
        out[cell] = x[area].mean((2, 3))
    return out


def adaptive_average_pool_backward(grad: Array, x: Array, output_size: int | Pair) -> Array:
    """Each cell's gradient shared out evenly over it."""
    dx = np.zeros_like(x)
    for cell, area in _cells(x, output_size):
        pixels = x[area].shape[2] * x[area].shape[3]
        dx[area] += grad[cell][..., None, None] / pixels
    return dx


def adaptive_max_pool(x: Array, output_size: int | Pair) -> Array:
    """The largest value of each of h x w cells, which lie as those of :func:`adaptive_average_pool`."""
    out = np.empty((*x.shape[:2], *pair(output_size)), x.dtype)
    for cell, area in _cells(x, output_size):
        out[cell] = x[area].max((2, 3))
    return out


def adaptive_max_pool_backward(grad: Array, x: Array, output_size: int | Pair) -> Array:
    """Each cell's gradient to its winner: of equals, to the first in reading order."""
    dx = np.zeros_like(x)
    for cell, area in _cells(x, output_size):
        seen = x[area]
        flat = seen.reshape(*seen.shape[:2], -1)
        won = np.arange(flat.shape[-1]) == flat.argmax(-1)[..., None]
        dx[area] += won.reshape(seen.shape) * grad[cell][..., None, None]
    return dx


def _cells(x: Array, output_size: int | Pair) -> Iterator[tuple[tuple, tuple]]:
    """For each cell, where it stands in the output and which part of the input it covers, as indices."""
    rows, columns = pair(output_size)
    if min(rows, columns) < 1:
        raise ShapeError(f"Adaptive pooling gives at least 1x1 cells, and {rows}x{columns} are asked for.")
    every = slice(None)
    for i, vertical in enumerate(_spans(x.shape[2], rows)):
        for j, horizontal in enumerate(_spans(x.shape[3], columns)):
            yield (every, every, i, j), (every, every, vertical, horizontal)


def _spans(n: int, count: int) -> list[slice]:
    return [slice(i * n // count, -(-(i + 1) * n // count)) for i in range(count)]
