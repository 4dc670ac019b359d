"""Arrays, and ``.npz`` files of them, -> a data set.

An ``.npz`` holds ``x_train, y_train`` with ``x_val, y_val`` and ``x_test, y_test`` if there are any (Keras),
or ``train_images, train_labels`` ... (MedMNIST), or just ``images, labels``; and, if wanted, ``classes``.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from foveate.dataset.samples import ArrayImages, DataSet, Images, Split, from_names
from foveate.errors import DatasetError

# Split -> the pairs of names under which its pictures and labels may stand.
NPZ_NAMES = {
    "train": (("x_train", "y_train"), ("train_images", "train_labels"), ("images", "labels")),
    "val": (("x_val", "y_val"), ("x_valid", "y_valid"), ("val_images", "val_labels")),
    "test": (("x_test", "y_test"), ("test_images", "test_labels")),
}
_CHUNK = 1024  # pictures converted at a time, to bound the memory besides the result
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
    min_classes: int = 2,
) -> DataSet:
    """A data set from arrays.

    ``images``: ``(N, H, W)`` or ``(N, H, W, C)`` with C 1 or 3; uint8, or floats and other integers, whose
    range (0..1, 0..255 or 0..65535) is the narrowest that holds the pictures of all splits. ``labels``:
    ``(N,)`` or ``(N, 1)``, integers or texts; integers count ``classes`` where those are given.

    Raises ``DatasetError`` for other shapes, ranges or types.
    """
    pairs = {"train": (images, labels)}
    pairs |= {key: pair for key, pair in (("val", val), ("test", test)) if pair is not None}
    pictures = {key: _pictures_shape(key, _array(key, pair[0])) for key, pair in pairs.items()}
    white = _white(pictures)
    return label_arrays(
        name,
        {key: ArrayImages(_to_bytes(array, white), key) for key, array in pictures.items()},
        {key: _labels_shape(key, _array(key, pair[1])) for key, pair in pairs.items()},
        classes,
        min_classes=min_classes,
    )


def open_npz(path: str | Path, *, min_classes: int = 2) -> DataSet:
    """Open an ``.npz`` file. Nothing pickled is ever loaded.

    Raises ``DatasetError`` for a damaged file, unknown names, or arrays larger than half the machine's
    memory.
    """
    path = os.fspath(path)
    try:
        with zipfile.ZipFile(path) as archive:
            require_memory(path, sum(info.file_size for info in archive.infolist()))
        with np.load(path, allow_pickle=False) as file:
            arrays = _npz_pairs(path, file)
            classes = file.get("classes")
    except DatasetError:
        raise
    except MemoryError:
        raise DatasetError(f"There is not enough memory for the arrays of {path!r}.") from None
    except Exception as error:  # zipfile, zlib and NumPy raise almost anything on damaged files
        if "allow_pickle" in str(error):
            raise DatasetError(
                f"{path!r} holds Python objects, which are never loaded; save plain arrays of numbers or "
                f"texts."
            ) from None
        raise DatasetError(f"Cannot read the arrays of {path!r}: {error or type(error).__name__}.") from None
    return from_arrays(
        *arrays["train"],
        None if classes is None else _class_names(path, classes),
        val=arrays.get("val"),
        test=arrays.get("test"),
        name=path,
        min_classes=min_classes,
    )


def _npz_pairs(path: str, file: Mapping[str, NDArray[np.generic]]) -> dict[str, Pair]:
    pairs: dict[str, Pair] = {}
    for split, names in NPZ_NAMES.items():
        found = [(x, y) for x, y in names if x in file and y in file]
        if len(found) > 1:
            raise DatasetError(
                f"{path!r} holds more than one {split} set: {found[0][0]!r} and {found[1][0]!r}."
            )
        if found:
            pairs[split] = (file[found[0][0]], file[found[0][1]])
    if "train" not in pairs:
        known = "; ".join(f"{x}, {y}" for x, y in NPZ_NAMES["train"])
        raise DatasetError(f"{path!r} holds {', '.join(sorted(file)) or 'nothing'}; expected {known}.")
    return pairs


def _class_names(path: str, classes: NDArray[np.generic]) -> list[str]:
    if classes.ndim != 1 or classes.dtype.kind not in "US":
        raise DatasetError(
            f"The 'classes' of {path!r} must be a list of texts, not {classes.dtype} {classes.shape}."
        )
    return [n.decode("utf-8", "replace") if isinstance(n, bytes) else str(n) for n in classes.tolist()]


def require_memory(name: str, size: int) -> None:
    """Refuse to load ``size`` bytes where that is more than half of the machine's memory."""
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return  # a system that does not say
    if size > memory * _MEMORY_SHARE:
        raise DatasetError(
            f"{name!r} takes {size / 2**30:,.1f} GiB in memory, more than half of this machine's "
            f"{memory / 2**30:,.1f} GiB; use a folder of pictures instead."
        )


def label_arrays(
    name: str,
    images: Mapping[str, Images],
    labels: Mapping[str, NDArray[np.generic]],
    classes: Sequence[str] | None,
    *,
    min_classes: int = 2,
) -> DataSet:
    """A data set from pictures and their labels by split.

    Without ``classes``, the classes are the labels that occur in ``train``: numbers in their order, under
    their digits as names; texts sorted.
    """
    for key, array in labels.items():
        if len(array) != len(images[key]):
            raise DatasetError(f"{name!r} has {len(images[key])} pictures and {len(array)} labels in {key}.")
    if classes is not None and all(array.dtype.kind in "iu" for array in labels.values()):
        splits = {key: Split(images[key], array.astype(np.int64)) for key, array in labels.items()}
        if len(classes) < min_classes:
            raise DatasetError(
                f"{name!r} has {len(classes)} classes; a classifier needs at least {min_classes}."
            )
        return DataSet(name, tuple(str(c) for c in classes), splits)
    texts = {key: [str(label) for label in array.tolist()] for key, array in labels.items()}
    data = from_names(name, {key: (images[key], texts[key]) for key in images}, min_classes=min_classes)
    if classes is None and all(array.dtype.kind in "iu" for array in labels.values()):
        return data.with_classes(sorted(data.classes, key=int))
    return data if classes is None else data.with_classes(classes)


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
            f"{array.dtype} {array.shape}; several labels a picture are not supported."
        )
    return array.astype(np.int64) if array.dtype.kind == "b" else array


def _white(pictures: Mapping[str, NDArray[np.generic]]) -> float:
    """What white is in these pictures, all splits taken together: 1, 255 or 65535."""
    kinds = {array.dtype for array in pictures.values()}
    if kinds == {np.dtype(np.uint8)}:
        return 255
    if kinds == {np.dtype(bool)}:
        return 1
    low = min(float(array.min()) for array in pictures.values())
    high = max(float(array.max()) for array in pictures.values())
    choices = (1, 255, 65535) if all(kind.kind == "f" for kind in kinds) else (255, 65535)
    for white in choices:
        if low >= 0 and high <= white:  # never true of NaN
            return white
    raise DatasetError(
        f"The pictures' values go from {low:g} to {high:g}; 0 to 1 (floats), 0 to 255 or 0 to 65535 are "
        f"understood: undo any normalisation first."
    )


def _to_bytes(array: NDArray[np.generic], white: float) -> NDArray[np.uint8]:
    """``(N, H, W, C)`` of any numbers from 0 to ``white`` -> uint8, rounded; uint8 itself is not copied."""
    if array.dtype == np.uint8 and white == 255:
        return np.ascontiguousarray(array)
    out = np.empty(array.shape, np.uint8)
    for start in range(0, len(array), _CHUNK):
        part = array[start : start + _CHUNK].astype(np.float64)
        out[start : start + _CHUNK] = np.floor(part * (255.0 / white) + 0.5)
    return out
