"""Max-unpooling forward and backward: numbers go back to where a max pooling found its greatest."""

from __future__ import annotations

import numpy as np

from foveate.errors import ShapeError
from foveate.reference.windows import Array, Pair


def max_unpool(x: Array, places: Array, size: Pair) -> Array:
    """(N, C, h, w) and their places to (N, C, H, W) of ``size``; 0 where nothing goes.

    Where several meet, the last in reading order stays.

    Raises:
        ShapeError: a place outside the map.
    """
    out = np.zeros((*x.shape[:2], size[0] * size[1]), x.dtype)
    if places.size and not 0 <= places.min() <= places.max() < out.shape[2]:
        raise ShapeError(
            f"A map of {size[0]}x{size[1]} has the places 0 to {out.shape[2] - 1}, and the places given are "
            f"{places.min()} to {places.max()}."
        )
    flat = (*x.shape[:2], -1)
    np.put_along_axis(out, places.reshape(flat), x.reshape(flat), axis=2)
    return out.reshape(*x.shape[:2], *size)


def max_unpool_backward(grad: Array, places: Array) -> Array:
    """Each number gets the gradient of its place (as in torch also where another took it)."""
    flat = (*places.shape[:2], -1)
    return np.take_along_axis(grad.reshape(flat), places.reshape(flat), axis=2).reshape(places.shape)
