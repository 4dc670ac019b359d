"""Run-length encoding as COCO has it: a mask as the lengths of its runs, column by column.

The pixels go down the first column, then down the second, ...; the first run is outside, and is 0 where the
first pixel is inside. Files have the lengths as a list, or packed into a string: each length but the first
three less the one two before it, in groups of five bits, the lowest first, each a character from "0" on, the
sixth bit set where another follows. The source is maskApi.c of the COCO API, whose results these equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from foveate.errors import InputError
from foveate.images.read import DEFAULT_MAX_PIXELS
from foveate.strict_json import is_int, short

_BITS, _MORE, _SIGN, _FIRST = 5, 0x20, 0x10, ord("0")
_MOST_GROUPS = 7  # 35 bits, more than any count of pixels has


class RunLengths(NamedTuple):
    """A mask of height x width: counts (R,) int64 of its runs, outside and inside by turns."""

    height: int
    width: int
    counts: NDArray[np.int64]

    @property
    def area(self) -> int:
        """Pixels inside."""
        return int(self.counts[1::2].sum())

    @property
    def string(self) -> str:
        """The counts as files pack them."""
        return packed(self.counts)

    def inside(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(S,) (S,) where each run inside starts, and where it ends, in pixels from the first, columnwise."""
        bounds = np.cumsum(self.counts)
        ends = bounds[1::2]
        return bounds[::2][: len(ends)], ends


def encode(mask: NDArray[Any]) -> RunLengths:
    """(H, W), zero outside and anything else inside -> its runs."""
    flat = np.asarray(mask, bool).ravel(order="F")
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    return from_bounds(changes if not flat[0] else np.concatenate(([0], changes)), *mask.shape)


def decode(runs: RunLengths) -> NDArray[np.bool_]:
    """The mask (H, W)."""
    inside = np.arange(len(runs.counts)) % 2 == 1
    return np.repeat(inside, runs.counts).reshape(runs.width, runs.height).T


def paint(onto: NDArray[np.uint8], runs: RunLengths, value: int) -> None:
    """Write a value where a mask is inside. onto: (W, H) contiguous, the transposed of a map (H, W)."""
    starts, ends = runs.inside()
    lengths = ends - starts
    before = np.cumsum(lengths) - lengths
    onto.reshape(-1)[np.repeat(starts - before, lengths) + np.arange(lengths.sum())] = value


def merged(masks: Sequence[RunLengths]) -> RunLengths:
    """What is inside any of the masks, which are of one size."""
    height, width, _ = masks[0]
    starts, ends = (np.concatenate(bounds) for bounds in zip(*(one.inside() for one in masks), strict=True))
    places = np.concatenate((starts, ends))
    order = np.argsort(places, kind="stable")  # at one place those that start come first: they lie together
    steps = np.repeat([1, -1], [len(starts), len(ends)])[order]
    depth = np.cumsum(steps)  # in how many masks what follows is inside
    bounds = (depth == 0) | ((depth == 1) & (steps == 1))
    return from_bounds(places[order][bounds], height, width)


def from_bounds(places: NDArray[np.int64], height: int, width: int) -> RunLengths:
    """From where a mask changes between outside and inside; two changes at one place are none."""
    kept = odd(places)
    kept = kept[kept < height * width]
    return RunLengths(height, width, np.diff(kept, prepend=0, append=height * width))


def odd(places: NDArray[np.int64]) -> NDArray[np.int64]:
    """Those that are there an odd number of times, once each and sorted."""
    unique, times = np.unique(places, return_counts=True)
    return unique[times % 2 == 1]


def from_document(document: Any) -> RunLengths:
    """From JSON: {"size": [height, width], "counts": a string or a list}.

    Raises InputError in words that follow what it is of: "has run lengths of ...".
    """
    if not isinstance(document, dict) or not {"size", "counts"} <= document.keys():
        raise InputError(f"has {short(document)} where run lengths are expected: 'size' and 'counts'.")
    size, counts = document["size"], document["counts"]
    if not isinstance(size, list) or len(size) != 2 or not all(is_int(side) and side > 0 for side in size):
        raise InputError(f"has run lengths of the size {size!r:.40}; expected [height, width].")
    height, width = size
    if height * width > DEFAULT_MAX_PIXELS:
        raise InputError(
            f"has run lengths of {width} x {height} pixels; at most {DEFAULT_MAX_PIXELS:,} are read."
        )
    if isinstance(counts, str):
        lengths = unpacked(counts)
    elif isinstance(counts, list) and all(is_int(count) and 0 <= count <= height * width for count in counts):
        lengths = np.array(counts, np.int64)
    else:
        raise InputError("has run lengths that are no list of numbers from 0 to the count of pixels.")
    if len(lengths) and lengths.min() < 0:
        raise InputError("has a run length below 0: its string is damaged.")
    if lengths.sum() != height * width:
        raise InputError(f"has run lengths of {lengths.sum()} pixels in all for {width} x {height}.")
    return RunLengths(height, width, lengths)


def packed(counts: NDArray[np.int64]) -> str:
    """Counts (R,) as a string."""
    values = counts.copy()
    values[3:] -= counts[1:-2]
    groups = np.zeros((len(values), _MOST_GROUPS), np.uint8)
    used = np.zeros(groups.shape, bool)
    going = np.ones(len(values), bool)
    for place in range(_MOST_GROUPS):
        low, values = values & (_MORE - 1), values >> _BITS  # >> keeps the sign
        more = np.where(low & _SIGN, values != -1, values != 0)
        groups[:, place] = low + np.where(more, _MORE, 0) + _FIRST
        used[:, place] = going
        going = going & more
    return groups[used].tobytes().decode("ascii")


def unpacked(text: str) -> NDArray[np.int64]:
    """The counts in a string. Raises InputError in words that follow what it is of."""
    groups = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4").astype(np.int64) - _FIRST
    if len(groups) and (groups.min() < 0 or groups.max() > 2 * _MORE - 1 or groups[-1] & _MORE):
        raise InputError("has run lengths whose string is damaged: it is cut off, or of other characters.")
    ends = np.flatnonzero((groups & _MORE) == 0)
    starts = np.concatenate(([0], ends[:-1] + 1)) if len(ends) else ends
    sizes = ends - starts + 1
    if len(sizes) and sizes.max() > _MOST_GROUPS:
        raise InputError("has run lengths whose string is damaged: a number in it has no end.")
    place = np.arange(len(groups)) - np.repeat(starts, sizes)  # of a group in its number
    parts = (groups & (_MORE - 1)) << (_BITS * place)
    values = np.add.reduceat(parts, starts) if len(starts) else parts
    values = values - np.where(groups[ends] & _SIGN, np.int64(1) << (_BITS * sizes), 0)
    values[1::2] = np.cumsum(values[1::2])
    values[2::2] = np.cumsum(values[2::2])
    return values
