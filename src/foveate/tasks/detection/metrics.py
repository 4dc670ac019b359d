"""How good boxes are: COCO's twelve numbers, each class, what is found at the threshold, and trust."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from foveate.errors import InputError
from foveate.tasks.classification.calibration import Reliability, reliability
from foveate.tasks.detection.bootstrap import Interval, ap50_intervals
from foveate.tasks.detection.matching import AREAS, NOTHING, Boxes, Matches, matched
from foveate.tasks.detection.names import AP50
from foveate.tasks.detection.precision import NAMES, RECALLS, Curves, curves, mean_known, twelve
from foveate.tasks.detection.truth import PictureBoxes
from foveate.tasks.measures import Headline
from foveate.tasks.notebooks import ShownEvaluation
from foveate.tasks.sections import Column, Table
from foveate.words import count, listed

AT_50 = 0  # the place of 0.5 among the thresholds
SIZES = ("all", "small", "medium", "large")

Floats = NDArray[np.float64]


class Answer(NamedTuple):
    """What is said of a picture, in pixels of it: boxes (n, 4) x1 y1 x2 y2, scores (n,), labels (n,)."""

    boxes: Floats
    scores: Floats
    labels: NDArray[np.int64]


def compared(answer: Answer, true: PictureBoxes, classes: int) -> list[Matches]:
    """The matches of each class in one picture."""
    corners, areas = true.boxes.astype(np.float64), true.areas.astype(np.float64)
    found = [NOTHING] * classes  # most classes are in few pictures: of many of both no more is kept
    for k in np.union1d(answer.labels, true.labels).tolist():
        said, own = answer.labels == k, true.labels == k
        given = Boxes(answer.boxes[said], answer.scores[said])
        found[k] = matched(given, Boxes(corners[own], areas[own]), true.crowd[own])
    return found


class Counts(NamedTuple):
    """Of K classes at a threshold: true boxes that were found, missed; answers that are of nothing."""

    found: NDArray[np.int64]
    missed: NDArray[np.int64]
    imagined: NDArray[np.int64]

    @property
    def precision(self) -> Floats:
        """(K,) NaN where nothing was answered."""
        return _share(self.found, self.found + self.imagined)

    @property
    def recall(self) -> Floats:
        """(K,) NaN where there is nothing to find."""
        return _share(self.found, self.found + self.missed)


def _share(part: NDArray[np.int64], whole: NDArray[np.int64]) -> Floats:
    return np.where(whole > 0, part / np.maximum(whole, 1), np.nan)


@dataclass(frozen=True, eq=False)
class Evaluation(ShownEvaluation):
    """Boxes measured on N pictures; made by `evaluate`.

    Attributes:
        twelve: COCO's numbers, in the order of `precision.NAMES`; NaN for none.
        curves: precision and recall of each class.
        true: (K, 4) boxes to be found, of each class and size; crowds left out.
        interval: 95 %, of AP50; intervals: of each class's.
        threshold: above which boxes are told of; counts: what it finds.
        reliability: of scores against whether a box meets a true one by half.
    """

    names: tuple[str, ...]
    samples: int
    twelve: Floats
    curves: Curves
    true: NDArray[np.int64]
    interval: Interval
    intervals: tuple[Interval, ...]
    threshold: float
    counts: Counts
    reliability: Reliability

    @property
    def headline(self) -> Headline:
        return Headline(AP50, self.number("ap50"), self.interval, 0.0)

    def number(self, name: str) -> float:
        """One of the twelve; 0 where there is none, which `evaluate` allows for single sizes alone."""
        value = float(self.twelve[NAMES.index(name)])
        return 0.0 if np.isnan(value) else value

    @property
    def boxes(self) -> int:
        """True boxes of all classes."""
        return int(self.true[:, 0].sum())

    @property
    def without_truth(self) -> list[str]:
        """Classes that no picture has: not in any mean."""
        return [name for name, true in zip(self.names, self.true[:, 0], strict=True) if not true]

    def per_class(self, threshold: int | None = None, area: int = 0) -> Floats:
        """(K,) AP at one overlap, by its place among the thresholds, or over all; NaN without truth."""
        found = self.curves.precision[:, :, :, area]
        part = found if threshold is None else found[threshold : threshold + 1]
        return np.array([mean_known(part[:, :, k]) for k in range(len(self.names))])

    def curve(self, k: int) -> list[tuple[float, float]]:
        """(recall, precision) of a class at an overlap of a half."""
        return list(zip(RECALLS.tolist(), self.curves.precision[AT_50, :, k, 0].tolist(), strict=True))

    def scores(self) -> dict[str, float | int]:
        known = {name: float(v) for name, v in zip(NAMES, self.twelve, strict=True) if not np.isnan(v)}
        return {**known, "ece": self.reliability.ece, "boxes": self.boxes, "samples": self.samples}

    def lines(self, pictures: str) -> list[str]:
        low, high = self.interval
        found, missed, imagined = (int(part.sum()) for part in self.counts)
        lines = [
            f"AP50 {self.number('ap50'):.2%} on {count(self.boxes)} boxes in {count(self.samples)} "
            f"{pictures} (95 % interval {low:.1%} to {high:.1%}).",
            f"AP (50 to 95) {self.number('ap'):.1%}, AP75 {self.number('ap75'):.1%}, recall of 100 boxes "
            f"{self.number('ar_100'):.1%}, calibration error {self.reliability.ece:.1%}.",
            f"From a score of {self.threshold:.2f} on {count(found)} boxes are found, {count(missed)} missed "
            f"and {count(imagined)} imagined.",
        ]
        if self.without_truth:
            lines.append(f"In no picture, so in no mean: {listed(self.without_truth)}.")
        return lines

    def tables(self) -> list[Table]:
        return [self._classes(), self._by_size()]

    def _classes(self) -> Table:
        headings = ("AP50", "95 % interval", "AP", "boxes", "found", "missed", "imagined")
        ap50, ap = self.per_class(AT_50), self.per_class()
        rows = []
        for k, name in enumerate(self.names):
            low, high = self.intervals[k]
            around = "" if np.isnan(ap50[k]) else f"{low:.1%} to {high:.1%}"
            at = [f"{int(part[k]):,}" for part in self.counts]
            rows.append((name, _told(ap50[k]), around, _told(ap[k]), f"{int(self.true[k, 0]):,}", *at))
        return Table("Table of classes", [Column("class", "name"), *map(Column, headings)], rows)

    def _by_size(self) -> Table:
        numbers = dict(zip(NAMES, self.twelve, strict=True))
        rows = [
            (
                name,
                _told(numbers["ap" if name == "all" else f"ap_{name}"]),
                _told(numbers["ar_100" if name == "all" else f"ar_{name}"]),
                f"{int(self.true[:, area].sum()):,}",
            )
            for area, name in enumerate(SIZES)
        ]
        columns = [Column("size", "text"), Column("AP"), Column("recall"), Column("boxes")]
        return Table(
            "Table of sizes", columns, rows, title="Small is below 32 x 32 pixels, large above 96 x 96"
        )

    def to_dict(self) -> dict[str, Any]:
        ap, ap50, ap75 = self.per_class(), self.per_class(AT_50), self.per_class(5)
        per_class = [
            {
                "class": name,
                "ap": _number(ap[k]),
                "ap50": _number(ap50[k]),
                "ap75": _number(ap75[k]),
                "interval": None if np.isnan(ap50[k]) else list(self.intervals[k]),
                "boxes": int(self.true[k, 0]),
                **{key: int(getattr(self.counts, key)[k]) for key in Counts._fields},
            }
            for k, name in enumerate(self.names)
        ]
        return {
            **{name: _number(value) for name, value in zip(NAMES, self.twelve, strict=True)},
            "interval": list(self.interval),
            "boxes": self.boxes,
            "samples": self.samples,
            "threshold": self.threshold,
            "counts": {key: int(getattr(self.counts, key).sum()) for key in Counts._fields},
            "per_class": per_class,
            "without_truth": self.without_truth,
            "reliability": self.reliability.to_dict(),
        }


def evaluate(pictures: Iterable[Sequence[Matches]], names: Sequence[str], threshold: float) -> Evaluation:
    """Pool what `compared` found. Raises InputError where there is no box to be found."""
    found = list(pictures)
    by_class = [[one[k] for one in found] for k in range(len(names))]
    true = np.array([[sum(int(one.true[a]) for one in of) for a in range(len(AREAS))] for of in by_class])
    if not true.size or not true[:, 0].sum():
        raise InputError("There is no box to be found: none of the pictures has one.")
    curved = curves(by_class)
    interval, intervals = ap50_intervals(by_class)
    scores, right = pooled(by_class)
    return Evaluation(
        names=tuple(names),
        samples=len(found),
        twelve=twelve(curved),
        curves=curved,
        true=true,
        interval=interval,
        intervals=tuple(intervals),
        threshold=threshold,
        counts=counts_at(by_class, threshold),
        reliability=reliability(scores, right),
    )


def pooled(by_class: Sequence[Sequence[Matches]]) -> tuple[Floats, NDArray[np.bool_]]:
    """(M,) the scores of all answers that count, and whether each met a true box by half."""
    every = [one for of in by_class for one in of]
    counting = [~one.ignored[0, AT_50] for one in every]
    scores = [one.scores[some] for one, some in zip(every, counting, strict=True)]
    right = [one.met[0, AT_50][some] for one, some in zip(every, counting, strict=True)]
    return np.concatenate([np.zeros(0), *scores]), np.concatenate([np.zeros(0, bool), *right])


def counts_at(by_class: Sequence[Sequence[Matches]], threshold: float) -> Counts:
    """What the answers of at least this score find at an overlap of a half."""
    totals = []
    for of in by_class:
        scores, right = pooled([of])
        above = scores >= threshold
        hits = int((right & above).sum())
        totals.append((hits, sum(int(one.true[0]) for one in of) - hits, int((above & ~right).sum())))
    return Counts(*np.array(totals, np.int64).reshape(-1, 3).T)


def _told(value: float) -> str:
    return "none" if np.isnan(value) else f"{value:.1%}"


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
