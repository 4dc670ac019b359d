"""Bringing maps to another size, forward and backward: between the nearest lines, or taking the nearest one.

Both are ``R·x·Cᵀ`` of each map, with a matrix for the rows and one for the columns, and backward
``Rᵀ·grad·C``. Where the lines lie is told in :mod:`foveate.layers.interpolation`.
"""

from __future__ import annotations

import numpy as np

from foveate.errors import ShapeError
from foveate.layers.interpolation import linear, nearest
from foveate.reference.windows import Array, Pair


def bilinear(x: Array, size: Pair, *, align_corners: bool = False) -> Array:
    """(N, C, H, W) to (N, C, H', W') of ``size``: weighed means of the two nearest rows and columns.

    >>> bilinear(np.array([[0.0, 4.0]])[None, None], (1, 4))[0, 0]
    array([[0., 1., 3., 4.]])
    """
    rows, columns = _between(x.shape, size, align_corners, x.dtype)
    return rows @ x @ columns.T


def bilinear_backward(grad: Array, x: Array, *, align_corners: bool = False) -> Array:
    """Each pixel sums what it gave, in the same shares."""
    rows, columns = _between(x.shape, (grad.shape[2], grad.shape[3]), align_corners, grad.dtype)
    return rows.T @ grad @ columns


def nearest_neighbour(x: Array, size: Pair) -> Array:
    """(N, C, H, W) to (N, C, H', W') of ``size``: each place takes the pixel ``floor(i·H/H')``.

    >>> nearest_neighbour(np.array([[0.0, 4.0]])[None, None], (1, 4))[0, 0]
    array([[0., 0., 4., 4.]])
    """
    rows, columns = _lines(x.shape, size)
    return x[:, :, rows[:, None], columns]


def nearest_neighbour_backward(grad: Array, x: Array) -> Array:
    """Each pixel sums the gradients of its copies."""
    lines = _lines(x.shape, (grad.shape[2], grad.shape[3]))
    rows, columns = (np.eye(n, dtype=grad.dtype)[taken] for n, taken in zip(x.shape[2:], lines, strict=True))
    return rows.T @ grad @ columns


def _between(shape: tuple[int, ...], size: Pair, align_corners: bool, dtype: np.dtype) -> tuple[Array, Array]:
    _check(size)
    rows, columns = (
        linear(n, m, align_corners=align_corners).matrix(n).astype(dtype)
        for n, m in zip(shape[2:], size, strict=True)
    )
    return rows, columns


def _lines(shape: tuple[int, ...], size: Pair) -> tuple[Array, Array]:
    _check(size)
    return nearest(shape[2], size[0]), nearest(shape[3], size[1])


def _check(size: Pair) -> None:
    if min(size) < 1:
        raise ShapeError(f"A map is brought to 1x1 places or more, and {size[0]}x{size[1]} are asked for.")
