"""A task that is no classification: how bright a picture is, in two outputs, neither with labels."""

from dataclasses import dataclass
from typing import TypedDict

import numpy as np
from torch import nn

from foveate.tasks import base, measures
from foveate.tasks.learning import Learner


class Document(TypedDict):
    total: float


@dataclass(frozen=True)
class Brightness:
    total: float
    unlikeness: float | None = None
    unlike: bool = False

    def cells(self):
        return [f"{self.total:.3f}"]

    def lines(self):
        return [f"total {self.total:.3f}"]

    def to_text(self):
        return f"total {self.total:.3f}"

    def to_dict(self):
        return {"total": self.total}


@dataclass(frozen=True)
class Mistake:
    """The mean absolute difference of totals."""

    samples: int
    value: float

    @property
    def headline(self):
        return measures.Headline(BrightnessTask.metrics[0], self.value, (self.value, self.value), 1.0)


@dataclass(frozen=True)
class BrightnessTask(base.Task):
    """The network gives (N, 2) channel means; ``model.onnx`` the pair and its sum."""

    name = "brightness"
    learner = "two_output_task:BrightnessLearner"
    metrics = (base.Metric("mistake", higher_is_better=False, is_fraction=False),)
    document = Document
    labels = ("red", "green")
    purpose = "Tells how bright pictures are"
    outputs = (base.Output("pair", (2,), low=0.0), base.Output("total", (), low=0.0))

    def to_dict(self):
        return {}

    @classmethod
    def from_dict(cls, document):
        return cls()

    def targets(self, answers):
        return np.array(list(answers), float)

    def predictions(self, values, limit=5):
        return [Brightness(float(total)) for total in values["total"]]

    def columns(self, limit=5):
        return ["total"]

    def answers(self, values):
        return values["total"]

    def evaluate(self, values, targets):
        return Mistake(len(targets), float(np.abs(values["total"] - targets).mean()))


# What training and reports ask of a task, nothing here does: were it asked for, AttributeError would say so.
BrightnessTask.__abstractmethods__ = frozenset()


class Answer(nn.Module):
    def forward(self, outputs):
        return outputs, outputs.sum(1)


class BrightnessLearner(Learner):
    def answer(self):
        return Answer()


BrightnessLearner.__abstractmethods__ = frozenset()


@dataclass(frozen=True)
class ByteTask(BrightnessTask):
    """The same in bytes: the answer makes other numbers of the network's."""

    learner = "two_output_task:ByteLearner"
    says = base.Metric("value", is_fraction=False)

    def order(self, said):
        return np.arange(len(said))


class InBytes(nn.Module):
    def forward(self, outputs):
        in_bytes = 255 * outputs + 0.5
        return in_bytes, in_bytes.sum(1)


class ByteLearner(BrightnessLearner):
    def answer(self):
        return InBytes()
