"""How far off an answer may be: split-conformal intervals from held-out pictures.

Source: Lei, G'Sell, Rinaldo, Tibshirani, Wasserman, "Distribution-free predictive inference for regression"
(Journal of the American Statistical Association 2018), algorithm 2.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from foveate.errors import ShapeError

COVERAGE = 0.9


@dataclass(frozen=True)
class Margins:
    """half_widths: (K,), which the true number lies within of the answer with probability ``coverage``.

    samples: held-out pictures that they were found on.
    """

    half_widths: tuple[float, ...]
    coverage: float
    samples: int

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**asdict(self), "half_widths": list(self.half_widths)}


def fit_margins(said: ArrayLike, true: ArrayLike, coverage: float = COVERAGE) -> Margins | None:
    """Margins that hold for new pictures of the same kind, whatever the errors' distribution.

    said, true: (N, K) of pictures that the network did not learn from. Of N absolute errors the
    ceil((N + 1) coverage)-th smallest is taken: a new picture's error is as likely to have any rank among
    them, so it is not larger with at least this probability, on average over held-out pictures. With fewer
    than coverage / (1 - coverage) pictures (9) there is no such rank, and the answer is None. Where the
    pictures have also chosen the epoch, margins are a little too small.

    Raises ShapeError for shapes that differ.
    """
    off = np.abs(np.asarray(said, np.float64) - np.asarray(true, np.float64))
    if off.ndim != 2 or np.shape(said) != np.shape(true):
        raise ShapeError(f"Expected answers and true numbers (N, K); got {np.shape(said)}, {np.shape(true)}.")
    rank = math.ceil((len(off) + 1) * coverage - 1e-9)
    if rank > len(off):
        return None
    return Margins(tuple(np.sort(off, axis=0)[rank - 1].tolist()), coverage, len(off))
