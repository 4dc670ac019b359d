"""Polygons -> masks, as the COCO API draws them: inside is what has its centre there, to a fifth of a pixel.

The corners are rounded to a grid five times as fine. Each edge is walked on it from corner to corner, one
step a time along its longer axis. Where a walk passes the middle of a column of pixels, there inside and
outside change places for all that lies below it in the column; of two passes at one place nothing is left.
Only those passes are computed here, not all steps. The source is rleFrPoly in maskApi.c of the COCO API,
whose results these equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from foveate.tasks.segmentation.rle import RunLengths, from_bounds, merged, odd

_FINE = 5
_MIDDLE = 2  # of five: a walk passes the middle of a column between the fine columns 2 and 3 of it
_MOST_PASSES = 2**18  # that are computed at once

FURTHEST_PX = 1_000_000  # that a corner may lie from the picture's first pixel: so far walks are exact


def outlined(polygons: Sequence[NDArray[np.float64]], height: int, width: int) -> RunLengths:
    """The pixels inside any of the polygons, each (P, 2): x and y of its corners."""
    runs = [_drawn(corners, height, width) for corners in polygons]
    return runs[0] if len(runs) == 1 else merged(runs)


def _drawn(corners: NDArray[np.float64], height: int, width: int) -> RunLengths:
    fine = np.trunc(_FINE * corners + 0.5).astype(np.int64)  # towards zero, also below it
    edges = np.stack((fine, np.roll(fine, -1, axis=0)), axis=1)  # (P, 2 ends, x y)
    low, high = edges[:, :, 0].min(axis=1), edges[:, :, 0].max(axis=1)
    first = np.maximum((low + _FINE - 1 - _MIDDLE) // _FINE, 0)  # the columns whose middles an edge passes
    last = np.minimum((high - 1 - _MIDDLE) // _FINE, width - 1)
    counts = np.maximum(last - first + 1, 0)
    places = np.zeros(0, np.int64)
    for some in _portions(counts):
        count = counts[some]
        before = np.cumsum(count) - count
        column = np.repeat(first[some] - before, count) + np.arange(count.sum())
        fine_row = _rows(np.repeat(edges[some], count, axis=0), _FINE * column + _MIDDLE)
        row = (fine_row + _FINE - 1 - _MIDDLE) // _FINE  # the first whose middle is not above
        more = column * height + np.clip(row, 0, height)
        places = odd(np.concatenate((places, more)))
    return from_bounds(places, height, width)


def _portions(counts: NDArray[np.int64]) -> list[slice]:
    """Edges in portions of a bounded number of passes."""
    cuts = np.flatnonzero(np.diff(np.cumsum(counts) // _MOST_PASSES)) + 1
    bounds = [0, *cuts.tolist(), len(counts)]
    return [slice(start, end) for start, end in pairwise(bounds)]


def _rows(edges: NDArray[np.int64], left: NDArray[np.int64]) -> NDArray[np.int64]:
    """(N,) the fine row in which the walk of each edge (N, 2, 2) passes from column ``left`` to the next.

    It is the upper one of those on both sides.
    """
    length = np.abs(edges[:, 1] - edges[:, 0])
    steep = length[:, 0] < length[:, 1]
    along = np.where(steep, 1, 0)  # which of x and y is the longer axis
    number = np.arange(len(edges))
    back = edges[number, 0, along] > edges[number, 1, along]  # walks go up the longer axis
    start, end = (np.where(back[:, None], edges[:, 1 - i], edges[:, i]) for i in (0, 1))
    run = length[number, along]  # above 0, for the edge passes a column
    slope = (end - start)[number, 1 - along] / run
    (x, y), flat_step = start.T, left - start[:, 0]
    flat = np.minimum(_rounded(y + slope * flat_step), _rounded(y + slope * (flat_step + 1)))
    # the first step of a steep walk that is on the other side: beside where its line is
    safe = np.where(steep & (slope != 0), slope, 1.0)
    step = np.ceil((left + 0.5 - x) / safe) - 1
    for _ in range(2):  # the quotient is off by one at most
        there = _rounded(x + slope * step)
        step += np.where(slope > 0, there <= left, there > left)
    return np.where(steep, y + step.astype(np.int64) - 1, flat)


def _rounded(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """As C does it here: half up above zero, towards zero below."""
    return np.trunc(values + 0.5).astype(np.int64)
