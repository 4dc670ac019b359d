"""How well the borders of classes are found: the boundary F measure.

Source: Csurka, Larlus, Perronnin: "What is a good evaluation measure for semantic segmentation?" (BMVC 2013),
section 2.2: of a class's border, precision is the share of the answer's border that lies near the true one,
recall the other way round, near is within 0.75 % of the picture's diagonal.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from foveate.tasks.segmentation.names import IGNORED

NEAR_SHARE = 0.0075  # of the diagonal
_BITS = 64  # classes that are looked at at once, a bit each

Bits = NDArray[np.uint64]


def boundary_f(true: NDArray[np.uint8], said: NDArray[np.uint8], classes: int) -> NDArray[np.float64]:
    """(classes,) the F measure of each class's border in one picture; NaN where neither map has the class.

    true, said: (H, W); pixels whose truth is IGNORED belong to nothing in either.
    """
    said = np.where(true == IGNORED, IGNORED, said)
    reach = max(1, round(NEAR_SHARE * math.hypot(*true.shape)))
    groups = [(first, min(_BITS, classes - first)) for first in range(0, classes, _BITS)]
    return np.concatenate([_group(true, said, first, count, reach) for first, count in groups])


def _group(
    true: NDArray[np.uint8], said: NDArray[np.uint8], first: int, count: int, reach: int
) -> NDArray[np.float64]:
    wanted, given = _borders(true, first, count), _borders(said, first, count)
    right, found = given & _grown(wanted, reach), wanted & _grown(given, reach)
    sizes = [_per_bit(each, count) for each in (right, given, found, wanted)]
    precision = _share(sizes[0], sizes[1])
    recall = _share(sizes[2], sizes[3])
    f = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    present = [np.bincount(each.ravel(), minlength=256)[first : first + count] > 0 for each in (true, said)]
    return np.where(present[0] | present[1], f, np.nan)


def _share(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    """Of nothing it is all: a class that fills the picture has no border, and none of it is wrong."""
    return np.where(whole > 0, part / np.maximum(whole, 1), 1.0)


def _borders(classes: NDArray[np.uint8], first: int, count: int) -> Bits:
    """(H, W) a bit for each class whose pixel has a neighbour (of four) of another class; ignored ones are
    no class, and no other class either.
    """
    number = classes.astype(np.int64) - first
    inside = (number >= 0) & (number < count)
    own = inside.astype(np.uint64) << number.clip(0, _BITS - 1).astype(np.uint64)
    border = np.zeros(classes.shape, bool)
    for axis in (0, 1):
        before, after = (np.take(classes, span, axis) for span in _neighbours(classes.shape[axis]))
        differs = (before != after) & (before != IGNORED) & (after != IGNORED)
        for span in _neighbours(classes.shape[axis]):
            where = [slice(None), slice(None)]
            where[axis] = slice(int(span[0]), int(span[-1]) + 1) if len(span) else slice(0, 0)
            border[tuple(where)] |= differs
    return np.where(border, own, np.uint64(0))


def _neighbours(length: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return np.arange(length - 1), np.arange(1, length)


def _grown(bits: Bits, reach: int) -> Bits:
    """Each bit set wherever it is set within ``reach`` pixels."""
    height, width = bits.shape
    padded = np.pad(bits, reach)
    grown = np.zeros_like(bits)
    for down in range(-reach, reach + 1):
        across = math.isqrt(reach * reach - down * down)
        rows = padded[reach + down : reach + down + height]
        for step in range(-across, across + 1):
            grown |= rows[:, reach + step : reach + step + width]
    return grown


def _per_bit(bits: Bits, count: int) -> NDArray[np.int64]:
    """(count,) in how many pixels each bit is set."""
    set_ones = bits[bits != 0]
    return np.array([int(((set_ones >> np.uint64(i)) & np.uint64(1)).sum()) for i in range(count)], np.int64)
