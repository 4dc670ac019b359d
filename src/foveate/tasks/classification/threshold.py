"""When to say "unsure": the probability below which answers fall short of a stated precision."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from foveate.errors import InputError, ShapeError
from foveate.strict_json import exact_keys, is_int, is_number, need
from foveate.tasks.classification.labels import checked_labels

PRECISION = 0.95


@dataclass(frozen=True)
class UnsureRule:
    """Answers of a probability below ``unsure_below`` are unsure.

    precision: how often the others are to be right. coverage: the share that the others were of the
    ``samples`` held-out pictures on which the threshold was found.
    """

    unsure_below: float
    precision: float
    coverage: float
    samples: int

    def to_dict(self) -> dict[str, float | int]:
        """Plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, document: Any) -> UnsureRule | None:
        """The rule that `to_dict` wrote, None for null. Raises InputError, naming the field."""
        if document is None:
            return None
        found = exact_keys(document, {"unsure_below", "precision", "coverage", "samples"}, "task.unsure")
        for name in ("unsure_below", "precision", "coverage"):
            ok = is_number(found[name]) and 0 <= found[name] <= 1
            need(ok, f"task.unsure.{name}", "a number from 0 to 1", found[name])
        ok = is_int(found["samples"]) and found["samples"] >= 0
        need(ok, "task.unsure.samples", "a number of samples", found["samples"])
        return cls(**found)


class Answered(NamedTuple):
    """A rule tried on other pictures: so many of ``samples`` were answered, so many of these are right."""

    answered: int
    right: int
    samples: int

    @property
    def coverage(self) -> float:
        return self.answered / self.samples if self.samples else 0.0

    @property
    def precision(self) -> float:
        return self.right / self.answered if self.answered else 1.0


def fit_unsure_rule(probabilities: ArrayLike, labels: ArrayLike, precision: float = PRECISION) -> UnsureRule:
    """The lowest threshold at which the answers above it are right with the stated precision.

    probabilities: (N, K), calibrated, of pictures that the network was not trained on; labels: (N,).

    Of n answers above a threshold, of which r are right, the precision is taken to be (r + 1) / (n + 2)
    (Laplace's rule of succession: the mean of what it can be, all being equally likely before). So 95 % takes
    18 answers without a mistake, or 38 with one: few pictures are not believed too soon. It is an expectation
    and no guarantee; a 95 % confidence bound would call everything unsure below 59 pictures.

    Where no threshold does: with fewer than those 18 pictures above it, the stated precision is itself the
    threshold, as calibrated probabilities mean it; with more it is 1, and next to everything is unsure.

    Raises InputError for a precision outside 0.5..0.999, ShapeError for shapes that do not fit.
    """
    if not 0.5 <= precision <= 0.999:
        raise InputError(f"The precision must lie between 0.5 and 0.999, and is {precision}.")
    sure, right = sureness(probabilities, labels)
    order = np.argsort(-sure, kind="stable")
    values, hits = sure[order], np.cumsum(right[order])
    answered = np.arange(1, len(values) + 1)
    last_of_equals = np.append(values[1:] != values[:-1], True)[: len(values)]
    good = np.flatnonzero(last_of_equals & ((hits + 1) / (answered + 2) >= precision))
    if len(good):
        # Rounded down, so that the last one is answered whatever rounding the network's own sums have.
        threshold = math.floor(values[good[-1]] * 1e4) / 1e4
    else:
        fewest = math.ceil(1 / (1 - precision) - 2 - 1e-9)  # answers, all right, that are believed
        threshold = precision if (sure >= precision).sum() < fewest else 1.0
    coverage = float((sure >= threshold).mean()) if len(sure) else 0.0
    return UnsureRule(threshold, precision, coverage, len(sure))


def apply_unsure_rule(rule: UnsureRule, probabilities: ArrayLike, labels: ArrayLike) -> Answered:
    """How the rule does on labelled pictures: probabilities (N, K), labels (N,)."""
    sure, right = sureness(probabilities, labels)
    answered = sure >= rule.unsure_below
    return Answered(int(answered.sum()), int(right[answered].sum()), len(sure))


def sureness(probabilities: ArrayLike, labels: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The probability of each likeliest class (N,), and whether it is the right one (N,)."""
    p = np.asarray(probabilities, dtype=np.float64)
    y = np.asarray(labels)
    if p.ndim != 2 or y.shape != p.shape[:1]:
        raise ShapeError(f"Expected probabilities (N, K) and labels (N,); got {p.shape} and {y.shape}.")
    y = checked_labels(y, p.shape[1])
    return p.max(axis=1), p.argmax(axis=1) == y
