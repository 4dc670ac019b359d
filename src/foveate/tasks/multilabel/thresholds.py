"""From which probability on a picture has a label: where the label's F1 is best on held-out pictures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

UNKNOWN = 0.5  # where nothing was held out
PRIOR_POSITIVES = 10  # a label's own threshold counts half where so many held-out pictures have it
_LEAST = 1e-6

Floats = NDArray[np.float64]


def fit_thresholds(probabilities: NDArray[np.floating], present: NDArray[np.uint8]) -> Floats:
    """(K,) thresholds that suit held-out pictures; probabilities and present (0 or 1) are (N, K).

    The threshold of best F1 on a few positive pictures is mostly luck. So each label's is drawn towards the
    one that is best for all labels together (micro-F1), and that one towards 0.5, as if ``PRIOR_POSITIVES``
    further positives had spoken for it: the mean of both in log-odds, weighted by positives.
    """
    everything = _drawn_towards(UNKNOWN, probabilities.ravel(), present.ravel())
    columns = zip(probabilities.T, present.T, strict=True)
    return np.array([_drawn_towards(everything, own, there) for own, there in columns])


def _drawn_towards(prior: float, probabilities: NDArray[np.floating], present: NDArray[np.uint8]) -> float:
    positives = int(present.sum())
    if not positives:
        return prior
    own = best_f1_threshold(probabilities, present)
    share = positives / (positives + PRIOR_POSITIVES)
    odds = share * _log_odds(own) + (1 - share) * _log_odds(prior)
    return float(np.round(1 / (1 + np.exp(-odds)), 6))


def _log_odds(probability: float) -> float:
    p = min(max(probability, _LEAST), 1 - _LEAST)
    return float(np.log(p / (1 - p)))


def best_f1_threshold(probabilities: NDArray[np.floating], present: NDArray[np.uint8]) -> float:
    """The threshold of highest F1, half-way between the last probability that it lets pass and the next.

    probabilities, present: (N,), with at least one that is present. Of equally good ones the highest.
    """
    order = np.argsort(-probabilities, kind="stable")
    values = probabilities[order].astype(np.float64)
    hits = np.cumsum(present[order], dtype=np.int64)
    passing = np.arange(1, len(values) + 1)
    f1 = 2 * hits / (passing + hits[-1])
    last_of_equals = np.append(values[1:] != values[:-1], True)
    best = int(np.where(last_of_equals, f1, -1.0).argmax())
    below = values[best + 1] if best + 1 < len(values) else 0.0
    return float((values[best] + below) / 2)
