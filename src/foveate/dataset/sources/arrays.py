"""Arrays, and ``.npz`` files of them, -> a data set.

An ``.npz`` holds ``x_train, y_train`` with ``x_val, y_val`` and ``x_test, y_test`` if there are any (Keras),
or ``train_images, train_labels`` ... (MedMNIST), or just ``images, labels``; and, if wanted, ``classes``.
Other arrays are left out, which is said.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.lib import format as npy
from numpy.lib.npyio import NpzFile
from numpy.typing import ArrayLike, NDArray

from foveate.dataset.samples import ArrayImages, DataSet, Images, Split, from_answers
from foveate.dataset.sources.ranges import range_notes, to_bytes, white_of
from foveate.errors import DatasetError, InputError, listed
from foveate.memory import memory_bytes
from foveate.tasks import list_tasks, task_of_array
from foveate.tasks.classification.targets import ClassTargets
from foveate.tasks.classification.task import Classification
from foveate.words import bytes_text, setting

# Split -> the pairs of names under which its pictures and labels may stand, in small or capital letters.
NPZ_NAMES = {
    "train": (("x_train", "y_train"), ("train_images", "train_labels"), ("images", "labels")),
    "val": tuple(
        pair
        for word in ("val", "valid", "validation", "dev")
        for pair in ((f"x_{word}", f"y_{word}"), (f"{word}_images", f"{word}_labels"))
    ),
    "test": (("x_test", "y_test"), ("test_images", "test_labels")),
}
_MEMORY_SHARE = 0.5

Pair = tuple[ArrayLike, ArrayLike]


def from_arrays(
    images: ArrayLike,
    labels: ArrayLike,
    classes: Sequence[str] | None = None,
    *,
    val: Pair | None = None,
    test: Pair | None = None,
    name: str = "arrays",
    task: str = "auto",
) -> DataSet:
    """A data set from arrays.

    ``images``: ``(N, H, W)`` or ``(N, H, W, C)`` with C 1 or 3; booleans, uint8, or floats and other
    integers, whose range (floats: 0..1; 0..255, 0..4095 or 0..65535) is the narrowest that holds the pictures
    of all splits. ``labels``: ``(N,)`` or ``(N, 1)``, integers or texts; integers count ``classes`` where
    those are given. Other shapes and types are for the other tasks to read (see `Task.in_array`), which give
    the columns the names ``classes``.

    Raises ``DatasetError`` for other shapes, ranges or types, and for splits that are not scaled alike.
    """
    pairs = {"train": (images, labels), "val": val, "test": test}
    given = {key: pair for key, pair in pairs.items() if pair is not None}
    return from_pairs(given, classes, name=name, task=task)


def from_pairs(
    pairs: Mapping[str, Pair],
    classes: Sequence[str] | None = None,
    *,
    name: str = "arrays",
    task: str = "auto",
    min_classes: int = 2,
) -> DataSet:
    """As `from_arrays`: pictures and their answers, by split."""
    pictures = {key: _pictures_shape(key, _array(key, pair[0])) for key, pair in pairs.items()}
    white = white_of(pictures)
    read = {key: ArrayImages(to_bytes(array, white), key, white=white) for key, array in pictures.items()}
    notes = range_notes(pictures, white)
    answers = {key: _array(key, pair[1]) for key, pair in pairs.items()}
    kind = task_of_array(answers["train"], task)
    if kind is None:
        shaped = {key: _labels_shape(key, array) for key, array in answers.items()}
        return label_arrays(name, read, shaped, classes, notes=notes, min_classes=min_classes)
    try:
        rows = {key: (read[key], kind.in_array(array, classes)) for key, array in answers.items()}
    except InputError as error:
        raise DatasetError(f"{name!r}: {error}") from None
    return from_answers(name, rows, kind=kind, notes=notes, fewest=min_classes)


def open_npz(path: str | Path, *, task: str = "auto", min_classes: int = 2) -> DataSet:
    """Open an ``.npz`` file. Nothing pickled is ever loaded.

    Raises ``DatasetError`` for a damaged file, unknown names, or arrays larger than half the machine's
    memory.
    """
    path = os.fspath(path)
    try:
        with zipfile.ZipFile(path) as archive:
            require_memory(path, sum(info.file_size for info in archive.infolist()))
        with np.load(path, allow_pickle=False) as file:
            names = {name.lower(): name for name in file}
            arrays, used = _npz_pairs(path, file, names)
            classes = _plain_array(path, file, names["classes"]) if "classes" in names else None
            unused = sorted(set(file) - used - {names.get("classes", "")})
    except DatasetError:
        raise
    except MemoryError:
        raise DatasetError(f"There is not enough memory for the arrays of {path!r}.") from None
    except Exception as error:  # zipfile, zlib and NumPy raise almost anything on damaged files
        raise DatasetError(f"Cannot read the arrays of {path!r}: {error or type(error).__name__}.") from None
    opened = from_pairs(
        arrays,
        None if classes is None else _class_names(path, classes),
        name=path,
        task=task,
        min_classes=min_classes,
    )
    left_out = [f"These arrays were left out: {listed(unused)}."] if unused else []
    return replace(opened, notes=(*left_out, *opened.notes))


def _npz_pairs(path: str, file: NpzFile, names: Mapping[str, str]) -> tuple[dict[str, Pair], set[str]]:
    """The arrays by split, and the names they stand under; ``names``: in small letters -> as written."""
    pairs: dict[str, Pair] = {}
    used: set[str] = set()
    for split, known_names in NPZ_NAMES.items():
        found = [(names[x], names[y]) for x, y in known_names if x in names and y in names]
        if len(found) > 1:
            raise DatasetError(
                f"{path!r} holds more than one {split} set: {found[0][0]!r} and {found[1][0]!r}."
            )
        if found:
            pairs[split] = (_plain_array(path, file, found[0][0]), _plain_array(path, file, found[0][1]))
            used |= set(found[0])
    if "train" not in pairs:
        known = "; ".join(f"{x}, {y}" for x, y in NPZ_NAMES["train"])
        raise DatasetError(f"{path!r} holds {', '.join(sorted(file)) or 'nothing'}; expected {known}.")
    return pairs, used


def _plain_array(path: str, file: NpzFile, name: str) -> NDArray[np.generic]:
    """One array of the file. Raises DatasetError for one of Python objects: those would be unpickled."""
    member = f"{name}.npy"
    if file.zip is not None and member in file.zip.namelist():
        with file.zip.open(member) as header:
            first = npy.read_magic(header) == (1, 0)
            _, _, dtype = (npy.read_array_header_1_0 if first else npy.read_array_header_2_0)(header)
        if dtype.hasobject:
            raise DatasetError(
                f"{path!r} holds Python objects, which are never loaded; save plain arrays of numbers or "
                "texts."
            )
    return file[name]


def _class_names(path: str, classes: NDArray[np.generic]) -> list[str]:
    if classes.ndim != 1 or classes.dtype.kind not in "US":
        raise DatasetError(
            f"The 'classes' of {path!r} must be a list of texts, not {classes.dtype} {classes.shape}."
        )
    return [n.decode("utf-8", "replace") if isinstance(n, bytes) else str(n) for n in classes.tolist()]


def require_memory(name: str, size: int) -> None:
    """Refuse to load ``size`` bytes where that is more than half of the memory that this process may use."""
    memory = memory_bytes()
    if memory is not None and size > memory * _MEMORY_SHARE:
        raise DatasetError(
            f"{name!r} takes {bytes_text(size)} in memory, more than half of this machine's "
            f"{bytes_text(memory)}; use a folder of pictures instead."
        )


def label_arrays(
    name: str,
    images: Mapping[str, Images],
    labels: Mapping[str, NDArray[np.generic]],
    classes: Sequence[str] | None,
    *,
    notes: Sequence[str] = (),
    min_classes: int = 2,
) -> DataSet:
    """A data set from pictures and their labels by split, with remarks on them.

    Without ``classes``, the classes are the labels that occur in ``train``: numbers in their order, under
    their digits as names; texts sorted.
    """
    for key, array in labels.items():
        if len(array) != len(images[key]):
            raise DatasetError(f"{name!r} has {len(images[key])} pictures and {len(array)} labels in {key}.")
    if classes is not None and all(array.dtype.kind in "iu" for array in labels.values()):
        splits = {key: Split(images[key], ClassTargets(array)) for key, array in labels.items()}
        if len(classes) < min_classes:
            raise DatasetError(
                f"{name!r} has {len(classes)} classes; a classifier needs at least {min_classes}."
            )
        if all(array.min(initial=1) > 0 for array in labels.values()):
            notes = [*notes, f"No label is 0, which is {classes[0]!r}: subtract 1 if yours count from 1."]
        return DataSet(name, Classification(tuple(str(c) for c in classes)), splits, tuple(notes))
    texts = {key: [str(label) for label in array.tolist()] for key, array in labels.items()}
    rows = {key: (images[key], texts[key]) for key in images}
    data = from_answers(name, rows, kind=Classification, notes=notes, fewest=min_classes)
    if classes is None and all(array.dtype.kind in "iu" for array in labels.values()):
        return data.with_task(Classification(tuple(sorted(data.task.labels, key=int))))
    return data if classes is None else data.with_task(Classification(tuple(classes)))


def _array(key: str, values: ArrayLike) -> NDArray[np.generic]:
    try:
        return np.asarray(values)
    except ValueError:
        raise DatasetError(
            f"The arrays of {key} must be even: all pictures of one size, one label each."
        ) from None


def _pictures_shape(key: str, array: NDArray[np.generic]) -> NDArray[np.generic]:
    """``(N, H, W)`` or ``(N, H, W, C)`` -> ``(N, H, W, C)``."""
    if array.ndim == 3:
        array = array[..., None]
    if array.ndim == 4 and array.shape[3] in (1, 3) and min(array.shape) > 0 and array.dtype.kind in "buif":
        return array
    hint = ""
    if array.ndim == 4 and array.shape[1] in (1, 3):
        hint = "; channels come last here: transpose(0, 2, 3, 1)"
    raise DatasetError(
        f"The pictures of {key} must be numbers of shape (N, H, W) or (N, H, W, C) with C 1 or 3, not "
        f"{array.dtype} {array.shape}{hint}."
    )


def _labels_shape(key: str, array: NDArray[np.generic]) -> NDArray[np.generic]:
    """``(N,)`` or ``(N, 1)`` integers or texts -> ``(N,)``."""
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim == 1 and array.dtype.kind == "f" and np.array_equal(array, np.floor(array)):
        array = array.astype(np.int64)
    if array.ndim == 1 and array.dtype.kind == "S":
        array = np.char.decode(array.astype(np.bytes_), "utf-8", "replace")
    if array.ndim != 1 or array.dtype.kind not in "biuU":
        raise DatasetError(
            f"The labels of {key} must be one whole number or text a picture, (N,) or (N, 1), not "
            f"{array.dtype} {array.shape}; where they are answers of another kind, say {setting('task')}: "
            f"{', '.join(list_tasks())}."
        )
    return array.astype(np.int64) if array.dtype.kind == "b" else array
