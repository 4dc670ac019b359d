"""What white is in arrays of numbers: one range for a whole data set, told by its types and values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from foveate.errors import DatasetError

_CHUNK = 1024  # pictures looked at or converted at a time, to bound the memory besides the result
_DEEP = (255, 4095, 65535)  # 8, 12 and 16 bits
_UNLIKE = 100  # times as wide a range: no data set is that much darker in one split than in another
_FEWEST_LEVELS = 16  # floats beyond 1 that stay below were never counted in 255ths
_HINT = "0 to 1 (floats), 0 to 255, 0 to 4,095 or 0 to 65,535 are understood"

Array = NDArray[np.generic]


@dataclass(frozen=True)
class _Values:
    """What one split holds: its type, its extremes, and what white would be if it stood alone."""

    key: str
    type: np.dtype[np.generic]
    low: float
    high: float
    white: float

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g} ({self.type}) in {self.key}"


def white_of(pictures: Mapping[str, Array]) -> float:
    """What white is in these pictures, by split: 1, 255, 4095 or 65535, the same for all.

    Raises:
        DatasetError: values of no known range; splits that were not scaled alike, so that one would be read
            as black; whole numbers 0 and 1, which may be black and white or two of 256 levels.
    """
    found = [_values(key, array) for key, array in pictures.items()]
    bright = [values for values in found if values.high > 0]  # black is black in any range
    white = max((values.white for values in bright), default=255)
    if any(values.white * _UNLIKE < white for values in bright):
        raise DatasetError(
            f"The splits are not scaled alike: the pictures hold {', '.join(map(str, found))}; bring all to "
            f"one range, such as uint8 from 0 to 255."
        )
    if any(values.type.kind in "iu" and values.high == 1 for values in bright):
        raise DatasetError(
            "The pictures hold the whole numbers 0 and 1 only, which may be black and white or two of 256 "
            "levels; multiply them by 255, or make them booleans, if 1 is white."
        )
    return white


def range_notes(pictures: Mapping[str, Array], white: float) -> list[str]:
    """A remark where the range is not that of the numbers' type, or where the pictures use little of it."""
    high = max(float(array.max()) for array in pictures.values())
    if white != 4095 and high >= white / 8:
        return []
    types = ", ".join(sorted({str(array.dtype) for array in pictures.values()}))
    return [f"The pictures hold up to {high:,g} ({types}), read as 0 for black to {white:,g} for white."]


def to_bytes(array: Array, white: float) -> NDArray[np.uint8]:
    """``(N, H, W, C)`` of any numbers from 0 to ``white`` -> uint8, rounded; uint8 itself is not copied."""
    if array.dtype == np.uint8 and white == 255:
        return np.ascontiguousarray(array)
    out = np.empty(array.shape, np.uint8)
    for start, part in _parts(array):
        out[start : start + _CHUNK] = np.floor(part.astype(np.float64) * (255.0 / white) + 0.5)
    return out


def _values(key: str, array: Array) -> _Values:
    low, high = float(array.min()), float(array.max())
    floats = array.dtype.kind == "f"
    choices = (1,) if array.dtype.kind == "b" else (1, *_DEEP)
    white = next((white for white in choices if low >= 0 and high <= white), None)  # never true of NaN
    cut = floats and 1 < high < _FEWEST_LEVELS and any((part % 1).any() for _, part in _parts(array))
    if white is None or cut:
        raise DatasetError(
            f"The pictures' values go from {low:g} to {high:g} in {key}; {_HINT}: undo any normalisation "
            f"first, and clip what lies outside."
        )
    if array.dtype.kind in "iu" and white == 1 and high == 0:
        white = 255
    return _Values(key, array.dtype, low, high, white)


def _parts(array: Array) -> Iterator[tuple[int, NDArray[np.floating]]]:
    for start in range(0, len(array), _CHUNK):
        yield start, array[start : start + _CHUNK]  # type: ignore[misc]
