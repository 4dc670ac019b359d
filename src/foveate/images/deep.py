"""Grey of more than 8 bits a sample: which number is black, and which is white.

Files rarely say. A data set has one rule, fitted to its training pictures and kept with the network's
preprocessing: white is the least of 1, 3, 7 ... 2**b - 1 that holds all samples; black is 0, or -2**b where
some are negative. A picture alone is judged by its own samples: 0..1 (floats), 0..255 or 0..65535.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Range = tuple[float, float]

WHITE_16 = 65535
BEYOND = 0.05  # of white: so little beyond a range, as rounding and sharpening leave it, is cut off


def is_deep(picture: Any) -> bool:
    """Whether Pillow's opened picture holds grey samples of more than 8 bits."""
    return picture.mode.startswith("I;16") or picture.mode in ("I", "F")


def samples(picture: Any) -> NDArray[Any]:
    """(H, W) as they are stored, but those that the file says to have 9 to 15 bits stretched to 16."""
    values = np.asarray(picture)
    white = picture.info.get("white", WHITE_16)
    return values if white == WHITE_16 else values * (WHITE_16 / white)


def extent(picture: Any) -> Range:
    """The lowest and the highest sample. Raises ``ValueError`` for what is not a number."""
    values = samples(picture)
    low, high = float(values.min()), float(values.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError("grey values that are not numbers")
    return low, high


def own_range(picture: Any, found: Range) -> Range:
    """Black and white of a picture alone, by its mode and extent. Raises ``ValueError`` where none fits."""
    if picture.mode.startswith("I;16") or (picture.mode == "I" and picture.format == "PPM"):
        return 0, WHITE_16  # PPM is scaled to 16 bits when Pillow reads it
    low, high = found
    for white in (1, 255, WHITE_16) if picture.mode == "F" else (255, WHITE_16):
        if low >= 0 and high <= white:
            return 0, white
    raise ValueError(f"grey values from {low:g} to {high:g}, where 0 to 255 or 0 to 65535 are understood")


def fitted_range(extents: ArrayLike) -> Range | None:
    """Black and white for a data set: ``extents`` is (N, 2), each deep picture's, NaN for all others.

    >>> fitted_range([[0, 200], [3, 400]]), fitted_range([[-1000, 3000]]), fitted_range([[float("nan")] * 2])
    ((0.0, 511.0), (-1024.0, 4095.0), None)
    """
    found = np.asarray(extents, np.float64).reshape(-1, 2)
    found = found[np.isfinite(found).all(axis=1)]
    if not len(found):
        return None
    low, high = float(found[:, 0].min()), float(found[:, 1].max())
    white = 2.0 ** _bits(high / (1 + BEYOND) + 1, least=1) - 1
    black = 0.0 if low >= -BEYOND * white else -(2.0 ** _bits(-low, least=0))
    return black, white


def _bits(number: float, least: int) -> int:
    """The least b, not below ``least``, with 2**b >= number."""
    return least if number <= 2**least else math.ceil(math.log2(number))


def to_levels(values: NDArray[Any], black_white: Range, *, inverted: bool) -> NDArray[np.uint8]:
    """Samples as 0 to 255, rounded, what lies beyond the range cut off; ``inverted``: low ones are bright."""
    black, white = black_white
    levels = np.clip((values - black) * (255.0 / (white - black)), 0, 255) + 0.5
    grey = np.floor(levels).astype(np.uint8)
    return 255 - grey if inverted else grey
