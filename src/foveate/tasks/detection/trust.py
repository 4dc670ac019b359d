"""How far scores may be believed: the calibration, and the threshold above which a box is told of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from foveate.strict_json import exact_keys, is_number, need

_LEAST_SLOPE = 0.05  # the order of the scores never changes
_EDGE = 1e-6  # of a score, whose logit is finite
_STEPS = 50
_RIDGE = 1e-3  # holds the two numbers where all answers are right, or all wrong

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]


class Calibration(NamedTuple):
    """A score s becomes ``sigmoid(slope * logit(s) + offset)`` (Platt 1999, on logits)."""

    slope: float = 1.0
    offset: float = 0.0

    def apply(self, scores: Floats) -> Floats:
        """(N,) from 0 to 1; in the order of the scores given."""
        return 1 / (1 + np.exp(-(self.slope * logit(scores) + self.offset)))


UNCHANGED = Calibration()


def logit(scores: Floats) -> Floats:
    """The logarithm of the odds of scores from 0 to 1."""
    inside = np.clip(np.asarray(scores, np.float64), _EDGE, 1 - _EDGE)
    return np.log(inside / (1 - inside))


def fit_calibration(scores: Floats, right: Booleans) -> Calibration:
    """What makes of so many boxes of a score that share right: logistic regression, by Newton's method.

    scores: (N,) of answers; right: (N,) whether each met a true box. Targets are Platt's, which keep off 0
    and 1 where there are few answers. Without both right and wrong ones nothing is changed.
    """
    if right.all() or not right.any():
        return UNCHANGED
    x = np.stack([logit(scores), np.ones(len(scores))], axis=1)  # (N, 2)
    hits = int(right.sum())
    wanted = np.where(right, (hits + 1) / (hits + 2), 1 / (len(right) - hits + 2))
    w = np.array([1.0, 0.0])
    start = w.copy()
    for _ in range(_STEPS):
        likely = 1 / (1 + np.exp(-(x @ w)))
        slope = x.T @ (likely - wanted) + _RIDGE * (w - start)
        bend = (x * (likely * (1 - likely))[:, None]).T @ x + _RIDGE * np.eye(2)
        step = np.linalg.solve(bend, slope)
        w = w - step
        if np.abs(step).max() < 1e-10:
            break
    return Calibration(max(float(w[0]), _LEAST_SLOPE), float(w[1]))


@dataclass(frozen=True)
class ScoreRule:
    """Boxes whose score is at least ``threshold`` are told of.

    f1, precision, recall: of those on the pictures that the threshold was chosen on, of ``boxes`` true boxes.
    """

    threshold: float
    f1: float
    precision: float
    recall: float
    boxes: int

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if name != "boxes":
                need(is_number(value) and 0 <= value <= 1, f"rule.{name}", "a number from 0 to 1", value)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, document: Any) -> ScoreRule | None:
        """None for None. Raises InputError, naming the field."""
        if document is None:
            return None
        need(isinstance(document, Mapping), "task.rule", "an object", document)
        fields = {"threshold", "f1", "precision", "recall", "boxes"}
        return cls(**exact_keys(dict(document), fields, "task.rule"))


def best_f1(scores: Floats, right: Booleans, true: int) -> ScoreRule | None:
    """The threshold with the greatest F1 = 2 right / (answers + true boxes); None without either.

    scores, right: (N,) of answers of all classes; true: boxes that were to be found. Of equally good ones it
    is the highest; it lies in the middle between two scores, so that rounding does not decide.
    """
    if not true or not right.any():
        return None
    order = np.argsort(-scores, kind="stable")
    ordered, hits = scores[order], np.cumsum(right[order])
    last = np.append(ordered[1:] != ordered[:-1], True)  # of equal scores all are taken or none
    answers = np.arange(1, len(ordered) + 1)
    f1 = np.where(last, 2 * hits / (answers + true), -1.0)
    best = int(f1.argmax())
    below = ordered[best + 1] if best + 1 < len(ordered) else 0.0
    return ScoreRule(
        threshold=float((ordered[best] + below) / 2),
        f1=float(f1[best]),
        precision=float(hits[best] / answers[best]),
        recall=float(hits[best] / true),
        boxes=true,
    )
