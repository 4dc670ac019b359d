"""The IDX format of MNIST and its relatives -> arrays and data sets.

The format (LeCun, "The MNIST database"): two zero bytes, a byte for the type, a byte for the number of
dimensions, each dimension as a big-endian 32-bit number, then the values, big-endian, last dimension fastest.
"""

from __future__ import annotations

import gzip
import math
import os
import re
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from foveate.dataset.samples import ArrayImages, DataSet
from foveate.dataset.sources.arrays import label_arrays, require_memory
from foveate.dataset.sources.ranges import range_notes, white_of
from foveate.dataset.sources.split_names import split_of
from foveate.errors import DatasetError, listed

_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_CHUNK_BYTES = 2**20
# train-images-idx3-ubyte.gz, t10k-images.idx3-ubyte, emnist-letters-test-images-idx3-ubyte ...
_IMAGES_NAME = re.compile(r"(?P<prefix>.*)images(?P<dot>[-.])idx[34]-ubyte(\.gz)?", re.IGNORECASE | re.DOTALL)


def is_idx_name(name: str) -> bool:
    """Whether a file name is that of an IDX file of pictures."""
    return _IMAGES_NAME.fullmatch(name) is not None


def read_idx(path: str | Path) -> NDArray[np.generic]:
    """The array in an IDX file, gzipped or not, with its own shape and type (in the machine's byte order).

    A header that promises more than the file holds is found out before that memory is taken.

    Raises ``DatasetError`` for a damaged file.
    """
    path = Path(path)
    if not path.is_file():
        raise DatasetError(f"There is no file {str(path)!r}.")
    try:
        with path.open("rb") as file:
            zipped = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            return _read(str(path), gzip.GzipFile(fileobj=file) if zipped else file)
    except MemoryError:
        raise DatasetError(f"There is not enough memory for {str(path)!r}.") from None
    except (OSError, EOFError, zlib.error) as error:
        raise DatasetError(f"Cannot read {str(path)!r}: {error}.") from None


def open_idx(
    path: str | Path, *, classes: Sequence[str] | None = None, name: str | None = None, min_classes: int = 2
) -> DataSet:
    """Open a folder of IDX files, or one file of pictures whose file of labels lies beside it.

    Without ``classes`` the labels themselves, in the order of their numbers, name the classes.

    Raises ``DatasetError`` where a file is missing, damaged, or does not fit its partner.
    """
    path = Path(path)
    pairs = _pairs_in(path) if path.is_dir() else {"train": (path, _labels_beside(path))}
    images, labels = {}, {}
    for key, (images_path, labels_path) in pairs.items():
        pixels, numbers = read_idx(images_path), read_idx(labels_path)
        channels = 1 if pixels.ndim == 3 else pixels.shape[-1]
        if pixels.dtype != np.uint8 or pixels.ndim not in (3, 4) or channels not in (1, 3) or not pixels.size:
            raise DatasetError(
                f"{str(images_path)!r} holds {pixels.dtype} {pixels.shape}; pictures are uint8 (N, H, W) or "
                f"(N, H, W, C) with C 1 or 3."
            )
        if numbers.ndim != 1 or numbers.dtype.kind not in "iu":
            raise DatasetError(
                f"{str(labels_path)!r} holds {numbers.dtype} {numbers.shape}; labels are whole numbers."
            )
        if len(pixels) != len(numbers):
            raise DatasetError(
                f"{str(images_path)!r} holds {len(pixels)} pictures and {str(labels_path)!r} "
                f"{len(numbers)} labels."
            )
        pixels = pixels.reshape(*pixels.shape[:3], channels)
        images[key], labels[key] = ArrayImages(pixels.astype(np.uint8, copy=False), key), numbers
    arrays = {key: pictures.array for key, pictures in images.items()}
    notes = range_notes(arrays, white_of(arrays))
    return label_arrays(
        name or os.fspath(path), images, labels, classes, notes=notes, min_classes=min_classes
    )


def has_idx(folder: str | Path) -> bool:
    """Whether a folder holds IDX pictures; not so where it cannot be listed."""
    try:
        return any(is_idx_name(entry) for entry in os.listdir(folder))  # noqa: PTH208 (names are enough)
    except OSError:
        return False


def _pairs_in(folder: Path) -> dict[str, tuple[Path, Path]]:
    found: dict[str, list[str]] = {}
    for entry in sorted(os.listdir(folder)):  # noqa: PTH208
        if match := _IMAGES_NAME.fullmatch(entry):
            found.setdefault(_split_in(match["prefix"]), []).append(entry)
    for key, names in found.items():
        plain = {re.sub(r"\.gz\Z", "", name, flags=re.IGNORECASE) for name in names}
        if len(plain) > 1:
            raise DatasetError(
                f"Folder {str(folder)!r} holds several files of {key} pictures, {listed(names)}; name the "
                f"one to use."
            )
    if "train" not in found:
        held = listed([name for names in found.values() for name in names])
        raise DatasetError(
            f"Folder {str(folder)!r} holds {held} and no training pictures; name the file to use it."
        )
    # sorted: the file that is not zipped comes first, and is the faster one to read
    return {key: (folder / names[0], _labels_beside(folder / names[0])) for key, names in found.items()}


def _split_in(prefix: str) -> str:
    """The split that a word of a name tells: ``t10k-``, ``emnist-letters-test-``; ``train`` without one."""
    words = re.split(r"[\W_]+", prefix.lower())
    told = [key for word in words if (key := "test" if word == "t10k" else split_of(word))]
    return told[-1] if told else "train"


def _labels_beside(images: Path) -> Path:
    match = _IMAGES_NAME.fullmatch(images.name)
    if match is None:
        raise DatasetError(
            f"{images.name!r} is no name of IDX pictures, such as 'train-images-idx3-ubyte.gz'."
        )
    stem = f"{match['prefix']}labels{match['dot']}idx1-ubyte"
    for name in (stem, f"{stem}.gz"):
        if (images.parent / name).is_file():
            return images.parent / name
    raise DatasetError(f"Beside {str(images)!r} there is no file of labels {stem!r} (or {stem + '.gz'!r}).")


def _read(name: str, file: BinaryIO | gzip.GzipFile) -> NDArray[np.generic]:
    head = file.read(4)
    if len(head) < 4 or head[:2] != b"\0\0" or head[2] not in _TYPES or not head[3]:
        raise DatasetError(
            f"{name!r} is no IDX file: it begins with {head!r}, not with two zeros and a type."
        )
    kind, dimensions = np.dtype(_TYPES[head[2]]), head[3]
    sizes = file.read(4 * dimensions)
    if len(sizes) < 4 * dimensions:
        raise DatasetError(f"{name!r} is truncated: it ends inside its header.")
    shape = struct.unpack(f">{dimensions}I", sizes)
    expected = math.prod(shape) * kind.itemsize
    require_memory(name, expected)
    values = bytearray()
    while len(values) <= expected and (chunk := file.read(min(_CHUNK_BYTES, expected + 1 - len(values)))):
        values += chunk
    if len(values) != expected:
        found = "more" if len(values) > expected else f"{len(values):,}"
        raise DatasetError(
            f"{name!r} promises {expected:,} bytes of values, shape {shape}, and holds {found}."
        )
    return np.frombuffer(values, kind).reshape(shape).astype(kind.newbyteorder("="), copy=False)
