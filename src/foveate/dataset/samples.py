"""Samples, splits and data sets: what every source of pictures is turned into."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from foveate.errors import DatasetError
from foveate.images.preprocess import Preprocessing
from foveate.images.read import ImageInfo, decode, read_bytes, read_image

SPLITS = ("train", "val", "test")


class Images(Protocol):
    """Pictures by number, wherever they come from. Reading is safe from several threads at once."""

    def __len__(self) -> int: ...

    def read(self, index: int) -> NDArray[np.uint8]:
        """The picture: ``(H, W, 3)`` uint8 RGB, the caller's own. Raises ``ImageError`` naming it."""
        ...

    def read_for(self, preprocessing: Preprocessing, index: int) -> NDArray[np.uint8]:
        """The picture as a network takes it: ``(height, width, channels)`` uint8. Raises as ``read`` does."""
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


class FileImages:
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

    def decode(self, index: int) -> tuple[NDArray[np.uint8], ImageInfo]:
        """The picture as `read` gives it, and what its file says of it."""
        return decode(self.data(index), name=self.paths[index])

    def read_for(self, preprocessing: Preprocessing, index: int) -> NDArray[np.uint8]:
        return preprocessing.read(self.path(index), name=self.paths[index])

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

    def read_for(self, preprocessing: Preprocessing, index: int) -> NDArray[np.uint8]:
        return preprocessing.apply(self.read(index))

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
    """Pictures and their classes: ``labels`` is int64 ``(N,)``, read-only, counting ``DataSet.classes``."""

    images: Images
    labels: NDArray[np.int64]

    def __post_init__(self) -> None:
        labels = np.array(self.labels, np.int64)
        if labels.shape != (len(self.images),):
            raise DatasetError(
                f"{len(self.images)} pictures need as many labels, not an array {labels.shape}."
            )
        labels.setflags(write=False)
        object.__setattr__(self, "labels", labels)

    def __len__(self) -> int:
        return len(self.images)

    def select(self, indices: ArrayLike) -> Split:
        """The samples of these numbers, in this order."""
        chosen = np.asarray(indices, np.int64)
        return Split(self.images.select(chosen), self.labels[chosen])


@dataclass(frozen=True, eq=False)
class DataSet:
    """Splits over one ordered list of classes.

    ``splits`` has keys among ``train``, ``val``, ``test``, in this order. ``notes`` are remarks for people,
    one sentence each: files left out, names that differ in case only.
    """

    name: str
    classes: tuple[str, ...]
    splits: Mapping[str, Split]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        classes = tuple(self.classes)
        if not classes or not all(isinstance(name, str) and name for name in classes):
            raise DatasetError(f"Data set {self.name!r} needs classes with names, not {classes!r}.")
        if strange := [name for name in classes if not _writable(name)]:
            raise DatasetError(f"Data set {self.name!r} has a class whose name is no text: {strange[0]!r}.")
        if len(set(classes)) != len(classes):
            twice = sorted({name for name in classes if classes.count(name) > 1})
            raise DatasetError(f"Data set {self.name!r} names the class {twice[0]!r} twice.")
        if unknown := sorted(set(self.splits) - set(SPLITS)):
            raise DatasetError(f"A data set's splits are {', '.join(SPLITS)}, not {unknown[0]!r}.")
        for key, split in self.splits.items():
            labels = split.labels
            if len(labels) and not (labels.min() >= 0 and labels.max() < len(classes)):
                raise DatasetError(
                    f"Labels of {key} are {labels.min()} to {labels.max()}; {len(classes)} classes allow "
                    f"0 to {len(classes) - 1}."
                )
        ordered = {key: self.splits[key] for key in SPLITS if key in self.splits}
        object.__setattr__(self, "classes", classes)
        object.__setattr__(self, "splits", MappingProxyType(ordered))
        object.__setattr__(self, "notes", tuple(self.notes))

    @property
    def title(self) -> str:
        """The name without the folders that it lies in: what may be told to others."""
        return os.path.basename(os.path.abspath(self.name)) or self.name  # noqa: PTH100, PTH119 (no file need be there)

    @property
    def num_classes(self) -> int:
        return len(self.classes)

    def counts(self, split: str) -> NDArray[np.int64]:
        """Pictures of each class in a split: int64 ``(classes,)``."""
        return np.bincount(self.splits[split].labels, minlength=len(self.classes)).astype(np.int64)

    def with_classes(self, classes: Sequence[str]) -> DataSet:
        """The same pictures, labelled by the numbers that ``classes`` (a model's, say) gives to their names.

        Classes without a picture here are fine. Raises ``DatasetError`` for pictures of a class not listed.
        """
        known = {name: number for number, name in enumerate(classes)}
        used = {int(label) for split in self.splits.values() for label in np.unique(split.labels)}
        if unknown := [name for i, name in enumerate(self.classes) if i in used and name not in known]:
            raise DatasetError(
                f"Data set {self.name!r} has pictures of {listed(unknown)}, unknown where the classes are "
                f"{listed(classes)}; rename the class or leave its pictures out."
            )
        number_of = np.array([known.get(name, -1) for name in self.classes], np.int64)
        splits = {key: Split(split.images, number_of[split.labels]) for key, split in self.splits.items()}
        return replace(self, classes=tuple(classes), splits=splits)


def _writable(name: str) -> bool:
    """Whether a name can be written into a file: as UTF-8, or as the bytes that a file system gave."""
    try:
        name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def evenly(count: int, most: int) -> NDArray[np.int64]:
    """At most ``most`` evenly spaced row numbers below ``count``, the first and the last among them."""
    return np.unique(np.linspace(0, count - 1, min(most, count)).astype(np.int64))


def listed(names: Sequence[str], most: int = 5) -> str:
    """``'a', 'b', 'c' and 4 more``: names for a message, quoted so that none can break a line."""
    shown = ", ".join(repr(name) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def from_names(
    name: str,
    rows: Mapping[str, tuple[Images, Sequence[str]]],
    *,
    notes: Sequence[str] = (),
    min_classes: int = 2,
) -> DataSet:
    """A data set from class names: ``rows`` is, by split, the pictures and the name of the class of each.

    The classes are those of ``train`` (of the only split, where there is one), sorted as strings.

    Raises ``DatasetError`` for no training pictures, fewer than ``min_classes`` classes, or a class that is
    in ``val`` or ``test`` alone: a network never shown it can only be wrong about it.
    """
    if "train" not in rows or not len(rows["train"][0]):
        raise DatasetError(f"Data set {name!r} has no training pictures.")
    classes = sorted(set(rows["train"][1]))
    for key, (_, names) in rows.items():
        if unseen := sorted(set(names) - set(classes)):
            raise DatasetError(
                f"Data set {name!r} has pictures of {listed(unseen)} in {key} and none in train; add "
                f"training pictures of it, or leave it out of {key}."
            )
    if len(classes) < min_classes:
        raise DatasetError(
            f"Data set {name!r} has the one class {classes[0]!r}; a classifier needs at least {min_classes}: "
            f"add pictures of another class."
        )
    number_of = {class_name: number for number, class_name in enumerate(classes)}
    splits = {
        key: Split(images, np.array([number_of[n] for n in names], np.int64).reshape(-1))
        for key, (images, names) in rows.items()
    }
    return DataSet(name, tuple(classes), splits, tuple(notes))
