"""Pooling over sliding windows, forward and backward.

Each takes x (N, C, H, W) and gives (N, C, H', W'): a channel is never mixed with another. ``stride`` is the
window's size unless given. Padding never wins in ``max`` and ``min``; it is zero in ``sum``, ``l2`` and
``average``, where it counts as a pixel, as in torch; ``distance_weighted`` leaves it out. All raise
ShapeError, with the size formula, where the window does not fit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from foveate.geometry import output_size, pair
from foveate.reference.padding import pad, pad_backward
from foveate.reference.windows import Array, Pair, windows, windows_backward


class _Place(NamedTuple):
    """Where the windows of one call stand."""

    kernel: Pair
    stride: Pair
    amount: tuple[Pair, Pair]
    size: Pair

    def see(self, x: Array, fill: float = 0.0) -> Array:
        """(N, C, H', W', kh, kw)."""
        return windows(pad(x, self.amount, fill=fill), self.kernel, self.stride)

    def back(self, d_seen: Array) -> Array:
        """The gradient of what the windows saw to that of the picture (N, C, H, W)."""
        (top, bottom), (left, right) = self.amount
        padded = (top + self.size[0] + bottom, left + self.size[1] + right)
        return pad_backward(windows_backward(d_seen, padded, self.stride), self.size, self.amount)


def max_pool(
    x: Array,
    kernel: int | Pair,
    stride: int | Pair | None = None,
    padding: int | Pair = 0,
    *,
    ceil_mode: bool = False,
) -> Array:
    """The largest value of each window; with ``ceil_mode`` a last window may reach over the edge."""
    return _place(x, kernel, stride, padding, ceil_mode=ceil_mode).see(x, -np.inf).max((4, 5))


def max_pool_backward(
    grad: Array,
    x: Array,
    kernel: int | Pair,
    stride: int | Pair | None = None,
    padding: int | Pair = 0,
    *,
    ceil_mode: bool = False,
) -> Array:
    """The gradient goes to the winner: of equals, to the first in reading order, as in torch."""
    place = _place(x, kernel, stride, padding, ceil_mode=ceil_mode)
    seen = place.see(x, -np.inf)
    flat = seen.reshape(*seen.shape[:4], -1)
    won = np.arange(flat.shape[-1]) == flat.argmax(-1)[..., None]
    return place.back(won.reshape(seen.shape) * grad[..., None, None])


def max_pool_places(
    x: Array,
    kernel: int | Pair,
    stride: int | Pair | None = None,
    padding: int | Pair = 0,
    *,
    ceil_mode: bool = False,
) -> Array:
    """Where the greatest of each window lies, ``row·W + column`` of x: (N, C, H, W) to (N, C, H', W') int64.

    Of equals the first in reading order. Arguments as of :func:`max_pool`.

    >>> max_pool_places(np.array([[1.0, 3, 2, 4], [5, 6, 1, 2]])[None, None], 2)[0, 0]
    array([[5, 3]])
    """
    place = _place(x, kernel, stride, padding, ceil_mode=ceil_mode)
    numbered = np.arange(x.shape[2] * x.shape[3]).reshape(1, 1, *x.shape[2:])
    seen, numbers = place.see(x, -np.inf), place.see(numbered)
    won = seen.reshape(*seen.shape[:4], -1).argmax(-1)[..., None]  # (N, C, H', W', 1)
    every = np.broadcast_to(numbers, seen.shape).reshape(*seen.shape[:4], -1)
    places: Array = np.take_along_axis(every, won, -1)[..., 0]
    return places


def min_pool(
    x: Array, kernel: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0
) -> Array:
    """The smallest value of each window."""
    return -max_pool(-x, kernel, stride, padding)


def min_pool_backward(
    grad: Array, x: Array, kernel: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0
) -> Array:
    """The gradient goes to the smallest: the two signs cancel."""
    return max_pool_backward(grad, -x, kernel, stride, padding)


def sum_pool(
    x: Array, kernel: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0
) -> Array:
    """The sum of each window."""
    return _place(x, kernel, stride, padding).see(x).sum((4, 5))


def sum_pool_backward(
    grad: Array, x: Array, kernel: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0
) -> Array:
    """Every pixel of a window gets its whole gradient."""
    place = _place(x, kernel, stride, padding)
    return place.back(np.broadcast_to(grad[..., None, None], (*grad.shape, *place.kernel)))


def average_pool(
    x: Array, kernel: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0
) -> Array:
    """The mean of each window, padded zeros among them."""
    return _place(x, kernel, stride, padding).see(x).mean((4, 5))


def average_pool_backward(
    grad: Array, x: Array, kernel: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0
) -> Array:
    """The gradient is shared out evenly."""
    return sum_pool_backward(grad / np.prod(pair(kernel)), x, kernel, stride, padding)


def l2_pool(x: Array, kernel: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0) -> Array:
    """The root of the sum of squares of each window."""
    return np.sqrt(sum_pool(x * x, kernel, stride, padding))


def l2_pool_backward(
    grad: Array, x: Array, kernel: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0
) -> Array:
    """Shared out in proportion: d√(Σx²)/dx = x / √(Σx²), and 0 where all of the window is zero."""
    norm = l2_pool(x, kernel, stride, padding)
    scaled = np.divide(grad, norm, out=np.zeros_like(grad), where=norm > 0)
    return x * sum_pool_backward(scaled, x, kernel, stride, padding)


def distance_weights(kernel: int | Pair) -> Array:
    """(kh, kw) weights of sum 1: ``exp(−½·((i − (kh−1)/2)²/σh² + (j − (kw−1)/2)²/σw²))`` with σ = k/4.

    >>> distance_weights(3).round(3)
    array([[0.051, 0.124, 0.051],
           [0.124, 0.301, 0.124],
           [0.051, 0.124, 0.051]])
    """
    kh, kw = pair(kernel)
    i, j = np.arange(kh)[:, None] - (kh - 1) / 2, np.arange(kw) - (kw - 1) / 2
    weights = np.exp(-0.5 * ((i / (kh / 4)) ** 2 + (j / (kw / 4)) ** 2))
    return weights / weights.sum()


def distance_weighted_pool(
    x: Array, kernel: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0
) -> Array:
    """An average with weights that fall with the distance from the centre, see :func:`distance_weights`."""
    place = _place(x, kernel, stride, padding)
    return (place.see(x) * _weights_inside(x, place)).sum((4, 5))


def distance_weighted_pool_backward(
    grad: Array, x: Array, kernel: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0
) -> Array:
    """Shared out by the weights."""
    place = _place(x, kernel, stride, padding)
    return place.back(grad[..., None, None] * _weights_inside(x, place))


def _weights_inside(x: Array, place: _Place) -> Array:
    """(1, 1, H', W', kh, kw): the weights, those on padding struck out, of sum 1 in each window."""
    inside = place.see(np.ones((1, 1, *place.size), x.dtype))
    weights = inside * distance_weights(place.kernel).astype(x.dtype)
    return weights / weights.sum((4, 5), keepdims=True)


def _place(
    x: Array,
    kernel: int | Pair,
    stride: int | Pair | None,
    padding: int | Pair,
    *,
    ceil_mode: bool = False,
) -> _Place:
    """Where the windows stand; in ``ceil_mode`` the last one may need more padding than was asked for."""
    kernel, padding = pair(kernel), pair(padding)
    stride = kernel if stride is None else pair(stride)
    amount = []
    for axis, n, k, s, p in zip(("height", "width"), x.shape[2:], kernel, stride, padding, strict=True):
        out = output_size(n, k, s, p, ceil_mode=ceil_mode, axis=axis)
        amount.append((p, max(p, (out - 1) * s + k - n - p)))
    return _Place(kernel, stride, (amount[0], amount[1]), (x.shape[2], x.shape[3]))


class Pooling(NamedTuple):
    forward: Callable[..., Array]
    backward: Callable[..., Array]


POOLINGS = {
    "max": Pooling(max_pool, max_pool_backward),
    "average": Pooling(average_pool, average_pool_backward),
    "min": Pooling(min_pool, min_pool_backward),
    "sum": Pooling(sum_pool, sum_pool_backward),
    "l2": Pooling(l2_pool, l2_pool_backward),
    "distance_weighted": Pooling(distance_weighted_pool, distance_weighted_pool_backward),
}
"""The sliding ones by their names in :data:`foveate.layers.pooling_to_size.POOLINGS`."""
