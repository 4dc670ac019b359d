"""How good class maps are: intersection over union from one pooled table, pixel accuracy, boundaries, trust.

Intersections and unions are summed over all pictures first, ignored pixels left out, as the papers do it; a
mean over pictures would be another number. A class that neither the truth nor an answer has anywhere has no
union: it is named and not averaged. Intervals are percentiles of a bootstrap over pictures, for the pixels of
one picture are no independent samples.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foveate.errors import InputError
from foveate.tasks.classification.calibration import RELIABILITY_BINS, Reliability
from foveate.tasks.measures import Headline
from foveate.tasks.notebooks import ShownEvaluation
from foveate.tasks.sections import Column, Table
from foveate.tasks.segmentation.boundary import boundary_f
from foveate.tasks.segmentation.names import IGNORED, MIOU
from foveate.words import count, listed

RESAMPLES = 1_000
RESAMPLED_NUMBERS = 20_000_000  # pictures drawn in all, so that many pictures take no minutes
BORDERS_LOOKED_AT = 100  # pictures, evenly spaced: each takes some ten milliseconds
LEVELS = 256  # of confidence

Counts = NDArray[np.int64]
Interval = tuple[float, float]


@dataclass(frozen=True)
class PictureCounts:
    """One picture: confusion (K, K) true by said; confidence (2, 256) right and all pixels of each level."""

    confusion: Counts
    confidence: Counts
    border: NDArray[np.float64] | None = None  # (K,) boundary F, where it was looked at


def counted(
    true: NDArray[np.uint8], said: NDArray[np.uint8], sure: NDArray[np.uint8], classes: int, *, borders: bool
) -> PictureCounts:
    """What a picture's answer says: true, said, sure (confidence): (H, W) uint8 of the picture's own size."""
    known = true != IGNORED
    wanted, given = true[known].astype(np.int64), said[known]
    answered = given != IGNORED  # no answer is a wrong one: it counts for no class
    pairs = wanted[answered] * classes + given[answered]
    confusion = np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)
    levels = sure[known].astype(np.int64)
    right = np.bincount(levels[given == wanted], minlength=LEVELS)
    confidence = np.stack([right, np.bincount(levels, minlength=LEVELS)])
    border = boundary_f(true, said, classes) if borders else None
    return PictureCounts(confusion, confidence, border)


@dataclass(frozen=True)
class Overlaps:
    """Of each of K classes: pixels where answer and truth agree, true ones, answered ones; (..., K) each."""

    hits: Counts
    true: Counts
    said: Counts

    @property
    def iou(self) -> NDArray[np.float64]:
        """(..., K), NaN where there is no union."""
        union = self.true + self.said - self.hits
        return np.where(union > 0, self.hits / np.maximum(union, 1), np.nan)

    @property
    def miou(self) -> NDArray[np.float64]:
        """(...) the mean over the classes that have a union; 0 where none has."""
        iou = self.iou
        has = ~np.isnan(iou)
        return np.where(has, iou, 0).sum(axis=-1) / np.maximum(has.sum(axis=-1), 1)

    def stacked(self) -> Counts:
        """(3, ..., K) all of them, which hold on to no table."""
        return np.stack([self.hits, self.true, self.said])


def overlaps(confusion: Counts) -> Overlaps:
    """Of tables (..., K, K), true by said; for a truth without an answer see `counted`."""
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    return Overlaps(hits, confusion.sum(axis=-1), confusion.sum(axis=-2))


@dataclass(frozen=True)
class Evaluation(ShownEvaluation):
    """A segmentation measured on N pictures; made by `evaluate`.

    Attributes:
        confusion: (K, K) pixels, true by said.
        iou: (K,), NaN where neither the truth nor an answer has the class. intervals: 95 %, of each.
        borders: (K,) boundary F, the mean over the ``bordered`` pictures that have the class.
        constant: mean IoU of answering the most frequent class everywhere.
    """

    names: tuple[str, ...]
    samples: int
    pixels: int
    confusion: Counts
    iou: NDArray[np.float64]
    intervals: tuple[Interval, ...]
    miou: float
    miou_interval: Interval
    pixel_accuracy: float
    borders: NDArray[np.float64]
    bordered: int
    reliability: Reliability
    constant: float

    @property
    def headline(self) -> Headline:
        return Headline(MIOU, self.miou, self.miou_interval, self.constant)

    @property
    def boundary_f(self) -> float:
        """The mean over the classes that were seen."""
        return float(np.nanmean(self.borders)) if np.isfinite(self.borders).any() else 0.0

    @property
    def without_union(self) -> list[str]:
        """Classes that are nowhere, neither in the truth nor in an answer: not in any mean."""
        return [name for name, value in zip(self.names, self.iou, strict=True) if np.isnan(value)]

    def scores(self) -> dict[str, float | int]:
        return {
            "miou": self.miou,
            "pixel_accuracy": self.pixel_accuracy,
            "boundary_f": self.boundary_f,
            "ece": self.reliability.ece,
            "samples": self.samples,
        }

    def lines(self, pictures: str) -> list[str]:
        low, high = self.miou_interval
        found = [
            f"Mean IoU {self.miou:.2%} on {count(self.samples)} {pictures} "
            f"(95 % interval {low:.1%} to {high:.1%}).",
            f"Pixel accuracy {self.pixel_accuracy:.1%}, boundary F {self.boundary_f:.1%} "
            f"({count(self.bordered)} pictures), calibration error {self.reliability.ece:.1%}.",
        ]
        if self.without_union:
            found.append(f"In no picture and no answer, so in no mean: {listed(self.without_union)}.")
        return found

    def tables(self) -> list[Table]:
        headings = ("IoU", "95 % interval", "boundary F", "pixels")
        columns = [Column("class", "name"), *map(Column, headings)]
        total = self.confusion.sum(axis=1)
        rows = [
            (
                name,
                _told(self.iou[k]),
                "" if np.isnan(self.iou[k]) else f"{self.intervals[k][0]:.1%} to {self.intervals[k][1]:.1%}",
                _told(self.borders[k]),
                f"{total[k] / max(self.pixels, 1):.1%}",
            )
            for k, name in enumerate(self.names)
        ]
        return [Table("Table of classes", columns, rows)]

    def to_dict(self) -> dict[str, Any]:
        per_class = [
            {
                "class": name,
                "iou": _number(self.iou[k]),
                "interval": list(self.intervals[k]) if not np.isnan(self.iou[k]) else None,
                "boundary_f": _number(self.borders[k]),
                "pixels": int(self.confusion[k].sum()),
            }
            for k, name in enumerate(self.names)
        ]
        return {
            **self.scores(),
            "interval": list(self.miou_interval),
            "pixels": self.pixels,
            "per_class": per_class,
            "without_union": self.without_union,
            "confusion": self.confusion.tolist(),
            "reliability": self.reliability.to_dict(),
        }


def evaluate(pictures: Iterable[PictureCounts], names: Sequence[str]) -> Evaluation:
    """Pool what was counted. Raises InputError where there is no pixel to measure."""
    size = len(names)
    confusion, confidence = np.zeros((size, size), np.int64), np.zeros((2, LEVELS), np.int64)
    each: list[Counts] = []  # of a picture (3, K): all of its table would be K times as much
    borders: list[NDArray[np.float64]] = []
    for one in pictures:
        confusion += one.confusion
        confidence += one.confidence
        each.append(overlaps(one.confusion).stacked())
        borders += [] if one.border is None else [one.border]
    pixels = int(confidence[1].sum())
    if pixels == 0:
        raise InputError("There is no pixel to measure on: the masks are empty, or ignored everywhere.")
    pooled = overlaps(confusion)
    draws = _resampled(Overlaps(*np.stack(each, axis=1)), len(each))
    frequent = int(pooled.true.argmax())
    return Evaluation(
        names=tuple(names),
        samples=len(each),
        pixels=pixels,
        confusion=confusion,
        iou=pooled.iou,
        intervals=tuple(_interval(draws.iou[:, k]) for k in range(size)),
        miou=float(pooled.miou),
        miou_interval=_interval(draws.miou),
        pixel_accuracy=float(pooled.hits.sum() / pixels),
        borders=_mean_known(np.stack(borders)) if borders else np.full(size, np.nan),
        bordered=len(borders),
        reliability=_reliability(confidence),
        constant=float(pooled.true[frequent] / pixels / max((pooled.true > 0).sum(), 1)),
    )


def _resampled(each: Overlaps, pictures: int) -> Overlaps:
    """The table summed over pictures drawn with replacement, once for each draw."""
    random = np.random.Generator(np.random.PCG64(0))
    draws = max(min(RESAMPLES, RESAMPLED_NUMBERS // max(pictures, 1)), 100)
    weights = random.multinomial(pictures, np.full(pictures, 1 / pictures), size=draws).astype(np.float64)
    sums = [np.rint(weights @ part).astype(np.int64) for part in (each.hits, each.true, each.said)]
    return Overlaps(*sums)


def _interval(values: NDArray[np.float64]) -> Interval:
    known = values[~np.isnan(values)]
    if not len(known):
        return (0.0, 1.0)
    low, high = np.percentile(known, [2.5, 97.5])
    return float(low), float(high)


def _mean_known(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(K,) the mean of what is known of each class; NaN where nothing is."""
    known = ~np.isnan(values)
    total = np.where(known, values, 0).sum(axis=0)
    return np.where(known.any(axis=0), total / np.maximum(known.sum(axis=0), 1), np.nan)


def _reliability(confidence: Counts) -> Reliability:
    """From (2, 256) right and all pixels of each level of confidence, to bins of equal width."""
    levels = np.arange(LEVELS) / (LEVELS - 1)
    bins = np.clip(np.ceil(levels * RELIABILITY_BINS).astype(np.int64) - 1, 0, RELIABILITY_BINS - 1)
    right, total, sure = (
        np.bincount(bins, weights=part, minlength=RELIABILITY_BINS)
        for part in (confidence[0], confidence[1], confidence[1] * levels)
    )
    weight = np.maximum(total, 1)
    return Reliability(total.astype(np.int64), sure / weight, right / weight)


def _told(value: float) -> str:
    return "none" if np.isnan(value) else f"{value:.1%}"


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
