"""What a task knows of the answers in a data set: how they are read, counted, divided, weighed and kept."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from foveate.errors import InputError
from foveate.tasks.targets import KeptAnswer, StoredAnswer, Targets

if TYPE_CHECKING:
    from foveate.images.preprocess import Preprocessing
    from foveate.tasks.sections import Table
    from foveate.tasks.surveyed import Remark, Surveyed, TableAnswers, TableRow

Allocate = Callable[[tuple[int, ...]], NDArray[np.uint8]]


class DataSide(ABC):
    """The half of a `foveate.tasks.base.Task` that rooms ask which hold data."""

    name: ClassVar[str]
    fewest_groups: ClassVar[int] = 0  # with pictures, without which there is nothing to learn
    needs: ClassVar[str] = ""  # the same in words
    called: ClassVar[str] = "labels"  # what its labels are to people
    called_one: ClassVar[str] = "label"
    compares_with_training: ClassVar[bool] = False  # whether `beside_training` tells something
    one_right_answer: ClassVar[bool] = True  # whether two answers to one picture contradict each other
    may_ignore: ClassVar[bool] = False  # whether parts of an answer can be left out: a pixel that is void
    columns_needed: ClassVar[str] = ""  # by a table that holds answers of it, in words
    file_columns: ClassVar[frozenset[str]] = frozenset()  # of a table, that name files in its folder
    options: ClassVar[frozenset[str]] = frozenset()  # settings of a training that `with_options` takes
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

    def with_options(self, targets: Targets, **options: Any) -> Self:
        """The same as a training asks for it. targets: those to learn from; options: those of `options` that
        were asked for. Raises DatasetError as `of` does.
        """
        return self

    @property
    @abstractmethod
    def labels(self) -> tuple[str, ...]:
        """The names of the K numbers that a network of this task puts out: (N, K)."""

    @property
    def groups(self) -> tuple[str, ...]:
        """The names of the groups that `counts` counts pictures of."""
        return self.labels

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

    def enough_pixels(self, targets: Targets) -> int | None:
        """How many pixels pictures need for their answers to be seen; None where the answers do not tell."""
        return None

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
