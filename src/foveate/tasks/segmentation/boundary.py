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
_BITS = 8  # classes that are looked at at once, a bit each
_SET = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little")  # (256, 8) of a byte

Bits = NDArray[np.uint8]


def boundary_f(true: NDArray[np.uint8], said: NDArray[np.uint8], classes: int) -> NDArray[np.float64]:
    """(classes,) the F measure of each class's border in one picture; NaN where neither map has the class.

    It is 0 where one of them alone has it. true, said: (H, W); pixels whose truth is IGNORED belong to
    nothing in either.
    """
    maps = true, np.where(true == IGNORED, np.uint8(IGNORED), said)
    there = np.stack([np.bincount(each.ravel(), minlength=256)[:classes] > 0 for each in maps])
    f = np.where(there.any(axis=0), 0.0, np.nan)
    reach = max(1, round(NEAR_SHARE * math.hypot(*true.shape)))
    borders = [_border(each) for each in maps]
    both = np.flatnonzero(there.all(axis=0))
    for first in range(0, len(both), _BITS):
        group = both[first : first + _BITS]
        bits = np.zeros(256, np.uint8)
        bits[group] = 1 << np.arange(len(group))
        wanted, given = (bits[each] * border for each, border in zip(maps, borders, strict=True))
        precision = _share(given & _grown(wanted, reach), given)
        recall = _share(wanted & _grown(given, reach), wanted)
        f[group] = (2 * precision * recall / np.maximum(precision + recall, 1e-12))[: len(group)]
    return f


def _share(part: Bits, whole: Bits) -> NDArray[np.float64]:
    """(8,) of the pixels where each bit is set those where it is in ``part``.

    Of nothing it is all: a class that fills the picture has no border, and none of it is wrong.
    """
    some, of = (np.bincount(bits[bits > 0], minlength=256) @ _SET for bits in (part, whole))
    return np.where(of > 0, some / np.maximum(of, 1), 1.0)


def _border(classes: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """(H, W) whether a pixel has a neighbour, of four, of another class; ignored ones are of none."""
    found = np.zeros(classes.shape, bool)
    for values, marks in ((classes, found), (classes.T, found.T)):
        before, after = values[:-1], values[1:]
        differs = (before != after) & (before != IGNORED) & (after != IGNORED)
        marks[:-1] |= differs
        marks[1:] |= differs
    return found


def _grown(bits: Bits, reach: int) -> Bits:
    """Each bit set wherever it is set within ``reach`` pixels.

    A disc is made of rows that grow towards its middle, so each row widens the one before by what it lacks.
    """
    height, width = bits.shape
    padded = np.pad(bits, reach)
    wide = padded[:, reach : reach + width].copy()  # set within ``across`` pixels in the same row
    grown, across = np.zeros_like(bits), 0
    for down in range(reach, -1, -1):
        while across < math.isqrt(reach * reach - down * down):
            across += 1
            wide |= padded[:, reach - across :][:, :width] | padded[:, reach + across :][:, :width]
        grown |= wide[reach - down :][:height] | wide[reach + down :][:height]
    return grown
