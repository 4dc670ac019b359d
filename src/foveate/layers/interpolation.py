"""Which lines of a map a resized map is made of, and in which shares; plain NumPy.

Along an axis of n that is brought to m places, place i lies at ``(i + ½)·n/m − ½`` in the old map's pixels,
cut to 0 below (torch's and ONNX's "half pixel": the outer edges of both maps lie on each other), or, with
``align_corners``, at ``i·(n − 1)/(m − 1)`` (the middles of the outer pixels do). A ``scale`` that was asked
for takes the place of m/n, as in torch: the two differ where ``n·scale`` is no whole number.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Between(NamedTuple):
    """Each place is ``(1 − share)·x[first] + share·x[second]``; arrays (m,)."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    share: NDArray[np.float64]

    @property
    def places(self) -> NDArray[np.float64]:
        """(m,): where each lies, counted in old lines."""
        return self.first + self.share

    def matrix(self, n: int) -> NDArray[np.float64]:
        """(m, n): what makes the resized axis of the old one."""
        rows, made = np.arange(len(self.first)), np.zeros((len(self.first), n))
        np.add.at(made, (rows, self.first), 1 - self.share)
        np.add.at(made, (rows, self.second), self.share)
        return made


def linear(n: int, m: int, scale: float | None = None, *, align_corners: bool = False) -> Between:
    """Between which two lines each of m places lies.

    >>> linear(2, 4).share.tolist()
    [0.0, 0.25, 0.75, 0.0]
    """
    if align_corners:
        at = np.arange(m) * ((n - 1) / (m - 1) if m > 1 else 0.0)
    else:
        at = np.maximum((np.arange(m) + 0.5) * (1 / scale if scale else n / m) - 0.5, 0.0)
    first = np.minimum(at.astype(np.int64), n - 1)
    second = np.minimum(first + 1, n - 1)
    return Between(first, second, np.where(second > first, at - first, 0.0))


def nearest(n: int, m: int, scale: float | None = None, *, middle: bool = False) -> NDArray[np.int64]:
    """(m,): the line that each place takes, ``floor(i·n/m)``; by the places' middles with ``middle``.

    In float32, as torch has it: where a place lies on the border of two lines, its rounding decides.

    >>> nearest(2, 5).tolist(), nearest(2, 5, middle=True).tolist()
    ([0, 0, 0, 1, 1], [0, 0, 1, 1, 1])
    """
    step = np.float32(1 / scale if scale else n / m)
    places = np.arange(m, dtype=np.float32) + np.float32(0.5 if middle else 0)
    return np.minimum(np.floor(places * step).astype(np.int64), n - 1)
