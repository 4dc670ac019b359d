"""What a network answers, as numbers and in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from foveate.errors import ImageError, InputError


class Answers(NamedTuple):
    """What the network gives for N pictures.

    probabilities: (N, classes) float32. unlikeness: (N,) float32, above 1 for pictures unlike the training
    pictures (see `foveate.export.novelty`); None where the model does not measure it.
    """

    probabilities: np.ndarray
    unlikeness: np.ndarray | None = None

    def row(self, number: int) -> Answer:
        """What it gives for one of them."""
        unlikeness = None if self.unlikeness is None else float(self.unlikeness[number])
        return Answer(self.probabilities[number], unlikeness)


class Answer(NamedTuple):
    """What the network gives for one picture: probabilities (classes,) and, maybe, unlikeness."""

    probabilities: np.ndarray
    unlikeness: float | None = None


@dataclass(frozen=True)
class Prediction:
    """What the network says of one picture.

    Attributes:
        label, probability: the likeliest class.
        top: the likeliest (label, probability), best first.
        unsure: the probability is below the model's threshold for the precision that it promises; always
            False for a model without one.
        unlikeness: above 1 for pictures unlike the training pictures; None where the model measures none.
    """

    label: str
    probability: float
    top: tuple[tuple[str, float], ...]
    unsure: bool = False
    unlikeness: float | None = None

    @property
    def unlike(self) -> bool:
        """Whether the picture is unlike the training pictures: then no class need be right."""
        return self.unlikeness is not None and self.unlikeness > 1

    def to_dict(self) -> dict[str, Any]:
        """For machines: label, probability, unsure, top; unlikeness and unlike where measured."""
        document: dict[str, Any] = {
            "label": self.label,
            "probability": self.probability,
            "unsure": self.unsure,
        }
        if self.unlikeness is not None:
            document |= {"unlikeness": self.unlikeness, "unlike": self.unlike}
        document["top"] = [{"label": label, "probability": value} for label, value in self.top]
        return document


@dataclass(frozen=True)
class PathPrediction:
    """What became of one file: a prediction, or the error that kept it from being read."""

    path: str | Path
    prediction: Prediction | None
    error: ImageError | None = None


def in_words(answer: Answer, classes: Sequence[str], top_k: int, unsure_below: float) -> Prediction:
    """An answer with the names of the likeliest classes; of equal ones the earlier class is first.

    Raises InputError for a ``top_k`` below 1.
    """
    if top_k < 1:
        raise InputError(f"top_k: expected at least 1, found {top_k}.")
    order = np.argsort(-answer.probabilities, kind="stable")[:top_k]
    top = tuple((classes[i], float(answer.probabilities[i])) for i in order)
    label, probability = top[0]
    return Prediction(label, probability, top, probability < unsure_below, answer.unlikeness)
