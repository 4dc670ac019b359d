"""One class a picture: which classes there are, and how sure an answer must be."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from foveate.errors import DatasetError, InputError, listed
from foveate.strict_json import exact_keys, is_number, need, short
from foveate.tasks.base import Task
from foveate.tasks.classification.answers import Prediction, PredictionDocument, in_words
from foveate.tasks.classification.labels import looks_like_characters
from foveate.tasks.classification.names import ACCURACY, MACRO_F1, PROBABILITIES
from foveate.tasks.classification.targets import ClassTargets
from foveate.tasks.classification.threshold import UnsureRule
from foveate.tasks.labels import label_numbers, numbered
from foveate.tasks.measures import Metric
from foveate.tasks.prediction import Prediction as AnyPrediction
from foveate.tasks.targets import Targets
from foveate.tasks.values import UNLIKENESS, Output, Values
from foveate.words import plural

if TYPE_CHECKING:
    from foveate.tasks.classification.metrics import Evaluation
    from foveate.tasks.telling import Measured, TaskReport, ToExplain

MAX_CLASSES = 100_000
MAX_NAME_LENGTH = 1_000  # characters of a class's name
_TOLD = ("label", "probability")  # of each class that a prediction names


@dataclass(frozen=True)
class Classification(Task):
    """One of several classes a picture.

    classes: their names, in the order of the network's outputs. temperature: what the outputs are divided by
    before softmax. unsure: below which probability an answer is unsure, where that is known.

    Raises InputError for names that are empty, too long, no text, or there twice.
    """

    name: ClassVar[str] = "classification"
    hub_tag: ClassVar[str] = "image-classification"
    learner: ClassVar[str] = "foveate.tasks.classification.learn:ClassificationLearner"
    metrics: ClassVar[tuple[Metric, ...]] = (ACCURACY, MACRO_F1)
    label_scores: ClassVar[str | None] = PROBABILITIES
    document: ClassVar[type] = PredictionDocument
    fewest_groups: ClassVar[int] = 2
    called: ClassVar[str] = "classes"
    called_one: ClassVar[str] = "class"
    needs: ClassVar[str] = "A classifier needs two classes with pictures"
    columns_needed: ClassVar[str] = "a column 'label'"

    classes: tuple[str, ...]
    temperature: float = 1.0
    unsure: UnsureRule | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", check_classes(self.classes))
        ok = is_number(self.temperature) and math.isfinite(self.temperature) and self.temperature > 0
        need(ok, "temperature", "a number above 0", self.temperature)

    @classmethod
    def answer_columns(cls, columns: Mapping[str, Sequence[Any]], *, asked: bool = False) -> tuple[str, ...]:
        return ("label",) if "label" in columns else ()

    @classmethod
    def parsed(cls, cells: Mapping[str, Any]) -> str:
        label = cells["label"]
        if isinstance(label, int) and not isinstance(label, bool):
            return str(label)
        if not isinstance(label, str):
            raise InputError(f"'label' must be a text, not {label!r:.40}.")
        if not label:
            raise DatasetError("has an empty 'label'; every picture needs one.")
        return label

    @classmethod
    def of(cls, answers: Mapping[str, Sequence[Any]], *, fewest: int | None = None) -> Classification:
        classes = sorted(set(answers["train"]))
        for key, names in answers.items():
            if unseen := sorted(set(names) - set(classes)):
                raise DatasetError(
                    f"has pictures of {listed(unseen)} in {key} and none in train; add training pictures of "
                    f"it, or leave it out of {key}."
                )
        needed = cls.fewest_groups if fewest is None else fewest
        if len(classes) < needed:
            raise DatasetError(
                f"has the one class {classes[0]!r}; a classifier needs at least {needed}: add pictures of "
                "another class."
            )
        return cls(tuple(classes))

    @classmethod
    def unnamed(cls, count: int) -> Classification:
        """Of so many classes that nobody has named."""
        return cls(numbered(count))

    @property
    def labels(self) -> tuple[str, ...]:
        return self.classes

    @property
    def purpose(self) -> str:
        return f"Sorts pictures into {plural(len(self.classes), 'class', 'classes')}"

    @property
    def mirror_safe(self) -> bool:
        return not looks_like_characters(self.classes)

    @property
    def outputs(self) -> tuple[Output, ...]:
        return (Output(PROBABILITIES, (len(self.classes),), low=0.0, high=1.001),)

    def to_dict(self) -> dict[str, Any]:
        unsure = None if self.unsure is None else self.unsure.to_dict()
        return {"classes": list(self.classes), "temperature": self.temperature, "unsure": unsure}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Classification:
        found = exact_keys(dict(document), {"classes", "temperature", "unsure"}, "task")
        need(isinstance(found["classes"], list), "task.classes", "a list", found["classes"])
        need(len(found["classes"]) > 1, "task.classes", f"2 to {MAX_CLASSES} names", len(found["classes"]))
        return cls(tuple(found["classes"]), found["temperature"], UnsureRule.from_dict(found["unsure"]))

    def targets(self, answers: Iterable[object]) -> ClassTargets:
        values = np.ravel(answers).tolist() if isinstance(answers, np.ndarray) else list(answers)
        numbers = label_numbers(values, self.classes)
        for value, number in zip(values, numbers, strict=True):
            if number is None:
                raise InputError(
                    f"label {value!r}: expected one of the model's {len(self.classes)} classes, such as "
                    f"{self.classes[0]!r}."
                )
        return ClassTargets(np.array(numbers, np.int64).reshape(-1))

    def why_not(self, targets: Targets) -> str | None:
        if not isinstance(targets, ClassTargets):
            return f"{type(targets).__name__}, not the classes of its pictures"
        low, high = targets.labels.min(initial=0), targets.labels.max(initial=0)
        if low < 0 or high >= len(self.classes):
            count = len(self.classes)
            return f"labels from {low} to {high}; {count} classes allow 0 to {count - 1}"
        return None

    def counts(self, targets: Targets) -> NDArray[np.int64]:
        return np.bincount(_labels(targets), minlength=len(self.classes)).astype(np.int64)

    def class_numbers(self, targets: Targets) -> NDArray[np.int64]:
        return _labels(targets)

    def matrix(self, targets: Targets) -> NDArray[np.float64]:
        return np.eye(len(self.classes))[_labels(targets)]

    def balanced(self, targets: Targets) -> tuple[float, ...]:
        """Inverse frequency, so scaled that the mean weight of a picture is 1; 0 for a class without."""
        counts = self.counts(targets)
        weights = counts.sum() / ((counts > 0).sum() * np.maximum(counts, 1))
        return tuple(float(w) for w in np.where(counts > 0, weights, 0.0))

    def cells(self, targets: Targets) -> Sequence[str]:
        return [self.classes[number] for number in _labels(targets)]

    def same_labels(self, other: Task, targets: Targets) -> ClassTargets:
        place = {name: number for number, name in enumerate(other.labels)}
        number_of = np.array([place.get(name, -1) for name in self.classes], np.int64)
        found = number_of[_labels(targets)]
        if (found < 0).any():
            unknown = [self.classes[number] for number in np.unique(_labels(targets)[found < 0])]
            raise DatasetError(
                f"has pictures of {listed(unknown)}, unknown where the classes are {listed(other.labels)}; "
                "rename the class or leave its pictures out."
            )
        return ClassTargets(found)

    def predictions(self, values: Values, limit: int = 5) -> list[Prediction]:
        rows = values[PROBABILITIES]
        unlikeness = values[UNLIKENESS.name].tolist() if UNLIKENESS.name in values else [None] * len(rows)
        return [
            in_words(row, self.classes, limit, unsure_below=self._threshold, unlikeness=measured)
            for row, measured in zip(rows, unlikeness, strict=True)
        ]

    def columns(self, limit: int = 5) -> list[str]:
        further = [f"{word}_{n}" for n in range(2, min(limit, len(self.classes)) + 1) for word in _TOLD]
        return [*_TOLD, *further, *(["unsure"] if self._threshold else [])]

    @property
    def _threshold(self) -> float:
        return 0.0 if self.unsure is None else self.unsure.unsure_below

    def suggested(self, prediction: AnyPrediction) -> tuple[str, float]:
        told = cast(Prediction, prediction)
        return told.label, told.probability

    def answers(self, values: Values) -> NDArray[np.str_]:
        return np.array(self.classes)[values[PROBABILITIES].argmax(axis=1)]

    # What measures and tells is imported when it is asked for: predicting one picture takes 0.3 s, and that
    # would be 15 % more.

    def evaluate(self, values: Values, targets: Targets) -> Evaluation:
        from foveate.tasks.classification.metrics import evaluate

        return evaluate(values[PROBABILITIES], _labels(targets), self.classes)

    def to_explain(self, measured: Measured) -> list[ToExplain]:
        from foveate.tasks.classification.report import to_explain

        return to_explain(self, measured)

    def report(self, measured: Measured) -> TaskReport:
        from foveate.tasks.classification.report import class_report

        return class_report(self, measured)


def check_classes(classes: Any) -> tuple[str, ...]:
    """The class names, in order: distinct texts of 1 to 1,000 characters. Raises InputError."""
    need(isinstance(classes, list | tuple), "classes", "a list of names", classes)
    need(1 <= len(classes) <= MAX_CLASSES, "classes", f"1 to {MAX_CLASSES} names", len(classes))
    bad = [name for name in classes if not (isinstance(name, str) and 0 < len(name) <= MAX_NAME_LENGTH)]
    need(not bad, "classes", f"texts of 1 to {MAX_NAME_LENGTH} characters", bad[0] if bad else None)
    if len(set(classes)) != len(classes):
        seen: set[str] = set()
        twice = next(name for name in classes if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise InputError(f"classes: expected different names, found {short(twice)} twice.")
    return tuple(classes)


def _labels(targets: Targets) -> NDArray[np.int64]:
    if not isinstance(targets, ClassTargets):
        raise TypeError(f"a classification is given class targets, not {type(targets).__name__}")
    return targets.labels
