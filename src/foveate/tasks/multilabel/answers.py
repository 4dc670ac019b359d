"""What a network says of a picture, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, TypedDict, cast

import numpy as np
from numpy.typing import NDArray

from foveate.errors import InputError
from foveate.tasks.multilabel.reading import as_cell
from foveate.tasks.notebooks import ShownPrediction
from foveate.tasks.unlikeness import UnlikenessDocument

Share = Annotated[float, {"minimum": 0, "maximum": 1.001}]


class LabelDocument(TypedDict):
    label: str
    probability: Share
    threshold: Share


class PredictionDocument(UnlikenessDocument):
    """What `Prediction.to_dict` gives."""

    labels: Annotated[
        list[str], {"description": "Those whose probability reaches their threshold, likeliest first."}
    ]
    top: Annotated[list[LabelDocument], {"minItems": 1}]


@dataclass(frozen=True)
class Prediction(ShownPrediction):
    """What the network says of one picture.

    Attributes:
        labels: those whose probability reaches their threshold, the likeliest first.
        top: the likeliest (label, probability, threshold), best first.
        unlikeness: above 1 for pictures unlike the training pictures; None where the model measures none.
    """

    labels: tuple[str, ...]
    top: tuple[tuple[str, float, float], ...]
    unlikeness: float | None = None

    @property
    def unlike(self) -> bool:
        """Whether the picture is unlike the training pictures: then no label need be right."""
        return self.unlikeness is not None and self.unlikeness > 1

    def cells(self) -> list[str]:
        told = [cell for label, probability, _ in self.top for cell in (label, f"{probability:.6f}")]
        return [as_cell(self.labels), *told]

    def lines(self) -> list[str]:
        lines = [] if self.labels else ["no label"]
        for label, probability, threshold in self.top:
            remark = "" if probability >= threshold else f"  (no: below {threshold:.1%})"
            lines.append(f"{probability:7.1%}  {label}{remark}")
        untold = self.labels[len(self._told()) :]
        return [*lines, f"also {', '.join(untold)}"] if untold else lines

    def to_text(self) -> str:
        given = self._told()
        if self.labels:
            return ", ".join([*given, *self.labels[len(given) :]])
        label, probability, _ = self.top[0]
        return f"no label; likeliest is {label} {probability:.1%}"

    def _told(self) -> list[str]:
        """The given labels among the likeliest, with their probability: the first of all given ones."""
        return [f"{label} {value:.1%}" for label, value, threshold in self.top if value >= threshold]

    def to_dict(self) -> PredictionDocument:
        """For machines: labels, top; unlikeness and unlike where measured."""
        document = {} if self.unlikeness is None else {"unlikeness": self.unlikeness, "unlike": self.unlike}
        keys = ("label", "probability", "threshold")
        top = [dict(zip(keys, told, strict=True)) for told in self.top]
        return cast(PredictionDocument, {"labels": list(self.labels), **document, "top": top})


def in_words(
    probabilities: NDArray[np.floating],
    labels: Sequence[str],
    thresholds: NDArray[np.float64],
    limit: int,
    *,
    unlikeness: float | None = None,
) -> Prediction:
    """Probabilities (K,) with the names of the labels; of equally likely ones the earlier is first.

    limit: how many of the likeliest are told. Raises InputError for less than 1.
    """
    if limit < 1:
        raise InputError(f"top_k: expected at least 1, found {limit}.")
    order = np.argsort(-probabilities, kind="stable")
    given = tuple(labels[i] for i in order if probabilities[i] >= thresholds[i])
    top = tuple((labels[i], float(probabilities[i]), float(thresholds[i])) for i in order[:limit])
    return Prediction(given, top, unlikeness)
