"""How unlike the training pictures a picture is, by what the network's last layer is given of it.

The distance of a picture is one minus the mean cosine similarity of its features (the input of the last
dense layer) to the five training pictures most like it, after Sun, Ming, Zhu, Li, "Out-of-distribution
detection with deep nearest neighbors" (ICML 2022), who take the k-th. It is divided by the distance that 99 %
of pictures like the training pictures stay below. So above 1 means: one in a hundred pictures of the kind
that the network knows is this far away, or none.

NumPy only; `foveate.exporter.to_onnx` puts the same sums into ``model.onnx``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foveate.errors import InputError

NEIGHBOURS = 5
BANK_MOST = 1000  # training pictures that are remembered: for 1,280 features 5 MB, and 1.3 M multiply-adds
BANK_MOST_BYTES = 16 << 20
SHARE = 0.99  # of pictures like the training pictures, that shall stay below 1
# Nearer than this, float32 sums decide: 1 - s loses seven digits. Also keeps the scale finite.
LEAST_DISTANCE = 1e-4
LENGTH_FLOOR = 1e-12  # added to the squared length: features that are all zero have no direction
_NORMAL_QUANTILE = 2.3263478740408408  # of SHARE


@dataclass(frozen=True)
class Novelty:
    """What ``model.onnx`` needs to say how unlike its training pictures a picture is.

    Attributes:
        bank: (B, D) float32, rows of length 1: the features of remembered training pictures.
        neighbours: how many of them are compared with.
        level: the distance that is called 1.
        samples: the number of pictures, not in the bank or left out of it in turn, that gave the level.
    """

    bank: NDArray[np.float32]
    neighbours: int
    level: float
    samples: int

    def score(self, features: NDArray[Any]) -> NDArray[np.float64]:
        """Unlikeness (N,) of features (N, D); above 1: unlike the training pictures."""
        return _distances(unit_rows(features) @ self.bank.T.astype(np.float64), self.neighbours) / self.level

    def to_dict(self) -> dict[str, Any]:
        """What config.json says of it."""
        return {
            "method": "1 - mean cosine similarity to the nearest training pictures, over its usual limit",
            "neighbours": self.neighbours,
            "remembered": len(self.bank),
            "limit": self.level,
            "limit_from": self.samples,
        }


def bank_rows(strata: NDArray[np.int64], width: int = 1, most: int = BANK_MOST) -> NDArray[np.int64]:
    """Which training pictures to remember: all, or as many of each stratum as its share, at even distances.

    strata: (N,) of the training pictures. width: D, the number of features. most: rows.
    """
    order = np.argsort(strata, kind="stable")
    most = max(min(most, BANK_MOST, BANK_MOST_BYTES // (4 * width)), NEIGHBOURS + 1)
    if len(order) > most:
        order = order[np.linspace(0, len(order) - 1, most).round().astype(np.int64)]
    return np.sort(order)


def fit_novelty(features: NDArray[Any], held_out: NDArray[Any] | None = None) -> Novelty:
    """The score for pictures like these.

    features: (B, D) of the training pictures to remember; see `bank_rows`. held_out: (M, D) of pictures that
    the network was not trained on. A network knows its training pictures too well, so their own distances,
    each measured without itself, only give the level where the held-out pictures' are smaller or there are
    none.

    Raises InputError for fewer than 3 pictures or features that are not finite.
    """
    if features.ndim != 2 or len(features) < 3 or not np.isfinite(features).all():
        raise InputError(f"expected finite features of 3 pictures or more (B, D), found {features.shape}.")
    bank = unit_rows(features)
    neighbours = min(NEIGHBOURS, len(bank) - 1)
    within = bank @ bank.T
    np.fill_diagonal(within, -np.inf)
    distances = _distances(within, neighbours)
    level, samples = usual_limit(distances), len(distances)
    if held_out is not None and len(held_out) >= 3:
        found = usual_limit(_distances(unit_rows(held_out) @ bank.T, neighbours))
        level, samples = max(level, found), len(held_out)
    return Novelty(bank.astype(np.float32), neighbours, max(level, LEAST_DISTANCE), samples)


def usual_limit(distances: NDArray[np.float64]) -> float:
    """The distance that 99 % of further pictures of the same kind stay below; distances: (n,), n >= 3.

    From 99 distances on it is one of them: of the n + 1 places among them that a further one can take, all
    are equally likely. Of fewer even the greatest is exceeded more often than that; then it is the limit of a
    normal distribution of their logarithms (Student's t for n - 1 degrees of freedom), or the greatest.
    """
    n = len(distances)
    place = math.ceil(SHARE * (n + 1))
    if place <= n:
        return float(np.sort(distances)[place - 1])
    logs = np.log(np.maximum(distances, LEAST_DISTANCE))
    limit = logs.mean() + student_quantile(n - 1) * logs.std(ddof=1) * math.sqrt(1 + 1 / n)
    return max(float(np.exp(limit)), float(distances.max()))


def student_quantile(freedom: int) -> float:
    """The 99 % quantile of Student's t, to 3 % from 2 degrees of freedom on, to 0.1 % from 4 on.

    Abramowitz and Stegun, Handbook of Mathematical Functions (1964), formula 26.7.5.
    """
    z, v = _NORMAL_QUANTILE, freedom
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    fourth = (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160
    return z + first / v + second / v**2 + third / v**3 + fourth / v**4


def unit_rows(features: NDArray[Any]) -> NDArray[np.float64]:
    """Rows of length 1 (N, D); rows of zeros stay zeros."""
    x = features.astype(np.float64)
    rows: NDArray[np.float64] = x / np.sqrt((x * x).sum(axis=1, keepdims=True) + LENGTH_FLOOR)
    return rows


def _distances(similarities: NDArray[np.float64], neighbours: int) -> NDArray[np.float64]:
    """(N, B) cosine similarities -> (N,) one minus the mean of the greatest."""
    nearest = np.partition(similarities, -neighbours, axis=1)[:, -neighbours:]
    distances: NDArray[np.float64] = np.maximum(1 - nearest.mean(axis=1), 0)
    return distances
