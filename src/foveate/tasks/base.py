"""What an answer is: the part of a task that runs without torch.

A `Task` is a kind of answer together with its labels: what a network must put out, what that says of a
picture, how good it is, how it is written into ``config.json``. Rooms are given a task and ask it; none asks
which one it is. Its other half, which trains, is a `foveate.tasks.learning.Learner`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    NamedTuple,
    Protocol,
    Self,
)

import numpy as np
from numpy.typing import ArrayLike, NDArray

from foveate.errors import InputError
from foveate.strict_json import exact_keys
from foveate.tasks.prediction import Colour, Prediction
from foveate.tasks.values import Output, Values
from foveate.words import percent, setting

if TYPE_CHECKING:
    from foveate.images.preprocess import Preprocessing
    from foveate.tasks.sections import Table
    from foveate.tasks.surveyed import Remark, Surveyed, TableAnswers, TableRow
    from foveate.tasks.telling import Measured, TaskReport, ToExplain

# ONNX Runtime at work: names of outputs, inputs by name, and the most seconds that it may take, to arrays.
Runs = Callable[[Sequence[str], Mapping[str, Any], float], list[Any]]
Allocate = Callable[[tuple[int, ...]], NDArray[np.uint8]]


@dataclass(frozen=True)
class Metric:
    """A number by which training may select: ``val_<name>`` in the history."""

    name: str
    higher_is_better: bool = True
    is_fraction: bool = True  # told in percent
    title: str = ""  # for people, where it is not the name

    @property
    def words(self) -> str:
        """``macro-F1``"""
        return self.title or self.name.replace("_", " ")

    @property
    def heading(self) -> str:
        """``Macro-F1``"""
        return self.words[0].upper() + self.words[1:]

    def told(self, value: float, digits: int = 1) -> str:
        """``87.4 %``, or four significant digits."""
        return percent(value, digits) if self.is_fraction else f"{value:.4g}"

    def plain(self, value: float) -> str:
        """The same for a terminal: ``87.4%``."""
        return f"{value:.1%}" if self.is_fraction else f"{value:.4g}"


LOSS = Metric("loss", higher_is_better=False, is_fraction=False)  # which every task has
PROBABILITY = Metric("probability")


class StoredAnswer(NamedTuple):
    """A picture's answer as it is kept outside this program.

    values: plain JSON values. files: bytes that it needs beside them, by ending, such as "mask.png".
    """

    values: Mapping[str, Any]
    files: Mapping[str, bytes] = MappingProxyType({})


class KeptAnswer(NamedTuple):
    """The same again; its files are read when they are asked for, from several threads."""

    values: Mapping[str, Any]
    file: Callable[[str], bytes]


class Targets(Protocol):
    """The right answers of N pictures."""

    def __len__(self) -> int: ...

    def take(self, rows: ArrayLike) -> Self:
        """Those of these pictures, in this order."""
        ...

    @property
    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """What a training batch holds of them, by name; row i of each belongs to picture i."""
        ...

    @property
    def keys(self) -> NDArray[np.int64]:
        """(N,) equal numbers, of 32 bits, for equal answers; the same in every run."""
        ...

    @property
    def strata(self) -> NDArray[np.int64]:
        """(N,) of 0 and more: groups whose shares a division into splits keeps."""
        ...


class Evaluation(Protocol):
    """How good answers are on N pictures."""

    @property
    def samples(self) -> int: ...

    @property
    def headline(self) -> Headline: ...

    def scores(self) -> dict[str, float | int]:
        """The few numbers for ``config.json``."""
        ...

    def lines(self, pictures: str) -> Sequence[str]:
        """The whole in words; pictures: what was measured on, such as "pictures of test"."""
        ...

    def tables(self) -> Sequence[Table]:
        """What there is to tell beside that."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """All of it, in plain JSON values."""
        ...


class Headline(NamedTuple):
    """The one number to quote, with its 95 % interval, and what a constant answer would reach."""

    metric: Metric
    value: float
    interval: tuple[float, float]
    constant: float


class Task(ABC):
    """A kind of answer with its labels: a frozen dataclass that `foveate.tasks.register_task` makes known."""

    name: ClassVar[str]
    learner: ClassVar[str]  # its torch half, "module:class"
    metrics: ClassVar[tuple[Metric, ...]]  # the first is what training selects by where nothing is said
    says: ClassVar[Metric] = PROBABILITY  # what the first output tells of each label
    label_scores: ClassVar[str | None] = None  # the output that has a number from 0 to 1 for each label
    document: ClassVar[type]  # the TypedDict that `Prediction.to_dict` gives
    hub_tag: ClassVar[str] = ""  # what hubs call models for it: "image-classification"
    fewest_groups: ClassVar[int] = 0  # with pictures, without which there is nothing to learn
    needs: ClassVar[str] = ""  # the same in words
    called: ClassVar[str] = "labels"  # what its labels are to people
    no_use: ClassVar[Mapping[str, str]] = {}  # settings of a training that mean nothing for it: why
    called_one: ClassVar[str] = "label"
    # Whether mirror images are learnt from only where the pictures show that they have the same answer; else
    # they are wherever the pictures do not show that they have another.
    mirrors_on_proof: ClassVar[bool] = False
    compares_with_training: ClassVar[bool] = False  # whether `beside_training` tells something
    one_right_answer: ClassVar[bool] = True  # whether two answers to one picture contradict each other
    may_ignore: ClassVar[bool] = False  # whether parts of an answer can be left out: a pixel that is void
    # Whether an answer is one row of numbers a picture, which a linear model on what a network sees of the
    # whole picture can give; else every place of a picture has an answer of its own.
    whole_picture: ClassVar[bool] = True
    # Of answers that have a place in the picture: the network where none is named, from chance and, for
    # photographs, on a trunk that was learnt; and the recipes of both.
    usual_networks: ClassVar[tuple[str, str]] = ("", "")
    usual_recipes: ClassVar[tuple[str, str]] = ("", "")
    halves: ClassVar[bool] = True  # whether its answers suit pictures of half their sides, for a beginning
    draws: ClassVar[str] = ""  # what its answers are as pictures (`Drawn`); empty: no pictures
    columns_needed: ClassVar[str] = ""  # by a table that holds answers of it, in words
    parts: ClassVar[tuple[str, ...]] = ()  # files beside model.onnx that `driven` drives
    file_columns: ClassVar[frozenset[str]] = frozenset()  # of a table, that name files in its folder
    known_columns: ClassVar[tuple[str, ...]] = ("label",)  # that mean something, in whatever letters

    @classmethod
    def answer_columns(cls, columns: Mapping[str, Sequence[Any]], *, asked: bool = False) -> tuple[str, ...]:
        """The columns of a table that hold answers of this kind; none where it holds others.

        columns: texts, or what JSON has, a value a row. asked: whether the user says that it is this kind.
        """
        return ()

    @classmethod
    def parsed(cls, cells: Mapping[str, Any]) -> Any:
        """A row's answer, as `of` and `targets` take it; ``cells`` are those of its `answer_columns`.

        Raises InputError, or DatasetError in words that follow the line's name.
        """
        raise InputError(f"A {cls.name} is not read from a table.")

    @classmethod
    def of_table(
        cls, rows: Mapping[str, Sequence[TableRow]], folder: str, ignore: Sequence[str]
    ) -> TableAnswers:
        """The answers of a table in a folder, by split, where what they mean shows in all of them together.

        ignore: what in answers is to be left out, where it `may_ignore`. Raises DatasetError.
        """
        return {split: [answer for answer, _ in of] for split, of in rows.items()}, ()

    @classmethod
    def holds_array(cls, array: NDArray[Any], *, asked: bool = False) -> bool:
        """Whether answers in an array, (N, ...), are of this kind. asked: the user says so."""
        return False

    @classmethod
    def in_array(cls, array: NDArray[Any], names: Sequence[str] | None) -> Sequence[Any]:
        """The answers in such an array, as `of` takes them. names: of its columns. Raises InputError."""
        raise InputError(f"A {cls.name} is not read from an array.")

    @classmethod
    @abstractmethod
    def of(cls, answers: Mapping[str, Sequence[Any]], *, fewest: int | None = None) -> Self:
        """The task that answers of people make, by split; its labels are those of ``train``.

        fewest: of which so many labels are enough, where that is less than learning takes. Raises
        DatasetError in words that follow the data set's name: "has pictures of 'a' in val and none in train".
        """

    @property
    @abstractmethod
    def labels(self) -> tuple[str, ...]:
        """The names of the K numbers that a network of this task puts out: (N, K)."""

    @property
    def groups(self) -> tuple[str, ...]:
        """The names of the groups that `counts` counts pictures of."""
        return self.labels

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

    @abstractmethod
    def targets(self, answers: Iterable[object]) -> Targets:
        """Answers as people write them, one a picture. Raises InputError for one that it does not know."""

    def why_not(self, targets: Targets) -> str | None:
        """What is wrong with targets for this task, in words that follow "has"; None if nothing is."""
        return None

    def counts(self, targets: Targets) -> NDArray[np.int64]:
        """(groups,) pictures of each group; for a task without groups."""
        return np.zeros(0, np.int64)

    def together(self, targets: Targets) -> NDArray[np.int64]:
        """(N,) equal numbers from 0 up for pictures that are never divided between training and measuring,
        whatever they look like; -1 of those that stand alone.
        """
        return np.full(len(targets), -1, np.int64)

    def class_numbers(self, targets: Targets) -> NDArray[np.int64]:
        """(N,) the one group of each picture. Raises InputError where a picture has not just one."""
        raise InputError(f"A {self.name} has no single class a picture.")

    def raw_shape(self, height: int, width: int) -> tuple[int | None, ...]:
        """The shape of what a network puts out for a picture of this size, before `Learner.answer`.

        None of an axis that may have any length.
        """
        return (len(self.labels),)

    def enough_pixels(self, targets: Targets) -> int | None:
        """How many pixels pictures need for their answers to be seen; None where the answers do not tell."""
        return None

    def takes_outputs(self, shape: Sequence[int], height: int, width: int) -> bool:
        """Whether a network's outputs, (N, ...) of pictures of this size, are of that shape."""
        expected = self.raw_shape(height, width)
        pairs = zip(shape[1:], expected, strict=False)
        return len(shape) == len(expected) + 1 and all(want in {None, found} for found, want in pairs)

    def placed(self, targets: Targets, preprocessing: Preprocessing, allocate: Allocate) -> Targets:
        """The targets as they lie on the network's input, for training; of whole pictures they are the same.

        allocate: gives an array of a shape, on disk where it is too large for the memory.
        """
        return targets

    def beside_training(
        self, targets: Targets, pixels: NDArray[np.uint8], known: Targets, known_pixels: NDArray[np.uint8]
    ) -> Targets:
        """The targets of pictures that are measured, with what a comparison with training pictures tells.

        pixels, known_pixels: (N, H, W, C) and (M, H, W, C), of these and of the training pictures.
        """
        return targets

    def matrix(self, targets: Targets) -> NDArray[np.float64]:
        """(N, K) what the network's numbers should be, after `Learner.answer` without calibration.

        Raises InputError for a task whose answers are more than a row of numbers.
        """
        raise InputError(f"A {self.name} has more than one row of numbers a picture.")

    def balanced(self, targets: Targets) -> tuple[float, ...]:
        """(K,) what an example of each label counts so that all weigh alike. Raises InputError."""
        raise InputError(f"A {self.name} has no labels that could be rare.")

    def usual_weights(self, targets: Targets) -> tuple[float, ...] | None:
        """(K,) what an example of each label counts where nobody says; None: all alike."""
        return None

    @abstractmethod
    def cells(self, targets: Targets) -> Sequence[str]:
        """Each answer in a few words, for people."""

    def table(self, targets: Targets) -> Mapping[str, Sequence[str]]:
        """The answers as columns of a table; `answer_columns` and `parsed` read them again."""
        return {"label": self.cells(targets)}

    def stored(self, targets: Targets, row: int) -> StoredAnswer:
        """A picture's answer as it is kept; `restored` gives an equal one back. Raises DatasetError."""
        columns = self.table(targets.take([row]))
        return StoredAnswer({name: cells[0] for name, cells in columns.items()})

    def restored(self, answers: Sequence[KeptAnswer]) -> Targets:
        """The targets that `stored` was given. Raises InputError for what it did not write."""
        return self.targets(self.parsed(one.values) for one in answers)

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

    def fault(self, targets: Targets, row: int, size: tuple[int, int] | None = None) -> str | None:
        """Why a picture cannot be used for what its answer is, where that is in a file of its own.

        size: of the picture as people see it, width and height, where it is known. From several threads.
        """
        return None

    def remarks(self, splits: Mapping[str, Surveyed]) -> Sequence[Remark]:
        """What is remarkable in the answers."""
        return ()

    def shares(self, splits: Mapping[str, Surveyed]) -> Table | None:
        """What the answers are made of, where that is more than how many pictures each group has."""
        return None

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
