"""Which way an arrow points, as an angle: a whole task of one's own. This file is its half without torch."""

from dataclasses import dataclass

import numpy as np

from foveate import Metric, register_task
from foveate.tasks.base import Task
from foveate.tasks.measures import Headline
from foveate.tasks.regression.targets import NumberTargets
from foveate.tasks.telling import PlainEvaluation, plain_report
from foveate.tasks.unlikeness import UnlikenessDocument
from foveate.tasks.values import UNLIKENESS, Output

ERROR = Metric("circular_error", higher_is_better=False, is_fraction=False, title="circular error")


def degrees(pair):
    """(N, 2) sine and cosine -> (N,) degrees from 0 to 360."""
    return np.degrees(np.arctan2(pair[:, 0], pair[:, 1])) % 360


def apart(one, other):
    """(N,) degrees between two angles, the short way round."""
    return np.abs((one - other + 180) % 360 - 180)


class Document(UnlikenessDocument):
    degrees: float


@dataclass(frozen=True)
class Direction:
    degrees: float
    unlikeness: float | None = None

    @property
    def unlike(self):
        return self.unlikeness is not None and self.unlikeness > 1

    def cells(self):
        return [f"{self.degrees:.2f}"]

    def lines(self):
        return [self.to_text()]

    def to_text(self):
        return f"{self.degrees:.1f}°"

    def to_dict(self):
        measured = {} if self.unlikeness is None else {"unlikeness": self.unlikeness, "unlike": self.unlike}
        return {"degrees": self.degrees, **measured}


@register_task
@dataclass(frozen=True)
class Heading(Task):
    name = "heading"
    learner = "heading_learner:HeadingLearner"
    metrics = (ERROR,)
    says = Metric("part", is_fraction=False)
    document = Document
    mirror_safe = False  # a mirror turns arrows round
    labels = ("sine", "cosine")
    groups = ()
    purpose = "Tells which way an arrow points"
    outputs = (Output("direction", (2,)),)

    @classmethod
    def answer_columns(cls, columns, *, asked=False):
        return ("heading",) if asked and "heading" in columns else ()

    @classmethod
    def parsed(cls, cells):
        return float(cells["heading"])

    @classmethod
    def of(cls, answers, *, fewest=None):
        return cls()

    def targets(self, answers):
        radians = np.radians(np.array(list(answers), float))
        return NumberTargets(np.stack([np.sin(radians), np.cos(radians)], axis=1))

    def matrix(self, targets):
        return targets.values

    def cells(self, targets):
        return [f"{angle:.1f}°" for angle in degrees(targets.values)]

    def table(self, targets):
        return {"heading": [repr(float(angle)) for angle in degrees(targets.values)]}

    def predictions(self, values, limit=5):
        angles = degrees(values["direction"]).tolist()
        unlike = values[UNLIKENESS.name].tolist() if UNLIKENESS.name in values else [None] * len(angles)
        return [Direction(*pair) for pair in zip(angles, unlike, strict=True)]

    def columns(self, limit=5):
        return ["degrees"]

    def answers(self, values):
        return degrees(values["direction"])

    def evaluate(self, values, targets):
        off = apart(degrees(values["direction"]), degrees(targets.values))
        mean, error = float(off.mean()), 1.96 * float(off.std()) / len(off) ** 0.5
        return PlainEvaluation(len(off), Headline(ERROR, mean, (mean - error, mean + error), 90.0))

    def report(self, measured):
        off = measured.evaluation.headline.value
        told = f"The network is off by {off:.1f}° on average."
        return plain_report(self, measured, verdict=told, meaning="Guessing would be off by 90°.")
