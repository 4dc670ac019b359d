"""How sure AP50 is: a bootstrap over pictures, for the boxes of one picture are no independent samples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from foveate.tasks.detection.matching import Matches
from foveate.tasks.detection.precision import RECALLS, envelope

RESAMPLES = 1_000
FEWEST = 100
RESAMPLED_NUMBERS = 200_000_000  # answers drawn in all, so that many take no minutes
_AT_ONCE = 4_000_000

Interval = tuple[float, float]


def ap50_intervals(by_class: Sequence[Sequence[Matches]]) -> tuple[Interval, list[Interval]]:
    """The 95 % interval of AP50, and of that of each class; (0, 1) where a class has no true box.

    A picture that is drawn twice counts as two: its answers follow one another in order of their scores.
    """
    pictures = len(by_class[0]) if by_class else 0
    answers = sum(len(one.scores) for of in by_class for one in of)
    draws = int(np.clip(RESAMPLED_NUMBERS // max(answers, 1), FEWEST, RESAMPLES))
    random = np.random.Generator(np.random.PCG64(0))
    weights = random.multinomial(pictures, np.full(pictures, 1 / pictures), size=draws).astype(np.float64)
    each = np.stack([_resampled(of, weights) for of in by_class])  # (K, draws)
    known = ~np.isnan(each)
    means = np.where(known, each, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return _interval(means[known.any(axis=0)]), [_interval(row[~np.isnan(row)]) for row in each]


def _resampled(pictures: Sequence[Matches], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """(draws,) AP50 of one class; NaN for a draw without a true box of it."""
    true = np.array([one.true[0] for one in pictures], np.float64)
    totals = weights @ true
    scores = np.concatenate([one.scores for one in pictures])
    order = np.argsort(-scores, kind="stable")
    picture = np.repeat(np.arange(len(pictures)), [len(one.scores) for one in pictures])[order]
    met, ignored = (
        np.concatenate([getattr(one, name)[0, 0] for one in pictures])[order] for name in ("met", "ignored")
    )
    right, wrong = np.flatnonzero(met & ~ignored), np.flatnonzero(~met & ~ignored)
    before = np.searchsorted(wrong, right)  # (M,) how many wrong ones stand before each right one
    found = np.zeros(len(weights))
    step = max(_AT_ONCE // max(len(scores), 1), 1)
    for at in range(0, len(weights), step):
        some = weights[at : at + step].astype(np.float32)  # whole numbers, which it holds exactly
        rights = np.cumsum(some[:, picture[right]], axis=1, dtype=np.float64)  # (s, M)
        wrongs = np.pad(np.cumsum(some[:, picture[wrong]], axis=1), ((0, 0), (1, 0)))[:, before]
        # Precision is greatest where an answer is right: no other place has a say in what it falls to.
        falling = envelope(rights / np.maximum(rights + wrongs, 1e-12))
        for row, (recall, curve) in enumerate(zip(rights, falling, strict=True), start=at):
            if totals[row]:
                places = np.searchsorted(recall / totals[row], RECALLS, side="left")
                found[row] = curve[places[places < len(curve)]].sum() / len(RECALLS)
    found[totals == 0] = np.nan
    return found


def _interval(values: NDArray[np.float64]) -> Interval:
    if not len(values):
        return (0.0, 1.0)
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
