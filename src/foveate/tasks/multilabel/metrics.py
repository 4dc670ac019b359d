"""How good are several labels a picture? Every number of the report, in plain NumPy.

As scikit-learn has them with ``zero_division=0``, but for the means over labels: those run over the labels
that occur (for F1: as a right or as a given one), for of a label without a picture nothing is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foveate.errors import InputError, ShapeError
from foveate.scores import ClassCounts
from foveate.tasks.classification.calibration import Reliability, reliability
from foveate.tasks.measures import Headline
from foveate.tasks.multilabel.in_short import in_lines, label_table
from foveate.tasks.multilabel.names import MAP
from foveate.tasks.notebooks import ShownEvaluation
from foveate.tasks.sections import Table

RESAMPLES, RESAMPLED_CELLS = 200, 100_000_000  # of the bootstrap: how often, and at most so many cells in all
FEWEST_RESAMPLES = 20
_Z_95 = 1.959963984540054  # the normal distribution's 97.5 % quantile
_SMALLEST_PROBABILITY = 1e-15

Floats = NDArray[np.float64]
Flags = NDArray[np.uint8]


@dataclass(frozen=True)
class Evaluation(ShownEvaluation):
    """A multi-label network measured on N pictures; made by :func:`evaluate`. Arrays are (K,)."""

    labels: tuple[str, ...]
    samples: int
    mean_average_precision: float
    interval: tuple[float, float]  # 95 %, by a bootstrap over pictures
    counts: ClassCounts
    average_precision: Floats  # NaN for a label without a picture
    thresholds: Floats
    exact: int  # pictures of which every label is right
    without: int  # pictures that have no label
    nll: float  # mean over pictures of the sum over labels, in nats
    reliability: Reliability  # of every label of every picture

    @property
    def macro_f1(self) -> float:
        return macro_f1(self.counts)

    @property
    def micro_f1(self) -> float:
        return micro_f1(self.counts)

    @property
    def exact_match(self) -> float:
        """The share of pictures of which every label is right: scikit-learn's subset accuracy."""
        return self.exact / self.samples

    @property
    def ece(self) -> float:
        """Expected calibration error over 15 equal-width bins of probability: 0 best, 1 worst."""
        return self.reliability.ece

    @property
    def headline(self) -> Headline:
        """The mean average precision, against giving every picture the same probabilities."""
        support = self.counts.support
        constant = float(support[support > 0].mean() / self.samples)
        return Headline(MAP, self.mean_average_precision, self.interval, constant)

    def scores(self) -> dict[str, float | int]:
        """The few numbers for ``config.json``."""
        return {
            MAP.name: self.mean_average_precision,
            "macro_f1": self.macro_f1,
            "micro_f1": self.micro_f1,
            "exact_match": self.exact_match,
            "ece": self.ece,
            "samples": self.samples,
        }

    def lines(self, pictures: str) -> list[str]:
        """The mean average precision with its interval, F1, exact match, and the labels that do not occur."""
        return in_lines(self, pictures)

    def tables(self) -> list[Table]:
        """Precision, recall, F1, average precision and threshold of each label."""
        return [label_table(self)]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for strict JSON; the average precision of a label without a picture is None."""
        counts = self.counts
        rows = zip(
            self.labels,
            counts.precision.tolist(),
            counts.recall.tolist(),
            counts.f1.tolist(),
            [None if np.isnan(value) else float(value) for value in self.average_precision],
            self.thresholds.tolist(),
            counts.support.tolist(),
            strict=True,
        )
        keys = ("label", "precision", "recall", "f1", "average_precision", "threshold", "support")
        return {
            **self.scores(),
            "interval": list(self.interval),
            "exact": self.exact,
            "without_label": self.without,
            "nll": self.nll,
            "per_label": [dict(zip(keys, row, strict=True)) for row in rows],
            "reliability": self.reliability.to_dict(),
        }


def evaluate(
    probabilities: NDArray[np.floating], present: Flags, labels: Sequence[str], thresholds: Floats
) -> Evaluation:
    """Measure (N, K) probabilities against (N, K) labels of 0 and 1. thresholds: (K,).

    Raises ShapeError for shapes that do not fit, InputError where no picture has a label.
    """
    if probabilities.shape != present.shape or probabilities.shape[1] != len(labels):
        raise ShapeError(
            f"Expected probabilities and labels (N, {len(labels)}); got {probabilities.shape} and "
            f"{present.shape}."
        )
    if not present.any():
        raise InputError("There is nothing to evaluate: at least one picture with a label is needed.")
    given = decided(probabilities, thresholds)
    precision = average_precisions(probabilities, present)
    value = float(np.nanmean(precision))
    exact = int((given == present).all(axis=1).sum())
    return Evaluation(
        labels=tuple(labels),
        samples=len(present),
        mean_average_precision=value,
        interval=bootstrap_interval(probabilities, present, value),
        counts=counted(given, present),
        average_precision=precision,
        thresholds=thresholds,
        exact=exact,
        without=int((~present.any(axis=1)).sum()),
        nll=negative_log_likelihood(probabilities, present),
        reliability=reliability(probabilities.ravel(), present.ravel()),
    )


def decided(probabilities: NDArray[np.floating], thresholds: Floats) -> Flags:
    """(N, K) of 0 and 1: a label is given from its threshold on."""
    return (probabilities >= thresholds).astype(np.uint8)


def counted(given: Flags, present: Flags) -> ClassCounts:
    """Right, true and given labels by label."""
    both = (given & present, present, given)
    return ClassCounts(*(flags.sum(axis=0, dtype=np.int64) for flags in both))


def macro_f1(counts: ClassCounts) -> float:
    """The mean F1 of the labels that occur; 0 where none does."""
    occur = (counts.support > 0) | (counts.predicted > 0)
    return float(counts.f1[occur].mean()) if occur.any() else 0.0


def micro_f1(counts: ClassCounts) -> float:
    """The F1 of all labels of all pictures together."""
    return float(2 * counts.hits.sum() / max(int((counts.support + counts.predicted).sum()), 1))


def average_precisions(probabilities: NDArray[np.floating], present: Flags) -> Floats:
    """(K,) the precision at each rise of recall, averaged over the rises; NaN for a label without a picture.

    Of equal probabilities none is before the other: they pass together, as scikit-learn's
    ``average_precision_score`` has it.
    """
    once = np.ones(len(present))
    return np.array([label.average_precision(once) for label in _ranked(probabilities, present)])


def bootstrap_interval(
    probabilities: NDArray[np.floating], present: Flags, value: float
) -> tuple[float, float]:
    """The 95 % interval of the mean average precision, ``value``: 1.96 standard errors of a bootstrap.

    200 times (fewer of very many numbers) as many pictures are drawn, each as often as chance has it (Efron,
    "Bootstrap methods", 1979); the draws are the same in every run. Cut to 0..1.
    """
    ranked = _ranked(probabilities, present)
    times = min(max(RESAMPLED_CELLS // present.size, FEWEST_RESAMPLES), RESAMPLES)
    generator, count = np.random.default_rng(0), len(present)
    found = np.full((times, len(ranked)), np.nan)
    for own in found:
        drawn = np.bincount(generator.integers(0, count, count), minlength=count).astype(np.float64)
        own[:] = [label.average_precision(drawn) for label in ranked]
    drawn_any = found[~np.isnan(found).all(axis=1)]
    half = _Z_95 * float(np.nanmean(drawn_any, axis=1).std(ddof=1)) if len(drawn_any) > 1 else 1.0
    return (max(value - half, 0.0), min(value + half, 1.0))


def _ranked(probabilities: NDArray[np.floating], present: Flags) -> list[_Ranked]:
    return [_Ranked.of(p, y) for p, y in zip(probabilities.T, present.T, strict=True)]


@dataclass(frozen=True)
class _Ranked:
    """Pictures by the probability of one label, surest first: their numbers, and which have it.

    ends: the last place of each run of equal probabilities.
    """

    order: NDArray[np.int64]
    present: NDArray[np.bool_]
    ends: NDArray[np.int64]

    @classmethod
    def of(cls, probabilities: NDArray[np.floating], present: Flags) -> _Ranked:
        order = np.argsort(-probabilities, kind="stable")
        values = probabilities[order]
        ends = np.flatnonzero(np.append(values[1:] != values[:-1], True))
        return cls(order, present[order] > 0, ends)

    def average_precision(self, weights: Floats) -> float:
        """weights: (N,) how often each picture counts; NaN where none that counts has the label."""
        counting = weights[self.order]
        passing = np.cumsum(counting)[self.ends]
        hits = np.cumsum(np.where(self.present, counting, 0.0))[self.ends]
        if not hits[-1]:
            return float("nan")
        rises = np.diff(hits, prepend=0.0)
        return float((rises * hits / np.maximum(passing, 1.0)).sum() / hits[-1])


def negative_log_likelihood(probabilities: NDArray[np.floating], present: Flags) -> float:
    """Mean over pictures of the sum over labels of -log p(what is), in nats; always finite."""
    own = np.where(present > 0, probabilities, 1 - probabilities.astype(np.float64))
    return float(-np.log(np.clip(own, _SMALLEST_PROBABILITY, 1.0)).sum(axis=1).mean())
