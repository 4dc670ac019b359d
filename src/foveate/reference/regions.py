"""RoIPool and RoIAlign, forward and backward, point by point. Twins of `foveate.layers.regions`.

x: maps (N, C, H, W). boxes: (R, 4) x1, y1, x2, y2 in pixels; pictures: (R,) whose map each is read from;
``scale``: places of the map in a pixel. All give (R, C, h, w) of ``size``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from foveate.reference.windows import Array, Pair


@dataclass(frozen=True)
class Regions:
    """How regions are read; see `foveate.layers.regions.Pooling`."""

    size: Pair
    scale: float = 1.0
    samples: int = 2
    aligned: bool = False


def roi_align(x: Array, boxes: Array, pictures: Array, how: Regions) -> Array:
    """Each cell the mean of what stands at its points, read bilinearly; 0 further than a place outside."""
    out = np.zeros((len(boxes), x.shape[1], *how.size), x.dtype)
    for region, row, column, place, share in _points(x, boxes, how):
        out[region, :, row, column] += share * x[pictures[region], :, place[0], place[1]]
    return out


def roi_align_backward(grad: Array, x: Array, boxes: Array, pictures: Array, how: Regions) -> Array:
    """Each place of the map sums what it gave, in the same shares."""
    dx = np.zeros_like(x)
    for region, row, column, place, share in _points(x, boxes, how):
        dx[pictures[region], :, place[0], place[1]] += share * grad[region, :, row, column]
    return dx


def _points(x: Array, boxes: Array, how: Regions) -> Iterator[tuple[int, int, int, Pair, float]]:
    """Region, row and column of the cell, a place of the map, and the share of it that the cell takes."""
    for region, box in enumerate(boxes):
        corners = box * how.scale - (0.5 if how.aligned else 0.0)
        sides = np.array([corners[3] - corners[1], corners[2] - corners[0]])
        if not how.aligned:
            sides = np.maximum(sides, 1.0)
        cell = sides / how.size
        counts = [how.samples or math.ceil(side) for side in cell]
        for row, column in np.ndindex(*how.size):
            for i, j in np.ndindex(*(max(count, 0) for count in counts)):
                y = corners[1] + cell[0] * (row + (i + 0.5) / counts[0])
                x_ = corners[0] + cell[1] * (column + (j + 0.5) / counts[1])
                for place, share in _corners(y, x_, (x.shape[2], x.shape[3])):
                    yield region, row, column, place, share / (counts[0] * counts[1])


def _corners(y: float, x: float, size: Pair) -> Iterator[tuple[Pair, float]]:
    """The four places around a point, and what each counts."""
    if not (-1 <= y <= size[0] and -1 <= x <= size[1]):
        return
    lines = []
    for point, n in ((y, size[0]), (x, size[1])):
        at = min(max(point, 0.0), n - 1.0)
        low = min(int(at), n - 1)
        lines.append(((low, 1 - (at - low)), (min(low + 1, n - 1), at - low)))
    for row, part in lines[0]:
        for column, other in lines[1]:
            yield (row, column), part * other


def roi_pool(x: Array, boxes: Array, pictures: Array, how: Regions) -> Array:
    """Each cell the greatest value in it; 0 of an empty one."""
    out = np.zeros((len(boxes), x.shape[1], *how.size), x.dtype)
    for region, row, column, (rows, columns) in _cells(x, boxes, how):
        out[region, :, row, column] = x[pictures[region], :, rows, columns].max((1, 2))
    return out


def roi_pool_backward(grad: Array, x: Array, boxes: Array, pictures: Array, how: Regions) -> Array:
    """Each cell's gradient to its winner: of equals, to the first in reading order."""
    dx = np.zeros_like(x)
    for region, row, column, (rows, columns) in _cells(x, boxes, how):
        seen = x[pictures[region], :, rows, columns]
        best = seen.reshape(len(seen), -1).argmax(1)
        down, across = np.unravel_index(best, seen.shape[1:])
        places = (pictures[region], np.arange(len(seen)), rows.start + down, columns.start + across)
        dx[places] += grad[region, :, row, column]
    return dx


def _cells(x: Array, boxes: Array, how: Regions) -> Iterator[tuple[int, int, int, tuple[slice, slice]]]:
    """Region, row and column of each cell that covers anything, and what of the map it covers."""
    for region, box in enumerate(boxes):
        left, top, right, bottom = (math.floor(abs(v) + 0.5) * (1 if v >= 0 else -1) for v in box * how.scale)
        rows = _spans(top, bottom, how.size[0], x.shape[2])
        columns = _spans(left, right, how.size[1], x.shape[3])
        for row, column in np.ndindex(*how.size):
            if rows[row].stop > rows[row].start and columns[column].stop > columns[column].start:
                yield region, row, column, (rows[row], columns[column])


def _spans(low: int, high: int, count: int, limit: int) -> list[slice]:
    step = max(high - low + 1, 1) / count
    return [
        slice(
            min(max(math.floor(i * step) + low, 0), limit),
            min(max(math.ceil((i + 1) * step) + low, 0), limit),
        )
        for i in range(count)
    ]
