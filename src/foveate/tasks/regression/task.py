"""One or several numbers a picture: what they are called, and how they were standardised."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from foveate import words
from foveate.errors import DatasetError, InputError, listed
from foveate.strict_json import exact_keys, is_int, is_number, need
from foveate.tasks.base import Task
from foveate.tasks.measures import Metric
from foveate.tasks.regression import reading
from foveate.tasks.regression.answers import Numbers, NumbersDocument, Said, decimals_of
from foveate.tasks.regression.intervals import Margins
from foveate.tasks.regression.names import MAE, R2, RMSE, VALUE, VALUES
from foveate.tasks.regression.targets import NumberTargets
from foveate.tasks.targets import Targets
from foveate.tasks.values import UNLIKENESS, Output, Values
from foveate.words import setting

if TYPE_CHECKING:
    from foveate.tasks.regression.metrics import Evaluation
    from foveate.tasks.surveyed import Remark, Surveyed
    from foveate.tasks.telling import Measured, TaskReport, ToExplain

MAX_NUMBERS = 10_000
MAX_NAME_LENGTH = 1_000  # characters of a number's name
ALIKE = 0.05  # of a standard deviation: two networks then say the same
_LARGEST = float(np.finfo(np.float32).max)
_NO_CLASSES = "a number has no classes"


@dataclass(frozen=True)
class Regression(Task):
    """K numbers a picture.

    names: of the numbers, in the order of the network's outputs. means, deviations: (K,) of the training
    pictures' numbers; the network learns how many deviations a number lies from the mean. margins: how far
    off an answer may be, where enough pictures were held out to tell.

    Raises InputError for names that are empty, too long or there twice, and numbers that do not fit.
    """

    name: ClassVar[str] = "regression"
    learner: ClassVar[str] = "foveate.tasks.regression.learn:RegressionLearner"
    metrics: ClassVar[tuple[Metric, ...]] = (R2, MAE, RMSE)
    says: ClassVar[Metric] = VALUE
    document: ClassVar[type] = NumbersDocument
    called: ClassVar[str] = "numbers"
    called_one: ClassVar[str] = "number"
    mirrors_on_proof: ClassVar[bool] = True  # angles and places change, and no name tells which do
    columns_needed: ClassVar[str] = "columns of numbers (1234.5)"
    text_columns: ClassVar[frozenset[str]] = frozenset()  # a number may be called "label"
    no_use: ClassVar[Mapping[str, str]] = {
        "class_weights": f"{_NO_CLASSES} that could be rare",
        "label_smoothing": f"{_NO_CLASSES} to spread a label over",
        "unsure_precision": "a number is not right or wrong; each comes with its 90 % interval",
    }

    names: tuple[str, ...]
    means: tuple[float, ...]
    deviations: tuple[float, ...]
    margins: Margins | None = None

    def __post_init__(self) -> None:
        need(isinstance(self.names, list | tuple), "names", "a list of names", self.names)
        names = tuple(self.names)
        need(1 <= len(names) <= MAX_NUMBERS, "names", f"1 to {MAX_NUMBERS} names", len(names))
        bad = [name for name in names if not (isinstance(name, str) and 0 < len(name) <= MAX_NAME_LENGTH)]
        need(not bad, "names", f"texts of 1 to {MAX_NAME_LENGTH} characters", bad[0] if bad else None)
        need(len(set(names)) == len(names), "names", "different names", names)
        object.__setattr__(self, "names", names)
        for field, low in (("means", -_LARGEST), ("deviations", 0.0)):
            object.__setattr__(self, field, _floats(getattr(self, field), field, len(names), low))
        need(min(self.deviations) > 0, "deviations", "numbers above 0", min(self.deviations))
        if self.margins is not None:
            widths = _floats(self.margins.half_widths, "margins.half_widths", len(names), 0.0)
            object.__setattr__(self, "margins", replace(self.margins, half_widths=widths))

    @classmethod
    def answer_columns(cls, columns: Mapping[str, Sequence[Any]], *, asked: bool = False) -> tuple[str, ...]:
        return reading.number_columns(columns, asked=asked)

    @classmethod
    def parsed(cls, cells: Mapping[str, Any]) -> dict[str, float]:
        return reading.parsed(cells)

    @classmethod
    def holds_array(cls, array: NDArray[Any], *, asked: bool = False) -> bool:
        return reading.is_number_array(array, asked=asked)

    @classmethod
    def in_array(cls, array: NDArray[Any], names: Sequence[str] | None) -> list[dict[str, float]]:
        return reading.in_array(array, names)

    @classmethod
    def of(cls, answers: Mapping[str, Sequence[Any]], *, fewest: int | None = None) -> Regression:
        """fewest: with 1, for data that are only measured on, all pictures may have the same number."""
        names = tuple(answers["train"][0])
        values = reading.rows_of(answers["train"], names)
        spread = values.max(axis=0) > values.min(axis=0)
        if fewest != 1 and not spread.all():
            name, value = next(
                (n, v) for n, v, varies in zip(names, values[0], spread, strict=True) if not varies
            )
            raise DatasetError(
                f"has the number {value:g} as {name!r} of every training picture: there is nothing to learn; "
                "add pictures of other numbers, or leave the column out."
            )
        means, deviations = values.mean(axis=0), np.where(spread, values.std(axis=0), 1.0)
        return cls(names, tuple(means.tolist()), tuple(deviations.tolist()))

    @property
    def labels(self) -> tuple[str, ...]:
        return self.names

    @property
    def groups(self) -> tuple[str, ...]:
        return ()

    @property
    def purpose(self) -> str:
        return f"Tells {words.listed(self.names)} of a picture"

    @property
    def outputs(self) -> tuple[Output, ...]:
        return (Output(VALUES, (len(self.names),), low=-_LARGEST, high=_LARGEST),)

    def to_dict(self) -> dict[str, Any]:
        margins = None if self.margins is None else self.margins.to_dict()
        lists = {field: list(getattr(self, field)) for field in ("names", "means", "deviations")}
        return {**lists, "margins": margins}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Regression:
        found = exact_keys(dict(document), {"names", "means", "deviations", "margins"}, "task")
        return cls(found["names"], found["means"], found["deviations"], _margins(found["margins"]))

    def with_margins(self, margins: Margins | None) -> Regression:
        return replace(self, margins=margins)

    def in_units(self, outputs: NDArray[Any]) -> NDArray[np.float64]:
        """What a network puts out, (N, K), as the numbers themselves."""
        return outputs * np.array(self.deviations) + np.array(self.means)

    def targets(self, answers: Iterable[object]) -> NumberTargets:
        return NumberTargets(reading.rows_of(answers, self.names))

    def why_not(self, targets: Targets) -> str | None:
        if not isinstance(targets, NumberTargets):
            return f"{type(targets).__name__}, not the numbers of its pictures"
        if targets.values.shape[1] != len(self.names):
            return (
                f"{targets.values.shape[1]} numbers a picture, not {len(self.names)} ({listed(self.names)})"
            )
        return None

    def counts(self, targets: Targets) -> NDArray[np.int64]:
        return np.zeros(0, np.int64)

    def matrix(self, targets: Targets) -> NDArray[np.float64]:
        return (numbers_of(targets) - np.array(self.means)) / np.array(self.deviations)

    def balanced(self, targets: Targets) -> tuple[float, ...]:
        raise InputError(f"{setting('class_weights', 'balanced')}: {self.no_use['class_weights']}.")

    def cells(self, targets: Targets) -> list[str]:
        return [", ".join(f"{value:.6g}" for value in row) for row in numbers_of(targets).tolist()]

    def table(self, targets: Targets) -> dict[str, list[str]]:
        columns = numbers_of(targets).T.tolist()
        return {name: [repr(value) for value in of] for name, of in zip(self.names, columns, strict=True)}

    def same_labels(self, other: Task, targets: Targets) -> NumberTargets:
        """By name; numbers that nobody has named are taken in their order."""
        values, names = numbers_of(targets), self.names
        if names == reading.numbered(len(other.labels)):
            names = other.labels
        if missing := [name for name in other.labels if name not in names]:
            raise DatasetError(
                f"has the numbers {listed(names)}, and not {listed(missing)}; name its columns as those that "
                "were learnt."
            )
        return NumberTargets(values[:, [names.index(name) for name in other.labels]])

    def predictions(self, values: Values, limit: int = 5) -> list[Numbers]:
        """All numbers are told: each is an answer of its own."""
        rows = values[VALUES].tolist()
        unlikeness = values[UNLIKENESS.name].tolist() if UNLIKENESS.name in values else [None] * len(rows)
        widths = [None] * len(self.names) if self.margins is None else self.margins.half_widths
        decimals = [decimals_of(deviation) for deviation in self.deviations]
        return [
            Numbers(tuple(map(Said, self.names, row, widths, decimals)), measured)
            for row, measured in zip(rows, unlikeness, strict=True)
        ]

    def columns(self, limit: int = 5) -> list[str]:
        ends = () if self.margins is None else ("_low", "_high")
        return [f"{name}{end}" for name in self.names for end in ("", *ends)]

    def answers(self, values: Values) -> NDArray[np.float32]:
        """(N,) of one number, (N, K) of several."""
        found = values[VALUES]
        return found[:, 0] if len(self.names) == 1 else found

    def agree(self, values: Values, others: Values) -> NDArray[np.bool_]:
        """Whether no number differs by more than a twentieth of its standard deviation."""
        off = np.abs(values[VALUES] - others[VALUES]) / np.array(self.deviations)
        return np.all(off <= ALIKE, axis=1)

    def apart(self, values: Values, others: Values) -> float:
        """In standard deviations of the number that differs most."""
        return float((np.abs(values[VALUES] - others[VALUES]) / np.array(self.deviations)).max())

    def order(self, said: NDArray[np.floating]) -> NDArray[np.int64]:
        """As the numbers stand in the data: none is more of an answer than another."""
        return np.arange(len(said))

    # What measures and tells is imported when it is asked for, as for a classification.

    def evaluate(self, values: Values, targets: Targets) -> Evaluation:
        from foveate.tasks.regression.metrics import evaluate

        widths = None if self.margins is None else self.margins.half_widths
        return evaluate(values[VALUES], numbers_of(targets), self.names, self.deviations, widths)

    def remarks(self, splits: Mapping[str, Surveyed]) -> list[Remark]:
        from foveate.tasks.regression.remarks import remarks_on

        return remarks_on({split: numbers_of(of.readable) for split, of in splits.items()}, self.names)

    def to_explain(self, measured: Measured) -> list[ToExplain]:
        from foveate.tasks.regression.report import to_explain

        return to_explain(self, measured)

    def report(self, measured: Measured) -> TaskReport:
        from foveate.tasks.regression.report import number_report

        return number_report(self, measured)


def numbers_of(targets: Targets) -> NDArray[np.float64]:
    """(N, K), in their own units."""
    if not isinstance(targets, NumberTargets):
        raise TypeError(f"a regression is given number targets, not {type(targets).__name__}")
    return targets.values


def _floats(values: Any, field: str, count: int, low: float) -> tuple[float, ...]:
    need(isinstance(values, list | tuple) and len(values) == count, field, f"{count} numbers", values)
    for value in values:
        ok = is_number(value) and math.isfinite(value) and low <= value <= _LARGEST
        need(ok, field, f"numbers of {low:.3g} and more", value)
    return tuple(map(float, values))


def _margins(document: Any) -> Margins | None:
    if document is None:
        return None
    found = exact_keys(document, {"half_widths", "coverage", "samples"}, "task.margins")
    ok = is_number(found["coverage"]) and 0 < found["coverage"] < 1
    need(ok, "task.margins.coverage", "a number between 0 and 1", found["coverage"])
    ok = is_int(found["samples"]) and found["samples"] >= 0
    need(ok, "task.margins.samples", "a number of pictures", found["samples"])
    need(isinstance(found["half_widths"], list), "task.margins.half_widths", "a list", found["half_widths"])
    return Margins(**found)
