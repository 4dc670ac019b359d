"""The kernels that photographers and the guides know by name."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from foveate.errors import InputError, UnknownNameError

MAX_SIDE = 63  # of a kernel that a person writes


def _kernel(rows: str, divisor: float = 1) -> NDArray[np.float64]:
    matrix = np.array([[float(number) for number in row.split()] for row in rows.split("/")]) / divisor
    matrix.setflags(write=False)
    return matrix


KERNELS: Mapping[str, NDArray[np.float64]] = {
    "identity": _kernel("0 0 0 / 0 1 0 / 0 0 0"),
    "sobel_x": _kernel("-1 0 1 / -2 0 2 / -1 0 1"),  # answers where it brightens to the right
    "sobel_y": _kernel("-1 -2 -1 / 0 0 0 / 1 2 1"),  # answers where it brightens downwards
    "laplacian": _kernel("0 1 0 / 1 -4 1 / 0 1 0"),
    "outline": _kernel("-1 -1 -1 / -1 8 -1 / -1 -1 -1"),
    "sharpen": _kernel("0 -1 0 / -1 5 -1 / 0 -1 0"),
    "box_blur": _kernel("1 1 1 / 1 1 1 / 1 1 1", 9),
    "gaussian_blur": _kernel("1 2 1 / 2 4 2 / 1 2 1", 16),
    "gaussian_blur_5": _kernel("1 4 6 4 1 / 4 16 24 16 4 / 6 24 36 24 6 / 4 16 24 16 4 / 1 4 6 4 1", 256),
    "emboss": _kernel("-2 -1 0 / -1 1 1 / 0 1 2"),
}


def kernel(name: str) -> NDArray[np.float64]:
    """The matrix (kh, kw) of a kernel. Raises :class:`UnknownNameError`, which lists the closest names."""
    if name not in KERNELS:
        raise UnknownNameError("kernel", name, KERNELS)
    return KERNELS[name]


def parse_kernel(text: str) -> NDArray[np.float64]:
    """A matrix as a person writes it: rows parted by ``;``, numbers by spaces or commas, ``1/9`` allowed.

    >>> parse_kernel("1 0 -1; 2 0 -2; 1 0 -1").shape
    (3, 3)

    Raises InputError where it is no matrix of 1x1 to 63x63 finite numbers.
    """
    rows = [row.replace(",", " ").split() for row in text.strip().strip(";").split(";")]
    widths = sorted({len(row) for row in rows})
    if len(widths) != 1 or not 1 <= widths[0] <= MAX_SIDE or len(rows) > MAX_SIDE:
        raise InputError(
            f"A kernel needs rows of equal length, 1 to {MAX_SIDE} numbers in 1 to {MAX_SIDE} rows, such as "
            f"'1 0 -1; 2 0 -2; 1 0 -1'; found {len(rows)} rows of {', '.join(map(str, widths))} numbers."
        )
    return np.array([[_number(word) for word in row] for row in rows])


def _number(word: str) -> float:
    try:
        above, _, below = word.partition("/")
        value = float(above) / float(below or 1)
    except (ValueError, ZeroDivisionError):
        value = math.nan
    if not math.isfinite(value) or abs(value) > 1e6:
        raise InputError(
            f"A kernel holds numbers of at most a million such as -1, 0.5 or 1/9; found {word[:40]!r}."
        )
    return value
