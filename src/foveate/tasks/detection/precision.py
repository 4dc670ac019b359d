"""Average precision and recall as COCO has them, of matches that were made picture by picture.

Answers of a class are put in order of their scores over all pictures; precision is what remains at each of
101 recalls, made falling from the right. The source is cocoeval.py of the COCO API.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from foveate.tasks.detection.matching import AREAS, THRESHOLDS, Matches

RECALLS = np.linspace(0, 1, 101)
LIMITS = (1, 10, 100)  # answers of a class in a picture
_EPSILON = float(np.spacing(1))

Floats = NDArray[np.float64]


class Curves(NamedTuple):
    """Of K classes, by overlap (T) and size (A); NaN where a class has no true box.

    precision: (T, 101, K, A) of at most 100 answers. recall: (T, K, A, 3) by `LIMITS`.
    """

    precision: Floats
    recall: Floats


# COCO's twelve numbers, in its order.
NAMES = (
    *("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large"),
    *("ar_1", "ar_10", "ar_100", "ar_small", "ar_medium", "ar_large"),
)


def curves(by_class: Sequence[Sequence[Matches]]) -> Curves:
    """Of the matches of each class, in the pictures' order."""
    shape = (len(THRESHOLDS), len(RECALLS), len(by_class), len(AREAS))
    precision = np.full(shape, np.nan)
    recall = np.full((shape[0], *shape[2:], len(LIMITS)), np.nan)
    for k, pictures in enumerate(by_class):
        for area in range(len(AREAS)):
            total = sum(int(one.true[area]) for one in pictures)
            if not total:
                continue
            for limit, most in enumerate(LIMITS):
                right, wrong = _in_order(pictures, area, most)
                recall[:, k, area, limit] = right[:, -1] / total if right.shape[1] else 0.0
            precision[:, :, k, area] = _at_recalls(right, wrong, total)
    return Curves(precision, recall)


def _in_order(pictures: Sequence[Matches], area: int, most: int) -> tuple[Floats, Floats]:
    """(T, D) how many answers are right, and wrong, up to each in order of the scores."""
    scores = np.concatenate([one.scores[:most] for one in pictures] or [np.zeros(0)])
    order = np.argsort(-scores, kind="stable")
    met, ignored = (
        np.concatenate([getattr(one, name)[area, :, :most] for one in pictures], axis=1)[:, order]
        for name in ("met", "ignored")
    )
    right, wrong = met & ~ignored, ~met & ~ignored
    return np.cumsum(right, axis=1).astype(np.float64), np.cumsum(wrong, axis=1).astype(np.float64)


def _at_recalls(right: Floats, wrong: Floats, total: float) -> Floats:
    """(T, 101) precision at each recall; 0 where it is never reached."""
    found = np.zeros((len(right), len(RECALLS)))
    falling = envelope(right / (wrong + right + _EPSILON))
    for t, row in enumerate(right / total):
        places = np.searchsorted(row, RECALLS, side="left")
        reached = places < len(row)
        found[t, reached] = falling[t, places[reached]]
    return found


def envelope(precision: Floats) -> Floats:
    """(..., D) the greatest precision at each place and after it."""
    return np.maximum.accumulate(precision[..., ::-1], axis=-1)[..., ::-1]


def twelve(found: Curves) -> Floats:
    """(12,) the numbers of `NAMES`; NaN for none, where pycocotools has -1."""
    at = {0.5: 0, 0.75: 5}
    p, r = found
    last = len(LIMITS) - 1
    parts = [
        *(p[:, :, :, 0], p[at[0.5], :, :, 0], p[at[0.75], :, :, 0]),
        *(p[:, :, :, area] for area in (1, 2, 3)),
        *(r[:, :, 0, limit] for limit in range(len(LIMITS))),
        *(r[:, :, area, last] for area in (1, 2, 3)),
    ]
    return np.array([mean_known(part) for part in parts])


def mean_known(values: Floats) -> float:
    """The mean of what is not NaN; NaN of nothing."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")
