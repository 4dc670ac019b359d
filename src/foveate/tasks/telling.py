"""Between a finished model and its report: what was measured goes in, what the task says of it comes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foveate.tasks.base import Task
from foveate.tasks.measures import Evaluation, Headline
from foveate.tasks.sections import Column, Pixels, Section, Table
from foveate.tasks.targets import Targets
from foveate.tasks.values import Values
from foveate.words import split_word

VALIDATION = "validation pictures"


@dataclass(frozen=True)
class ToExplain:
    """A picture of which the report shows what spoke for its answer.

    pixels: as the network sees it, (H, W, C). outputs: which of the network's K numbers are explained; the
    one that its answer goes by stands first.
    """

    pixels: Pixels
    name: str
    outputs: tuple[int, ...]


@dataclass(frozen=True)
class Explained:
    """Heat maps over a picture, (H, W, 3): one for each of its outputs."""

    subject: ToExplain
    maps: Sequence[Pixels]


@dataclass(frozen=True)
class Explanations:
    """Where the network looked, and whether that can be believed.

    ``drop``: how far the first output of each picture falls, on average over the pictures, when the marked
    ``fraction`` of the picture is hidden; ``drop_elsewhere``: when as much is hidden elsewhere.
    """

    items: Sequence[Explained]
    method: str  # "Grad-CAM"
    layer: str
    fraction: float
    drop: float
    drop_elsewhere: float


@dataclass(frozen=True)
class Measured:
    """What a finished model does on the N pictures of a split, and what else its report goes by.

    Attributes:
        split: "test", or "val" without test pictures, or "train" without either.
        values: what the model gives for them.
        pixels: what it saw, (N, H, W, C). names: what people call them.
        validation: of the validation pictures, where ``split`` is another.
        chosen_on: what decided on epochs, calibration and thresholds; "" where nothing was held out.
        all_targets: the right answers of each split.
    """

    split: str
    values: Values
    targets: Targets
    evaluation: Evaluation
    pixels: NDArray[np.uint8]
    names: Sequence[str]
    validation: Evaluation | None = None
    chosen_on: str = VALIDATION
    measures_unlikeness: bool = False
    all_targets: Mapping[str, Targets] = field(default_factory=dict)
    explanations: Explanations | None = None


@dataclass(frozen=True)
class TaskReport:
    """The task's part of the report and of the model card.

    Attributes:
        split: on which ``headline`` was measured.
        kind: what the model is: "Image classification into 3 classes".
        purpose: what it does: "Sorts pictures into 3 classes".
        labels_are: what the task's labels are called: "Classes".
        verdict: how good, on what: one sentence. meaning: what to expect, and compared with what.
        warnings: what stands between the number and the truth; one sentence each, the gravest first.
        facts: further numbers with what they mean. scores: the same and more for the card's table.
        limits: what it does when it does not know. always: which limit none of its kind is without.
        in_report: what the report shows that the card does not.
        inside: what ``model.onnx`` does beside the network.
        sections: what it gets right and wrong. trust: how far its answers may be believed.
        pictures: how many of what there are in each split.
    """

    split: str
    headline: Headline
    kind: str
    purpose: str
    labels_are: str
    verdict: str
    meaning: str
    warnings: Sequence[str]
    facts: Sequence[tuple[str, str]]
    scores: Sequence[tuple[str, str]]
    limits: Sequence[str]
    always: str
    in_report: str
    inside: str
    sections: Sequence[Section]
    trust: Sequence[Section]
    pictures: Table


@dataclass(frozen=True)
class PlainEvaluation:
    """How good answers are on N pictures, in one number: the least that a task measures."""

    samples: int
    headline: Headline

    def scores(self) -> dict[str, float | int]:
        return {self.headline.metric.name: self.headline.value, "samples": self.samples}

    def lines(self, pictures: str) -> list[str]:
        metric, (low, high) = self.headline.metric, map(self.headline.metric.told, self.headline.interval)
        value, constant = metric.told(self.headline.value), metric.told(self.headline.constant)
        return [
            f"{metric.words} {value} (95 % interval {low} to {high}) on {self.samples} {pictures}; always "
            f"answering the same has {constant}"
        ]

    def tables(self) -> list[Table]:
        return []

    def to_dict(self) -> dict[str, Any]:
        return {**self.scores(), "interval": list(self.headline.interval)}


def warnings_of_split(split: str, chosen_on: str, *, and_chose: str = "") -> list[str]:
    """What stands between a number and the truth for the pictures that it was measured on.

    and_chose: what the validation pictures chose beside the best moment of training: " and the thresholds".
    """
    if split == "train":
        return [
            "Measured on the pictures it was trained with: this says nothing about new ones. Keep some apart."
        ]
    if split_word(split) == "validation" and chosen_on == VALIDATION:
        return [
            "There were no test pictures. The validation pictures also served to choose the best moment of "
            f"training{and_chose}, so expect a little less on new ones."
        ]
    return []


NOTHING_HELD_OUT = "No pictures were held out that could have told how sure it may be."


def on_others(split: str, what: str) -> str:
    """What to expect on other pictures, and a space; nothing of a model that was measured on its own.

    what: from where to where the interval goes, in words.
    """
    if split == "train":
        return ""
    return f"On other pictures of the same kind, expect {what} (95 % confidence interval). "


def plain_report(task: Task, measured: Measured, *, verdict: str, meaning: str = "") -> TaskReport:
    """The least that a task says: how good it is, in a sentence, and what there was to learn from."""
    headline = measured.evaluation.headline
    low, high = map(headline.metric.told, headline.interval)
    score = f"{headline.metric.told(headline.value)} (95 % interval {low} to {high})"
    rows: list[list[str | float | None]] = [
        [split, len(targets)] for split, targets in measured.all_targets.items()
    ]
    return TaskReport(
        split=measured.split,
        headline=headline,
        kind=task.name.capitalize(),
        purpose=task.purpose,
        labels_are=task.called.capitalize(),
        verdict=verdict,
        meaning=meaning,
        warnings=warnings_of_split(measured.split, measured.chosen_on),
        facts=[],
        scores=[(headline.metric.words, score)],
        limits=[],
        always="It has an answer whatever the picture shows, also for things it has never seen.",
        in_report="How good its answers are",
        inside="normalisation",
        sections=[],
        trust=[],
        pictures=Table("Pictures", [Column("split", "name"), Column("pictures")], rows),
    )
