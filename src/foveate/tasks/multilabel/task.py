"""Multi-label classification, as a task: the part that predicting needs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from foveate.errors import DatasetError, InputError, listed
from foveate.strict_json import exact_keys, is_number, need
from foveate.tasks.base import Task
from foveate.tasks.classification.labels import looks_like_characters
from foveate.tasks.classification.task import check_classes
from foveate.tasks.measures import Metric
from foveate.tasks.multilabel import reading
from foveate.tasks.multilabel.answers import Prediction, PredictionDocument, in_words
from foveate.tasks.multilabel.names import EXACT_MATCH, MACRO_F1, MAP, MICRO_F1, PROBABILITIES
from foveate.tasks.multilabel.targets import LabelTargets
from foveate.tasks.multilabel.thresholds import UNKNOWN
from foveate.tasks.targets import Targets
from foveate.tasks.values import UNLIKENESS, Output, Values
from foveate.words import plural

if TYPE_CHECKING:
    from foveate.tasks.multilabel.metrics import Evaluation
    from foveate.tasks.surveyed import Remark, Surveyed
    from foveate.tasks.telling import Measured, TaskReport, ToExplain


@dataclass(frozen=True)
class Multilabel(Task):
    """Any number of labels a picture, each there or not.

    labels: their names, in the order of the network's outputs. temperature: what the outputs are divided by
    before the sigmoid. thresholds: from which probability on each label is given; 0.5 where none are known.

    Raises InputError for names that are empty, too long, no text, or there twice.
    """

    name: ClassVar[str] = "multilabel"
    hub_tag: ClassVar[str] = "image-classification"
    learner: ClassVar[str] = "foveate.tasks.multilabel.learn:MultilabelLearner"
    metrics: ClassVar[tuple[Metric, ...]] = (MAP, MACRO_F1, MICRO_F1, EXACT_MATCH)
    label_scores: ClassVar[str | None] = PROBABILITIES
    document: ClassVar[type] = PredictionDocument
    fewest_groups: ClassVar[int] = 1
    needs: ClassVar[str] = "A multi-label network needs a label with pictures"
    columns_needed: ClassVar[str] = "a column 'labels' (several with ; | or , between) or columns of 0 and 1"
    known_columns: ClassVar[tuple[str, ...]] = ("labels", "label")  # of the latter the user has to say it
    no_use: ClassVar[Mapping[str, str]] = {
        "unsure_precision": "each label has a threshold of its own, chosen for its F1"
    }

    labels: tuple[str, ...] = ()
    temperature: float = 1.0
    thresholds: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", check_classes(self.labels))
        object.__setattr__(self, "thresholds", tuple(self.thresholds) or (UNKNOWN,) * len(self.labels))
        ok = is_number(self.temperature) and math.isfinite(self.temperature) and self.temperature > 0
        need(ok, "temperature", "a number above 0", self.temperature)
        count = len(self.labels)
        need(len(self.thresholds) == count, "thresholds", f"{count} numbers", len(self.thresholds))
        for value in self.thresholds:
            need(is_number(value) and 0 <= value <= 1, "thresholds", "numbers from 0 to 1", value)

    @classmethod
    def answer_columns(cls, columns: Mapping[str, Sequence[Any]], *, asked: bool = False) -> tuple[str, ...]:
        if found := [name for name in cls.known_columns[: 2 if asked else 1] if name in columns]:
            return (found[0],)
        if asked:  # what is no 0 or 1 further down is then refused with its line
            return tuple(name for name, cells in columns.items() if reading.is_flag(cells[0]))
        # a table of another kind may have a column of 0 and 1 beside its answers
        every = all(reading.is_flag(cell) for cells in columns.values() for cell in cells)
        return tuple(columns) if every and len(columns) > 1 else ()

    @classmethod
    def parsed(cls, cells: Mapping[str, Any]) -> reading.Answer:
        name, *more = cells
        return (
            reading.in_cell(name, cells[name])
            if name in cls.known_columns and not more
            else reading.flags(cells)
        )

    @classmethod
    def holds_array(cls, array: NDArray[Any], *, asked: bool = False) -> bool:
        if array.ndim != 2 or array.dtype.kind not in "biuf" or not np.isin(array, (0, 1)).all():
            return False
        # one 1 in every row is how one class a picture is often written
        return asked or not (array.sum(axis=1) == 1).all()

    @classmethod
    def in_array(cls, array: NDArray[Any], names: Sequence[str] | None) -> Sequence[reading.Answer]:
        if array.ndim != 2 or array.dtype.kind not in "biuf" or not np.isin(array, (0, 1)).all():
            raise InputError(
                f"several labels a picture are 0 and 1, (N, labels), not {array.dtype} {array.shape}."
            )
        labels = [f"label {i}" for i in range(array.shape[1])] if names is None else [str(n) for n in names]
        if len(labels) != array.shape[1]:
            raise InputError(f"{array.shape[1]} columns of labels need as many names, not {len(labels)}.")
        return [dict(zip(labels, row, strict=True)) for row in (array > 0).tolist()]

    @classmethod
    def of(cls, answers: Mapping[str, Sequence[Any]], *, fewest: int | None = None) -> Multilabel:
        """The labels in the order of their columns; of cells with several, sorted."""
        names: dict[str, dict[str, None]] = {}
        for key, given in answers.items():
            columns = {name: None for answer in given if isinstance(answer, Mapping) for name in answer}
            listed_ones = {name for answer in given if not isinstance(answer, Mapping) for name in answer}
            names[key] = {**columns, **dict.fromkeys(sorted(listed_ones))}
        for key, found in names.items():
            if unseen := [name for name in found if name not in names["train"]]:
                raise DatasetError(
                    f"has pictures of {listed(unseen)} in {key} and none in train; add training pictures of "
                    f"it, or leave it out of {key}."
                )
        if not names["train"]:
            raise DatasetError("has no picture with a label; a multi-label network needs one at least.")
        return cls(tuple(names["train"]))

    @property
    def purpose(self) -> str:
        return f"Says which of {plural(len(self.labels), 'label')} a picture has"

    @property
    def shown(self) -> Metric:
        return EXACT_MATCH

    @property
    def mirror_safe(self) -> bool:
        return not looks_like_characters(self.labels)

    @property
    def outputs(self) -> tuple[Output, ...]:
        return (Output(PROBABILITIES, (len(self.labels),), low=0.0, high=1.001),)

    def to_dict(self) -> dict[str, Any]:
        return {
            "labels": list(self.labels),
            "temperature": self.temperature,
            "thresholds": list(self.thresholds),
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Multilabel:
        found = exact_keys(dict(document), {"labels", "temperature", "thresholds"}, "task")
        for field in ("labels", "thresholds"):
            need(isinstance(found[field], list), f"task.{field}", "a list", found[field])
        return cls(tuple(found["labels"]), found["temperature"], tuple(found["thresholds"]))

    def targets(self, answers: Iterable[object]) -> LabelTargets:
        """From rows of 0 and 1, (N, K), or for each picture a list, a text of a table, or label -> bool."""
        if isinstance(answers, np.ndarray) and answers.dtype.kind in "biuf":
            if answers.shape[1:] != (len(self.labels),) or not np.isin(answers, (0, 1)).all():
                wanted = f"0 and 1, (N, {len(self.labels)})"
                raise InputError(f"labels: expected {wanted}, found {answers.dtype} {answers.shape}.")
            return LabelTargets(answers)
        place = {name: number for number, name in enumerate(self.labels)}
        given = [self._names(answer) for answer in answers]
        present = np.zeros((len(given), len(self.labels)), np.uint8)
        for row, names in enumerate(given):
            for name in names:
                if name not in place:
                    known = f"one of the model's {len(self.labels)}, such as {self.labels[0]!r}"
                    raise InputError(f"label {name!r}: expected {known}.")
                present[row, place[name]] = 1
        return LabelTargets(present)

    def _names(self, answer: object) -> Iterable[Any]:
        if isinstance(answer, str):
            return reading.in_cell("labels", answer)
        if not isinstance(answer, Iterable):
            raise InputError(f"labels: expected several for a picture, or none, found {answer!r:.40}.")
        values = list(answer)
        if not isinstance(answer, Mapping):
            if any(isinstance(value, str) for value in values) or len(values) != len(self.labels):
                return values
            answer = reading.flags(dict(zip(self.labels, values, strict=True)))
        return [name for name, there in answer.items() if there]

    def why_not(self, targets: Targets) -> str | None:
        if not isinstance(targets, LabelTargets):
            return f"{type(targets).__name__}, not the labels of its pictures"
        if targets.present.shape[1] != len(self.labels):
            return f"{targets.present.shape[1]} labels a picture, where there are {len(self.labels)}"
        if targets.present.max(initial=0) > 1:
            return "labels that are neither 0 nor 1"
        return None

    def counts(self, targets: Targets) -> NDArray[np.int64]:
        return _present(targets).sum(axis=0, dtype=np.int64)

    def remarks(self, splits: Mapping[str, Surveyed]) -> list[Remark]:
        """Pictures without a label, and labels that never part, in the pictures that are learnt from."""
        from foveate.tasks.surveyed import Remark

        key = "train" if "train" in splits else next(iter(splits))
        present = _present(splits[key].readable)
        found: list[Remark] = []
        if without := int((~present.any(axis=1)).sum()):
            said = f"{plural(without, 'picture')} of {len(present):,} without a label."
            found.append(Remark("no-label", "note", said))
        counts = present.sum(axis=0, dtype=np.int64)
        if everywhere := [n for n, c in zip(self.labels, counts, strict=True) if 0 < c == len(present)]:
            said = f"Every picture has {listed(everywhere)}: what it looks like cannot be learnt from these."
            found.append(Remark("label-everywhere", "warning", said))
        _, same = np.unique(present, axis=1, return_inverse=True)
        for column in np.unique(same):
            together = [
                self.labels[i] for i in np.flatnonzero(same == column) if 0 < counts[i] < len(present)
            ]
            if len(together) > 1:
                said = f"{listed(together)} always occur together: a network cannot tell them apart."
                found.append(Remark("labels-together", "warning", said))
        return found

    def matrix(self, targets: Targets) -> NDArray[np.float64]:
        return _present(targets).astype(np.float64)

    def balanced(self, targets: Targets) -> tuple[float, ...]:
        """Pictures without a label by pictures with it (torch's ``pos_weight``); 1 for one without any."""
        counts = self.counts(targets)
        return tuple(float((len(targets) - n) / n) if n else 1.0 for n in counts.tolist())

    def cells(self, targets: Targets) -> Sequence[str]:
        return [", ".join(names) or "no label" for names in self._named(targets)]

    def table(self, targets: Targets) -> Mapping[str, Sequence[str]]:
        return {"labels": [reading.as_cell(names) for names in self._named(targets)]}

    def _named(self, targets: Targets) -> list[list[str]]:
        return [[self.labels[i] for i in np.flatnonzero(row)] for row in _present(targets)]

    def same_labels(self, other: Task, targets: Targets) -> LabelTargets:
        present, place = _present(targets), {name: number for number, name in enumerate(other.labels)}
        if unknown := [
            n for n, count in zip(self.labels, self.counts(targets), strict=True) if count and n not in place
        ]:
            raise DatasetError(
                f"has pictures of {listed(unknown)}, unknown where the labels are {listed(other.labels)}; "
                "rename the label or leave it out."
            )
        found = np.zeros((len(present), len(other.labels)), np.uint8)
        for number, name in enumerate(self.labels):
            if name in place:
                found[:, place[name]] = present[:, number]
        return LabelTargets(found)

    def predictions(self, values: Values, limit: int = 5) -> list[Prediction]:
        rows, thresholds = values[PROBABILITIES], np.array(self.thresholds)
        unlikeness = values[UNLIKENESS.name].tolist() if UNLIKENESS.name in values else [None] * len(rows)
        return [
            in_words(row, self.labels, thresholds, limit, unlikeness=measured)
            for row, measured in zip(rows, unlikeness, strict=True)
        ]

    def columns(self, limit: int = 5) -> list[str]:
        told = range(1, min(limit, len(self.labels)) + 1)
        return ["labels", *(f"{word}_{n}" for n in told for word in ("label", "probability"))]

    def answers(self, values: Values) -> NDArray[np.int64]:
        """(N, K) of 0 and 1: scikit-learn's label indicator."""
        return (values[PROBABILITIES] >= np.array(self.thresholds)).astype(np.int64)

    # What measures and tells is imported when it is asked for, so that predicting starts without it.

    def evaluate(self, values: Values, targets: Targets) -> Evaluation:
        from foveate.tasks.multilabel.metrics import evaluate

        return evaluate(values[PROBABILITIES], _present(targets), self.labels, np.array(self.thresholds))

    def score(self, values: Values, targets: Targets) -> float:
        """The subset accuracy."""
        return self.evaluate(values, targets).exact_match

    def to_explain(self, measured: Measured) -> list[ToExplain]:
        from foveate.tasks.multilabel.report import to_explain

        return to_explain(self, measured)

    def report(self, measured: Measured) -> TaskReport:
        from foveate.tasks.multilabel.report import label_report

        return label_report(self, measured)


def _present(targets: Targets) -> NDArray[np.uint8]:
    if not isinstance(targets, LabelTargets):
        raise TypeError(f"several labels are given label targets, not {type(targets).__name__}")
    return targets.present
