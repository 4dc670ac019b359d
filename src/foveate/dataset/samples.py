"""Samples, splits and data sets: what every source of pictures is turned into."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from foveate.errors import DatasetError, InputError
from foveate.images.preprocess import Preprocessing, Taken
from foveate.images.read import ImageInfo, decode, read_bytes, read_image
from foveate.tasks.base import Task
from foveate.tasks.notebooks import SHOWN
from foveate.tasks.targets import Targets
from foveate.words import html_lines, html_table

if TYPE_CHECKING:
    from foveate.dataset.shards.stream import Stream

SPLITS = ("train", "val", "test")
# Columns of a table that hold no answer; the last is the hash of a picture in a model's splits.csv.
NO_ANSWER = ("file_name", "split", "content")


class Images(Protocol):
    """Pictures by number, wherever they come from. Reading is safe from several threads at once."""

    def __len__(self) -> int: ...

    def read(self, index: int) -> NDArray[np.uint8]:
        """The picture: ``(H, W, 3)`` uint8 RGB, the caller's own. Raises ``ImageError`` naming it."""
        ...

    def take_for(self, preprocessing: Preprocessing, index: int) -> Taken:
        """The picture as a network takes it. Raises as ``read`` does."""
        ...

    def name(self, index: int) -> str:
        """What people call it, lossless: may hold any character a file name may, surrogates included."""
        ...

    def data(self, index: int) -> bytes:
        """The bytes that a hash of the content is taken of."""
        ...

    def select(self, indices: ArrayLike) -> Images:
        """The pictures of these numbers, in this order, under the names they have here."""
        ...


class EncodedImages(ABC):
    """Pictures as files have them, wherever those lie: JPEG, PNG, ..."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def name(self, index: int) -> str:
        """What people call it."""

    @abstractmethod
    def data(self, index: int) -> bytes:
        """The bytes of its file. Raises ``ImageError`` naming it."""

    @abstractmethod
    def select(self, indices: ArrayLike) -> Self:
        """The pictures of these numbers, in this order."""

    @property
    def reading_order(self) -> NDArray[np.int64] | None:
        """In which they are read fastest, where that is not by their numbers."""
        return None

    def read(self, index: int) -> NDArray[np.uint8]:
        return read_image(self.data(index), name=self.name(index))

    def decode(self, index: int) -> tuple[NDArray[np.uint8], ImageInfo]:
        """The picture as `read` gives it, and what its file says of it."""
        return decode(self.data(index), name=self.name(index))

    def take_for(self, preprocessing: Preprocessing, index: int) -> Taken:
        return preprocessing.take(self.data(index), name=self.name(index))


class FileImages(EncodedImages):
    """Pictures in files. ``paths`` are relative to ``root`` (or absolute), and serve as names."""

    def __init__(self, paths: Iterable[str | Path], root: str | Path = ".") -> None:
        self.root = Path(root)
        self.paths = tuple(os.fspath(path) for path in paths)

    def __len__(self) -> int:
        return len(self.paths)

    def path(self, index: int) -> str:
        """Where the file lies."""
        return os.path.join(self.root, self.paths[index])  # noqa: PTH118 (in the loop over all files; Path is slow)

    def read(self, index: int) -> NDArray[np.uint8]:
        return read_image(self.path(index), name=self.paths[index])

    def take_for(self, preprocessing: Preprocessing, index: int) -> Taken:
        return preprocessing.take(self.path(index), name=self.paths[index])

    def name(self, index: int) -> str:
        return self.paths[index]

    def data(self, index: int) -> bytes:
        return read_bytes(self.path(index), name=self.paths[index])

    def select(self, indices: ArrayLike) -> FileImages:
        return FileImages((self.paths[i] for i in np.asarray(indices, np.int64).tolist()), self.root)


class ArrayImages:
    """Pictures in one array: ``array`` is ``(N, H, W, C)`` uint8 with C 1 (grey) or 3 (RGB).

    ``label`` and the picture's number make its name, ``train[17]``; a selection keeps the numbers. ``white``
    is what 255 was before the pictures became bytes.
    """

    def __init__(
        self,
        array: NDArray[np.uint8],
        label: str = "image",
        *,
        numbers: NDArray[np.int64] | None = None,
        white: float = 255,
    ) -> None:
        if array.dtype != np.uint8 or array.ndim != 4 or array.shape[3] not in (1, 3):
            raise DatasetError(
                f"Pictures in an array are uint8 (N, H, W, 1) or (N, H, W, 3), not {array.dtype} "
                f"{array.shape}."
            )
        if min(array.shape[1:3]) < 1:
            raise DatasetError(f"Pictures in an array need a height and a width, not shape {array.shape}.")
        self.array = array
        self.label = label
        self.numbers = numbers
        self.white = white

    def __len__(self) -> int:
        return len(self.array)

    def take_for(self, preprocessing: Preprocessing, index: int) -> Taken:
        _, height, width, _ = self.array.shape
        return Taken(preprocessing.apply(self.read(index)), (width, height))

    def read(self, index: int) -> NDArray[np.uint8]:
        image = self.array[index]  # (H, W, C)
        return np.repeat(image, 3, axis=2) if image.shape[2] == 1 else np.array(image, order="C")

    def name(self, index: int) -> str:
        return f"{self.label}[{index if self.numbers is None else self.numbers[index]}]"

    def data(self, index: int) -> bytes:
        return self.array[index].tobytes()

    def select(self, indices: ArrayLike) -> ArrayImages:
        chosen = np.asarray(indices, np.int64)
        numbers = chosen if self.numbers is None else self.numbers[chosen]
        return ArrayImages(self.array[chosen], self.label, numbers=numbers, white=self.white)


@dataclass(frozen=True, eq=False)
class Split:
    """Pictures and their right answers, row by row."""

    images: Images
    targets: Targets

    def __post_init__(self) -> None:
        if len(self.targets) != len(self.images):
            raise DatasetError(f"{len(self.images)} pictures need as many answers, not {len(self.targets)}.")

    def __len__(self) -> int:
        return len(self.images)

    def select(self, indices: ArrayLike) -> Split:
        """The samples of these numbers, in this order."""
        chosen = np.asarray(indices, np.int64)
        return Split(self.images.select(chosen), self.targets.take(chosen))


@dataclass(frozen=True, eq=False)
class DataSet:
    """Splits over one task: what an answer is, and which labels there are.

    ``splits`` has keys among ``train``, ``val``, ``test``, in this order. ``notes`` are remarks for people,
    one sentence each: files left out, names that differ in case only. ``stream``: all training pictures,
    where the split is only a sample of them.
    """

    name: str
    task: Task
    splits: Mapping[str, Split]
    notes: tuple[str, ...] = ()
    stream: Stream | None = None

    def __post_init__(self) -> None:
        if strange := [name for name in self.task.labels if not _writable(name)]:
            raise DatasetError(f"Data set {self.name!r} has a class whose name is no text: {strange[0]!r}.")
        if unknown := sorted(set(self.splits) - set(SPLITS)):
            raise DatasetError(f"A data set's splits are {', '.join(SPLITS)}, not {unknown[0]!r}.")
        for key, split in self.splits.items():
            if reason := self.task.why_not(split.targets):
                raise DatasetError(f"Data set {self.name!r}: {key} has {reason}.")
        ordered = {key: self.splits[key] for key in SPLITS if key in self.splits}
        object.__setattr__(self, "splits", MappingProxyType(ordered))
        object.__setattr__(self, "notes", tuple(self.notes))

    @property
    def title(self) -> str:
        """The name without the folders that it lies in: what may be told to others."""
        return os.path.basename(os.path.abspath(self.name)) or self.name  # noqa: PTH100, PTH119 (no file need be there)

    def counts(self, split: str) -> NDArray[np.int64]:
        """Pictures of each of the task's groups in a split: int64 ``(groups,)``."""
        return self.task.counts(self.splits[split].targets)

    def _repr_html_(self) -> str:
        groups, sizes = self.task.groups, {key: f"{len(split):,}" for key, split in self.splits.items()}
        counts = [[f"{number:,}" for number in self.counts(key)] for key in self.splits]
        rows = [[group, *(of[i] for of in counts)] for i, group in enumerate(groups[:SHOWN]) if counts[0]]
        more = [f"{len(groups) - SHOWN:,} more"] if len(groups) > SHOWN else []
        header, whole = [self.task.called_one, *sizes], ["all", *sizes.values()]
        shown = html_table(header, [whole, *rows], range(1, len(header)), self.title)
        return shown + html_lines([*more, *self.notes])

    def with_task(self, task: Task) -> DataSet:
        """The same pictures for ``task`` (a model's, say), whose labels are matched by name.

        Labels without a picture here are fine. Raises ``DatasetError`` for pictures of a label not listed.
        """
        try:
            splits = {
                key: Split(split.images, self.task.same_labels(task, split.targets))
                for key, split in self.splits.items()
            }
        except DatasetError as error:
            raise DatasetError(f"Data set {self.name!r} {error}") from None
        stream = None if self.stream is None else self.stream.with_task(task)
        return replace(self, task=task, splits=splits, stream=stream)


def _writable(name: str) -> bool:
    """Whether a name can be written into a file: as UTF-8, or as the bytes that a file system gave."""
    try:
        name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def measured_splits(splits: Collection[str]) -> list[str]:
    """What a model is measured on: validation and test pictures, the training pictures where there is nothing
    else. The last one, test before val before train, is the one to quote.
    """
    return [name for name in ("val", "test") if name in splits] or ["train"]


def evenly(count: int, most: int) -> NDArray[np.int64]:
    """At most ``most`` evenly spaced row numbers below ``count``, the first and the last among them."""
    return np.unique(np.linspace(0, count - 1, min(most, count)).astype(np.int64))


def from_answers(
    name: str,
    rows: Mapping[str, tuple[Images, Sequence[Any]]],
    *,
    kind: type[Task],
    notes: Sequence[str] = (),
    fewest: int | None = None,
) -> DataSet:
    """A data set from answers as people write them: ``rows`` is, by split, the pictures and their answers.

    The labels are those of ``train``. ``fewest``: of which so many are enough, where that is less than the
    task needs to be learnt (data that are only measured on may hold one class).

    Raises ``DatasetError`` for no training pictures, or answers that make no task of this kind.
    """
    if "train" not in rows or not len(rows["train"][0]):
        raise DatasetError(f"Data set {name!r} has no training pictures.")
    try:
        task = kind.of({key: answers for key, (_, answers) in rows.items()}, fewest=fewest)
        splits = {key: Split(images, task.targets(answers)) for key, (images, answers) in rows.items()}
    except DatasetError as error:
        raise DatasetError(f"Data set {name!r} {error}") from None
    except InputError as error:
        raise DatasetError(f"Data set {name!r}: {error}") from None
    return DataSet(name, task, splits, tuple(notes))
