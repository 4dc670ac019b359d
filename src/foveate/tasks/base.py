"""What an answer is: the part of a task that runs without torch.

A `Task` is a kind of answer together with its labels: what a network must put out, what that says of a
picture, how good it is, how it is written into ``config.json``. Rooms are given a task and ask it; none asks
which one it is. Its other half, which trains, is a `foveate.tasks.learning.Learner`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Self,
)

import numpy as np
from numpy.typing import NDArray

from foveate.errors import InputError
from foveate.strict_json import exact_keys
from foveate.tasks.data_side import DataSide
from foveate.tasks.measures import LOSS, PROBABILITY, Evaluation, Metric
from foveate.tasks.prediction import Colour, Prediction
from foveate.tasks.targets import Targets
from foveate.tasks.values import Output, Values
from foveate.words import setting

if TYPE_CHECKING:
    from foveate.tasks.telling import Measured, TaskReport, ToExplain

# ONNX Runtime at work: names of outputs, inputs by name, and the most seconds that it may take, to arrays.
Runs = Callable[[Sequence[str], Mapping[str, Any], float], list[Any]]


class Task(DataSide):
    """A kind of answer with its labels: a frozen dataclass that `foveate.tasks.register_task` makes known."""

    learner: ClassVar[str]  # its torch half, "module:class"
    metrics: ClassVar[tuple[Metric, ...]]  # the first is what training selects by where nothing is said
    says: ClassVar[Metric] = PROBABILITY  # what the first output tells of each label
    label_scores: ClassVar[str | None] = None  # the output that has a number from 0 to 1 for each label
    document: ClassVar[type]  # the TypedDict that `Prediction.to_dict` gives
    hub_tag: ClassVar[str] = ""  # what hubs call models for it: "image-classification"
    no_use: ClassVar[Mapping[str, str]] = {}  # settings of a training that mean nothing for it: why
    # Whether mirror images are learnt from only where the pictures show that they have the same answer; else
    # they are wherever the pictures do not show that they have another.
    mirrors_on_proof: ClassVar[bool] = False
    # Whether an answer is one row of numbers a picture, which a linear model on what a network sees of the
    # whole picture can give; else every place of a picture has an answer of its own.
    whole_picture: ClassVar[bool] = True
    # Of answers that have a place in the picture: the network where none is named, from chance and, for
    # photographs, on a trunk that was learnt; and the recipes of both.
    usual_networks: ClassVar[tuple[str, str]] = ("", "")
    usual_recipes: ClassVar[tuple[str, str]] = ("", "")
    halves: ClassVar[bool] = True  # whether its answers suit pictures of half their sides, for a beginning
    draws: ClassVar[str] = ""  # what its answers are as pictures (`Drawn`); empty: no pictures
    parts: ClassVar[tuple[str, ...]] = ()  # files beside model.onnx that `driven` drives
    # Of `columns` those that hold texts, whatever they look like: "7" is a label. label_2 is one of label's.
    text_columns: ClassVar[frozenset[str]] = frozenset(("label", "labels", "caption"))

    @property
    def shown(self) -> Metric:
        """The metric that training shows as it goes: one that is a mean over pictures."""
        return self.metrics[0]

    @property
    def mirror_safe(self) -> bool:
        """Whether mirror images may have the same answer; False for letters and digits, say."""
        return True

    @property
    @abstractmethod
    def purpose(self) -> str:
        """What a model does, in words: "Sorts pictures into 3 classes"."""

    @property
    @abstractmethod
    def outputs(self) -> tuple[Output, ...]:
        """What ``model.onnx`` gives, in order."""

    @property
    def searched(self) -> tuple[Output, ...]:
        """What a search gives besides (`with_beam`)."""
        return ()

    @property
    def network_options(self) -> Mapping[str, Any]:
        """Options of networks that its answers decide, for those that have them."""
        return {}

    @property
    def palette(self) -> Sequence[Colour]:
        """(K,) the colour of each label in pictures of the answers, for a task that draws."""
        return ()

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; `from_dict` gives an equal task back."""
        return {}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        """Raises InputError, naming the field, what was expected and what was found."""
        exact_keys(dict(document), set(), "task")
        return cls()

    def raw_shape(self, height: int, width: int) -> tuple[int | None, ...]:
        """The shape of what a network puts out for a picture of this size, before `Learner.answer`.

        None of an axis that may have any length.
        """
        return (len(self.labels),)

    def takes_outputs(self, shape: Sequence[int], height: int, width: int) -> bool:
        """Whether a network's outputs, (N, ...) of pictures of this size, are of that shape."""
        expected = self.raw_shape(height, width)
        pairs = zip(shape[1:], expected, strict=False)
        return len(shape) == len(expected) + 1 and all(want in {None, found} for found, want in pairs)

    def same_labels(self, other: Task, targets: Targets) -> Targets:
        """These targets as ``other`` has them, by the labels' names. Raises DatasetError as `of` does."""
        return targets

    @abstractmethod
    def predictions(self, values: Values, limit: int = 5) -> Sequence[Prediction]:
        """What the outputs say of each picture; ``limit``: how many labels of many are told."""

    @abstractmethod
    def columns(self, limit: int = 5) -> Sequence[str]:
        """The header of a table of predictions with at most ``limit`` labels each."""

    def rows(self, prediction: Prediction) -> Sequence[Sequence[str]]:
        """The rows of a picture in a table under `columns`: one, unless it has an answer for each thing."""
        return [prediction.cells()]

    def with_threshold(self, threshold: float) -> Self:
        """The same that tells of what it is at least so sure of. Raises InputError for a task without one."""
        raise InputError(f"a model for {self.name} has no threshold to choose.")

    def with_beam(self, beam: int) -> Self:
        """The same that searches among so many answers at once. Raises InputError for a task without."""
        raise InputError(f"a model for {self.name} has nothing to search among.")

    def with_choices(self, *, beam: int | None, threshold: float | None) -> Self:
        """`with_beam` and `with_threshold`, of those that are given."""
        task = self if beam is None else self.with_beam(beam)
        return task if threshold is None else task.with_threshold(threshold)

    def driven(self, parts: Mapping[str, Runs]) -> Runs | None:
        """What gives the outputs, and those that are `searched`, in the place of ``model.onnx``.

        parts: those of the folder that `parts` names.
        """
        return None

    def coco(self, told: Sequence[tuple[str, Prediction]]) -> dict[str, Any]:
        """Predictions, each with its picture's name, as COCO's JSON. Raises InputError for a task without."""
        raise InputError(f"a model for {self.name} finds no things that COCO's JSON could hold.")

    def suggested(self, prediction: Prediction) -> tuple[str, float]:
        """The one label that a prediction tells, and how sure it is. Raises InputError for a task without."""
        raise InputError(
            f"a model for {self.name} does not tell one label a picture, which annotation programs could "
            f"show; boxes they take as COCO's JSON: {setting('coco', 'FILE')}."
        )

    @abstractmethod
    def answers(self, values: Values) -> NDArray[Any]:
        """(N, ...) the answers alone, as scikit-learn's ``predict`` gives them."""

    def agree(self, values: Values, others: Values) -> NDArray[np.bool_]:
        """(N,) whether two networks give a picture the same answer."""
        answers, found = self.answers(values), self.answers(others)
        return np.all((answers == found).reshape(len(answers), -1), axis=1)

    def apart(self, values: Values, others: Values) -> float:
        """How far the answers of two runs of one network lie apart, 0 to 1: the most that a score differs.

        What asks has no score for each label: the share of pictures that are answered otherwise.
        """
        if self.label_scores is None:
            return float(1 - self.agree(values, others).mean())
        return float(np.abs(values[self.label_scores] - others[self.label_scores]).max())

    @abstractmethod
    def evaluate(self, values: Values, targets: Targets) -> Evaluation:
        """Raises InputError where there is nothing to measure."""

    def score(self, values: Values, targets: Targets) -> float:
        """What scikit-learn's ``score`` is for such answers: the headline's value, unless it is another."""
        return self.evaluate(values, targets).headline.value

    def to_explain(self, measured: Measured) -> Sequence[ToExplain]:
        """The pictures of which the report shows what spoke for their answers, the most telling first."""
        return ()

    @abstractmethod
    def report(self, measured: Measured) -> TaskReport:
        """What a report and a model card say; `foveate.tasks.telling.plain_report` is the least."""

    def beside(self) -> Mapping[str, str]:
        """Texts that are written beside pictures of its answers, by file name, for a task that draws."""
        return {}

    def order(self, said: NDArray[np.floating]) -> NDArray[np.int64]:
        """The labels in the order in which they are told of a picture: first what its answer goes by.

        said: (K,) what the first output tells of each.
        """
        return np.argsort(-said, kind="stable")

    def metric(self, column: str) -> Metric:
        """The metric of a history's column, such as ``val_accuracy``. Raises InputError."""
        known = {f"val_{metric.name}": metric for metric in self.metrics}
        known["val_loss"] = LOSS
        if column not in known:
            raise InputError(f"Select by {', '.join(known)} or last, not {column!r}.")
        return known[column]
