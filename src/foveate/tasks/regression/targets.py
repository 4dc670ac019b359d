"""The right numbers of each picture."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from foveate.errors import ShapeError

STRATA = 10  # a tenth of the pictures each, in order of their numbers
STRATUM_PICTURES = 10  # at least: of so many, one can be held out to choose by and one to measure on


@dataclass(frozen=True, eq=False)
class NumberTargets:
    """values: (N, K) float64, read-only, in their own units."""

    values: NDArray[Any]

    def __post_init__(self) -> None:
        values = np.array(self.values, np.float64) + 0.0  # -0.0 becomes 0.0, which is written alike
        if values.ndim != 2:
            raise ShapeError(f"Number targets are (N, K), not an array {values.shape}.")
        values.setflags(write=False)
        object.__setattr__(self, "values", values)

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: ArrayLike) -> NumberTargets:
        return NumberTargets(self.values[np.asarray(rows, np.int64)])

    @property
    def arrays(self) -> Mapping[str, NDArray[np.float32]]:
        return {"values": self.values.astype(np.float32)}  # some accelerators have no float64

    @property
    def keys(self) -> NDArray[np.int64]:
        rows = np.ascontiguousarray(self.values, "<f8")
        return np.array([zlib.crc32(row.tobytes()) >> 1 for row in rows], np.int64)

    @property
    def strata(self) -> NDArray[np.int64]:
        """Quantiles of the number; of several numbers, of their mean rank."""
        if not len(self):
            return np.zeros(0, np.int64)
        count = min(max(len(self) // STRATUM_PICTURES, 1), STRATA)
        ranks = np.mean([_ranks(column) for column in self.values.T], axis=0)  # (N,) in 0..1
        return np.minimum((ranks * count).astype(np.int64), count - 1)


def _ranks(column: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) in 0..1: the share of smaller values and half that of equal ones, so that equals stay together."""
    _, place, counts = np.unique(column, return_inverse=True, return_counts=True)
    ranks: NDArray[np.float64] = ((np.cumsum(counts) - counts / 2) / len(column))[place]
    return ranks
