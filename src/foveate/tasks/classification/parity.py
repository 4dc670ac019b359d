"""Whether two programs compute the same probabilities, rounding aside."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# float32 sums in another order differ by about 1e-6 of a logit a layer; a wrong padding, epsilon or channel
# order moves probabilities by 1e-2 and more. Log-odds see what softmax hides when it is sure of itself; being
# differences of logits, they inherit the rounding of the logits' size.
PROBABILITY_TOLERANCE = 1e-4
LOG_ODDS_TOLERANCE = 1e-3
LOGIT_TOLERANCE = 1e-4  # a fraction of the picture's largest logit, allowed on top
SMALLEST_COMPARED = 1e-30  # below, float32 probabilities lose their digits and their logarithms mean nothing


def probabilities_differ(expected: NDArray[Any], found: NDArray[Any], logit_sizes: NDArray[Any]) -> str:
    """How two tables of probabilities (N, K) differ, in words; empty where they agree.

    Compared are probabilities (absolute), log-odds against the likeliest class, and the likeliest class
    itself unless two are nearly equal. logit_sizes: (N,) the largest absolute logit of each row.
    """
    difference = float(np.abs(expected - found).max())
    if not difference <= PROBABILITY_TOLERANCE:  # NaN compares false
        return f"probabilities differ by up to {difference:.2g}, allowed {PROBABILITY_TOLERANCE:g}"
    best = expected.argmax(axis=1)
    rows = np.arange(len(best))
    gap = expected[rows, best] - expected[rows, found.argmax(axis=1)]
    if (gap > 2 * PROBABILITY_TOLERANCE).any():
        return "the likeliest class is another one"
    compared = np.maximum(expected, found) >= SMALLEST_COMPARED
    tiny = np.finfo(np.float32).tiny
    odds = [np.log(np.maximum(p, tiny)) - np.log(p[rows, best])[:, None] for p in (expected, found)]
    excess = np.abs(odds[0] - odds[1]) - LOG_ODDS_TOLERANCE - LOGIT_TOLERANCE * logit_sizes[:, None]
    worst = float(np.where(compared, excess, 0).max())
    return f"log-odds differ by {worst:.2g} more than allowed" if worst > 0 else ""
