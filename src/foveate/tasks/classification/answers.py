"""What a network says of a picture, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, TypedDict, cast

import numpy as np
from numpy.typing import NDArray

from foveate.errors import InputError
from foveate.tasks.notebooks import ShownPrediction
from foveate.tasks.unlikeness import UnlikenessDocument

Probability = Annotated[float, {"minimum": 0, "maximum": 1.001}]  # float32 sums may say a little more than 1


class LabelDocument(TypedDict):
    label: str
    probability: Probability


class PredictionDocument(LabelDocument, UnlikenessDocument):
    """What `Prediction.to_dict` gives."""

    unsure: Annotated[
        bool,
        {"description": "The probability is below the model's threshold for the precision that it promises."},
    ]
    top: Annotated[list[LabelDocument], {"minItems": 1}]


@dataclass(frozen=True)
class Prediction(ShownPrediction):
    """What the network says of one picture.

    Attributes:
        label, probability: the likeliest class.
        top: the likeliest (label, probability), best first.
        unsure_below: the model's threshold for the precision that it promises; 0 for a model without one.
        unlikeness: above 1 for pictures unlike the training pictures; None where the model measures none.
    """

    label: str
    probability: float
    top: tuple[tuple[str, float], ...]
    unsure_below: float = 0.0
    unlikeness: float | None = None

    @property
    def unsure(self) -> bool:
        """Whether the probability is below the model's threshold."""
        return self.probability < self.unsure_below

    @property
    def unlike(self) -> bool:
        """Whether the picture is unlike the training pictures: then no class need be right."""
        return self.unlikeness is not None and self.unlikeness > 1

    def cells(self) -> list[str]:
        cells = [cell for label, probability in self.top for cell in (label, f"{probability:.6f}")]
        return [*cells, str(self.unsure).lower()] if self.unsure_below else cells

    def lines(self) -> list[str]:
        return [*(f"{probability:7.1%}  {label}" for label, probability in self.top), *self._remarks()]

    def to_text(self) -> str:
        top = ", ".join(f"{label} {probability:.1%}" for label, probability in self.top)
        return "; ".join([top, *self._remarks()])

    def _remarks(self) -> list[str]:
        return [f"unsure (below {self.unsure_below:.1%})"] if self.unsure else []

    def to_dict(self) -> PredictionDocument:
        """For machines: label, probability, unsure, top; unlikeness and unlike where measured."""
        document = {"label": self.label, "probability": self.probability, "unsure": self.unsure}
        if self.unlikeness is not None:
            document |= {"unlikeness": self.unlikeness, "unlike": self.unlike}
        top: list[LabelDocument] = [{"label": label, "probability": value} for label, value in self.top]
        return cast(PredictionDocument, {**document, "top": top})


def in_words(
    probabilities: NDArray[np.floating],
    classes: Sequence[str],
    limit: int,
    *,
    unsure_below: float = 0.0,
    unlikeness: float | None = None,
) -> Prediction:
    """Probabilities (K,) with the names of the likeliest classes; of equal ones the earlier class is first.

    Raises InputError for a ``limit`` below 1.
    """
    if limit < 1:
        raise InputError(f"top_k: expected at least 1, found {limit}.")
    order = np.argsort(-probabilities, kind="stable")[:limit]
    values = probabilities[order].tolist()
    top = tuple((classes[i], value) for i, value in zip(order.tolist(), values, strict=True))
    label, probability = top[0]
    return Prediction(label, probability, top, unsure_below, unlikeness)
