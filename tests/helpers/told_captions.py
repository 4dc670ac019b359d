"""A captioning task whose network is a table of numbers: what the data half needs to be tried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from foveate.tasks.captioning.data import Described
from foveate.tasks.captioning.metrics import Evaluation
from foveate.tasks.captioning.report import caption_report
from foveate.tasks.telling import Measured, TaskReport
from foveate.tasks.values import Output, Values


@dataclass(frozen=True)
class ToldCaptions(Described):
    """Says what stands in its only output, (N, L) words by number."""

    name: ClassVar[str] = "told-captions"
    learner: ClassVar[str] = ""
    document: ClassVar[type] = dict

    @property
    def purpose(self) -> str:
        return "Describes pictures in a sentence"

    @property
    def outputs(self) -> tuple[Output, ...]:
        return (Output("words", (None,), dtype="int64"),)

    def said(self, values: Values) -> list[str]:
        return [self.vocabulary.decode(row) for row in values["words"]]

    def predictions(self, values: Values, limit: int = 5) -> Sequence[Any]:
        raise NotImplementedError

    def columns(self, limit: int = 5) -> Sequence[str]:
        return ("caption",)

    def answers(self, values: Values) -> NDArray[Any]:
        return np.array(self.said(values), object)

    def evaluate(self, values: Values, targets: Any) -> Evaluation:
        return self.measured(self.said(values), targets)

    def report(self, measured: Measured) -> TaskReport:
        return caption_report(self, measured, [])
