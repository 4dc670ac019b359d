"""How good is a classifier? Every number of the report, in plain NumPy.

What is counted by class (precision, recall, F1 and their means) is defined in `foveate.scores`, by which
training selects, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from foveate.errors import InputError, ShapeError
from foveate.scores import ClassCounts
from foveate.tasks.classification.calibration import Reliability, reliability
from foveate.tasks.classification.in_short import class_table, confusion_table, in_lines
from foveate.tasks.classification.labels import checked_labels
from foveate.tasks.classification.names import ACCURACY
from foveate.tasks.measures import Headline
from foveate.tasks.notebooks import ShownEvaluation
from foveate.tasks.sections import Table

TOP_K = 5
DENSE_CLASSES = 100  # to_dict() writes the whole confusion matrix up to this many classes
_Z_95 = 1.959963984540054  # the normal distribution's 97.5 % quantile
_SMALLEST_PROBABILITY = 1e-15  # a probability of 0 for the true class must not make the loss infinite


@dataclass(frozen=True)
class Confusion:
    """A confusion matrix as its non-zero cells: 10,000 classes must not need 10,000 x 10,000 numbers.

    Cells are in ascending order of (true, predicted).
    """

    num_classes: int
    true: NDArray[np.int64]  # (cells,)
    predicted: NDArray[np.int64]  # (cells,)
    count: NDArray[np.int64]  # (cells,) how often `true` was called `predicted`

    @classmethod
    def of(cls, labels: ArrayLike, predictions: ArrayLike, num_classes: int) -> Confusion:
        """Count (true, predicted) pairs; labels and predictions are (N,) integers in 0..num_classes-1."""
        y = checked_labels(np.asarray(labels), num_classes)
        guess = checked_labels(np.asarray(predictions), num_classes)
        if y.shape != guess.shape or y.ndim != 1:
            raise ShapeError(
                f"Labels and predictions must be two (N,) arrays; got {y.shape} and {guess.shape}."
            )
        cells, count = np.unique(y * num_classes + guess, return_counts=True)
        return cls(num_classes, cells // num_classes, cells % num_classes, count.astype(np.int64))

    @property
    def hits(self) -> NDArray[np.int64]:
        """(K,) right predictions of each class: the diagonal."""
        return self._sum(self.true, self.true == self.predicted)

    @property
    def support(self) -> NDArray[np.int64]:
        """(K,) samples of each class: the row sums."""
        return self._sum(self.true)

    @property
    def predicted_count(self) -> NDArray[np.int64]:
        """(K,) predictions of each class: the column sums."""
        return self._sum(self.predicted)

    def _sum(self, index: NDArray[np.int64], chosen: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
        total = np.zeros(self.num_classes, dtype=np.int64)
        keep = slice(None) if chosen is None else chosen
        np.add.at(total, index[keep], self.count[keep])
        return total

    def matrix(self) -> NDArray[np.int64]:
        """The (K, K) matrix; rows are true classes, columns predicted ones."""
        dense = np.zeros((self.num_classes, self.num_classes), dtype=np.int64)
        dense[self.true, self.predicted] = self.count
        return dense

    def mistakes(self, limit: int | None = None) -> list[tuple[int, int, int]]:
        """(true, predicted, count) off the diagonal, most frequent first, ties in class order."""
        wrong = np.flatnonzero(self.true != self.predicted)
        order = wrong[np.argsort(-self.count[wrong], kind="stable")][:limit]
        return [(int(self.true[i]), int(self.predicted[i]), int(self.count[i])) for i in order]


@dataclass(frozen=True)
class Evaluation(ShownEvaluation):
    """A classifier measured on N labelled samples; made by :func:`evaluate`."""

    classes: tuple[str, ...]
    samples: int
    correct: int
    accuracy: float
    accuracy_interval: tuple[float, float]  # 95 %, Wilson
    top5_accuracy: float | None  # None for five classes or fewer: it would always be 1
    macro_f1: float
    weighted_f1: float
    balanced_accuracy: float
    nll: float  # mean negative log-likelihood in nats
    brier: float  # mean squared distance to the one-hot label: 0 best, 2 worst
    precision: NDArray[np.float64]  # (K,)
    recall: NDArray[np.float64]  # (K,)
    f1: NDArray[np.float64]  # (K,)
    support: NDArray[np.int64]  # (K,) samples of each class
    confusion: Confusion
    reliability: Reliability

    @property
    def ece(self) -> float:
        """Expected calibration error over 15 equal-width bins: 0 best, 1 worst."""
        return self.reliability.ece

    @property
    def headline(self) -> Headline:
        """The accuracy, against always answering the most frequent class."""
        constant = float(self.support.max() / self.samples)
        return Headline(ACCURACY, self.accuracy, self.accuracy_interval, constant)

    def scores(self) -> dict[str, float | int]:
        """The few numbers for ``config.json``."""
        return {
            "accuracy": self.accuracy,
            "macro_f1": self.macro_f1,
            "ece": self.ece,
            "samples": self.samples,
        }

    def lines(self, pictures: str) -> list[str]:
        """Accuracy with its interval, the other means, and the classes that did not occur."""
        return in_lines(self, pictures)

    def tables(self) -> list[Table]:
        """Precision, recall and F1 of each class, and what was taken for what."""
        return [class_table(self), confusion_table(self)]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for strict JSON: no NaN, no NumPy types.

        ``confusion`` (rows true, columns predicted) is None above ``DENSE_CLASSES`` classes;
        ``most_confused`` is always there.
        """
        rows = zip(
            self.classes,
            self.precision.tolist(),
            self.recall.tolist(),
            self.f1.tolist(),
            self.support.tolist(),
            strict=True,
        )
        dense = len(self.classes) <= DENSE_CLASSES
        return {
            "samples": self.samples,
            "correct": self.correct,
            "accuracy": self.accuracy,
            "accuracy_interval": list(self.accuracy_interval),
            "top5_accuracy": self.top5_accuracy,
            "macro_f1": self.macro_f1,
            "weighted_f1": self.weighted_f1,
            "balanced_accuracy": self.balanced_accuracy,
            "nll": self.nll,
            "brier": self.brier,
            "ece": self.ece,
            "per_class": [
                {"class": name, "precision": p, "recall": r, "f1": f, "support": n}
                for name, p, r, f, n in rows
            ],
            "confusion": self.confusion.matrix().tolist() if dense else None,
            "most_confused": [
                {"true": self.classes[t], "predicted": self.classes[p], "count": n}
                for t, p, n in self.confusion.mistakes(20)
            ],
            "reliability": self.reliability.to_dict(),
        }


def evaluate(probabilities: ArrayLike, labels: ArrayLike, classes: Sequence[str]) -> Evaluation:
    """Measure predictions against labels.

    probabilities: (N, K), rows summing to 1. labels: (N,) integers in 0..K-1. classes: K names.
    The predicted class is the most probable one; of equals, the first.

    Raises ShapeError for shapes that do not fit; InputError for no samples, labels out of range, or rows that
    are not probabilities.
    """
    p, y = _checked(probabilities, labels, classes)
    guess = p.argmax(axis=1)
    confusion = Confusion.of(y, guess, len(classes))
    counts = ClassCounts(confusion.hits, confusion.support, confusion.predicted_count)
    correct = int(counts.hits.sum())
    return Evaluation(
        classes=tuple(classes),
        samples=len(y),
        correct=correct,
        accuracy=counts.accuracy,
        accuracy_interval=wilson_interval(correct, len(y)),
        top5_accuracy=top_k_accuracy(p, y, TOP_K) if len(classes) > TOP_K else None,
        macro_f1=counts.macro_f1,
        weighted_f1=counts.weighted_f1,
        balanced_accuracy=counts.balanced_accuracy,
        nll=negative_log_likelihood(p, y),
        brier=brier_score(p, y),
        precision=counts.precision,
        recall=counts.recall,
        f1=counts.f1,
        support=counts.support,
        confusion=confusion,
        reliability=reliability(p[np.arange(len(y)), guess], guess == y),
    )


def confusion_matrix(labels: ArrayLike, predictions: ArrayLike, num_classes: int) -> NDArray[np.int64]:
    """(K, K) counts; rows are true classes, columns predicted ones."""
    return Confusion.of(labels, predictions, num_classes).matrix()


def wilson_interval(correct: int, samples: int) -> tuple[float, float]:
    """The 95 % interval of a fraction (Wilson 1927).

    Unlike +-1.96 standard errors it stays inside 0..1 and is right for small samples and fractions near 0 or
    1. Without samples everything is possible: (0, 1).
    """
    if samples == 0:
        return (0.0, 1.0)
    fraction, z2 = correct / samples, _Z_95 * _Z_95
    centre = (fraction + z2 / (2 * samples)) / (1 + z2 / samples)
    half = (
        _Z_95
        * float(np.sqrt(fraction * (1 - fraction) / samples + z2 / (4 * samples * samples)))
        / (1 + z2 / samples)
    )
    # At the ends the bound is exactly 0 or 1; rounding must not say 0.9999999 for "all right".
    low = 0.0 if correct == 0 else centre - half
    high = 1.0 if correct == samples else centre + half
    return (low, high)


def top_k_accuracy(probabilities: NDArray[Any], labels: NDArray[np.int64], k: int) -> float:
    """How often the true class is among the k most probable; of equals, the first class ranks higher."""
    own = probabilities[np.arange(len(labels)), labels][:, None]
    earlier = np.arange(probabilities.shape[1]) < labels[:, None]
    rank = ((probabilities > own) | ((probabilities == own) & earlier)).sum(axis=1)
    return float((rank < k).mean())


def negative_log_likelihood(probabilities: NDArray[Any], labels: NDArray[np.int64]) -> float:
    """Mean -log p(true class) in nats; probabilities below 1e-15 count as 1e-15, so it is always finite."""
    own = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.clip(own, _SMALLEST_PROBABILITY, 1.0)).mean())


def brier_score(probabilities: NDArray[Any], labels: NDArray[np.int64]) -> float:
    """Mean over samples of sum_k (p_k - [k is true])^2 (Brier 1950): 0 best, 2 worst."""
    own = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    squares = np.einsum("nk,nk->n", probabilities, probabilities, dtype=np.float64)
    return float((squares - 2 * own + 1).clip(min=0.0).mean())


def most_confident_mistakes(probabilities: ArrayLike, labels: ArrayLike, limit: int) -> NDArray[np.int64]:
    """Numbers of the wrongly classified samples, the surest first, at most ``limit`` of them."""
    p, y = np.asarray(probabilities), np.asarray(labels)
    guess = p.argmax(axis=1)
    wrong = np.flatnonzero(guess != y)
    return wrong[np.argsort(-p[wrong, guess[wrong]], kind="stable")][:limit]


def _checked(
    probabilities: ArrayLike, labels: ArrayLike, classes: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    p = np.asarray(probabilities)
    y = np.asarray(labels)
    if p.ndim != 2 or p.shape[1] != len(classes) or y.shape != p.shape[:1]:
        raise ShapeError(
            f"Expected probabilities (N, {len(classes)}) for {len(classes)} classes and labels (N,); "
            f"got {p.shape} and {y.shape}."
        )
    if len(y) == 0 or len(classes) == 0:
        raise InputError("There is nothing to evaluate: at least one sample and one class are needed.")
    if not np.issubdtype(p.dtype, np.floating):
        p = p.astype(np.float64)
    sums = p.sum(axis=1, dtype=np.float64)
    if not (np.isfinite(sums).all() and float(p.min()) >= 0 and np.abs(sums - 1).max() < 1e-2):
        raise InputError(
            "Expected probabilities: rows of numbers from 0 to 1 that sum to 1. "
            "Logits need a softmax first (`apply_temperature`)."
        )
    return p, checked_labels(y, p.shape[1])
