"""Right and wrong answers counted by class: what training selects by and what the report says, defined once.

As scikit-learn has them with ``zero_division=0``: the precision of a class that was never answered, the
recall of a class without samples, and an F1 without either, are 0. Macro-F1 runs over the classes that occur,
as a label or as an answer, and balanced accuracy over those that occur as a label: a class of which there is
no picture is no failure.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ClassCounts:
    """Of each of K classes: right answers, samples, answers; (K,) each."""

    hits: NDArray[np.int64]
    support: NDArray[np.int64]
    predicted: NDArray[np.int64]

    @classmethod
    def of(
        cls, labels: NDArray[np.integer], predictions: NDArray[np.integer], num_classes: int
    ) -> ClassCounts:
        """Count (N,) labels and predictions, both in 0..num_classes-1."""
        sizes = (
            np.bincount(some, minlength=num_classes)
            for some in (labels[labels == predictions], labels, predictions)
        )
        return cls(*sizes)

    @property
    def samples(self) -> int:
        return int(self.support.sum())

    @property
    def accuracy(self) -> float:
        return float(self.hits.sum() / self.samples)

    @property
    def precision(self) -> NDArray[np.float64]:
        """(K,)"""
        return self.hits / np.maximum(self.predicted, 1)

    @property
    def recall(self) -> NDArray[np.float64]:
        """(K,)"""
        return self.hits / np.maximum(self.support, 1)

    @property
    def f1(self) -> NDArray[np.float64]:
        """(K,)"""
        return 2 * self.hits / np.maximum(self.support + self.predicted, 1)

    @property
    def macro_f1(self) -> float:
        """The mean F1 of the classes that occur."""
        return float(self.f1[(self.support > 0) | (self.predicted > 0)].mean())

    @property
    def weighted_f1(self) -> float:
        """The mean F1 over samples."""
        return float((self.f1 * self.support).sum() / self.samples)

    @property
    def balanced_accuracy(self) -> float:
        """The mean recall of the classes that have samples."""
        return float(self.recall[self.support > 0].mean())
