"""A picture cut into parts that look alike, by the graph of its pixels.

Felzenszwalb, Huttenlocher: "Efficient graph-based image segmentation", International Journal of Computer
Vision 59, 2004. Neighbouring pixels are joined by the growing difference of their colours; two parts become
one as long as what parts them is no larger than what parts the pixels within either, by a tolerance that
falls with a part's size. Selective search (`foveate.images.selective_search`) begins with these parts.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
SIGMA = 0.8  # of the blur before, in pixels: what cameras and JPEG do to edges is not to count


def segments(picture: Array, tolerance: float, least: int, sigma: float = SIGMA) -> NDArray[np.int64]:
    """(H, W) the number of the part that each pixel is in, from 0, in the order of their first pixels.

    Args:
        picture: (H, W, C), of any range.
        tolerance: the paper's k, in the picture's units times pixels: the larger, the larger the parts.
        least: pixels of a part; a smaller one goes to the neighbour that differs least.
    """
    height, width = picture.shape[:2]
    roots = np.array(_joined(_edges(blurred(picture, sigma)), height * width, tolerance, least))
    while (above := roots[roots] != roots).any():
        roots[above] = roots[roots[above]]
    _, where, numbers = np.unique(roots, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(where))  # by their first pixels, not by their roots
    return rank[numbers].reshape(height, width)


def blurred(picture: Array, sigma: float) -> Array:
    """(H, W, C) smoothed by a Gaussian of this deviation; beyond its edges the last pixels go on."""
    if sigma <= 0:
        return picture
    reach = int(np.ceil(4 * sigma))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    weights /= weights.sum()
    for axis in (0, 1):
        pads = [(reach, reach) if i == axis else (0, 0) for i in range(3)]
        around = np.pad(picture, pads, mode="edge")
        length = picture.shape[axis]
        picture = np.zeros_like(picture)
        for i, weight in enumerate(weights):
            picture += weight * around.take(range(i, i + length), axis=axis)
    return picture


class _Edges(NamedTuple):
    """Pairs of neighbours by their numbers and how far apart they are, the nearest first."""

    first: list[int]
    second: list[int]
    apart: list[float]


def _edges(picture: Array) -> _Edges:
    """Each pair of the eight neighbours once."""
    height, width = picture.shape[:2]
    numbers = np.arange(height * width).reshape(height, width)
    rows, columns, every = slice(None, -1), slice(1, None), slice(None)
    pairs = (
        ((every, rows), (every, columns)),  # to the right
        ((rows, every), (columns, every)),  # below
        ((rows, rows), (columns, columns)),  # below to the right
        ((rows, columns), (columns, rows)),  # below to the left
    )
    first = np.concatenate([numbers[one].ravel() for one, _ in pairs])
    second = np.concatenate([numbers[other].ravel() for _, other in pairs])
    flat = picture.reshape(height * width, -1)
    apart = np.sqrt(((flat[first] - flat[second]) ** 2).sum(axis=1))
    order = np.argsort(apart, kind="stable")
    return _Edges(first[order].tolist(), second[order].tolist(), apart[order].tolist())


def _joined(edges: _Edges, count: int, tolerance: float, least: int) -> list[int]:
    """Of each of ``count`` pixels one that is nearer to the root of its part; a root is its own.

    Plain Python: what is joined depends on all that was joined before. The search for a root stands where it
    is needed: a call would take longer than it does.
    """
    parent, size = list(range(count)), [1] * count
    limit = [tolerance] * count  # what may part it from another: its own greatest step, and the tolerance
    for one, other, step in zip(*edges, strict=True):
        a, b = one, other
        while parent[a] != a:
            parent[a] = a = parent[parent[a]]
        while parent[b] != b:
            parent[b] = b = parent[parent[b]]
        if a != b and step <= limit[a] and step <= limit[b]:
            if size[a] < size[b]:
                a, b = b, a
            parent[b] = a
            size[a] += size[b]
            limit[a] = step + tolerance / size[a]
    for one, other in zip(edges.first, edges.second, strict=True):
        a, b = one, other
        while parent[a] != a:
            parent[a] = a = parent[parent[a]]
        while parent[b] != b:
            parent[b] = b = parent[parent[b]]
        if a != b and (size[a] < least or size[b] < least):
            parent[b] = a
            size[a] += size[b]
    return parent
