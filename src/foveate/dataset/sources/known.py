"""Data sets by name. What is known of each stands in the table below; nothing is fetched unless it is named.

Every file is checked by SHA-256 each time it is read, wherever it comes from: of a gzipped file the unpacked
content is what counts, so that a copy packed by another gzip passes. (Debian's Fashion-MNIST is one: putting
the file name and the time back into the gzip header gives the publisher's file, MD5 and all.)
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from foveate.dataset.samples import ArrayImages, DataSet, Split
from foveate.dataset.sources.fetch import KnownFile, Say, Sources, find
from foveate.errors import UnknownNameError
from foveate.kept import cache_folder
from foveate.tasks.classification.targets import ClassTargets
from foveate.tasks.classification.task import Classification

Arrays = tuple[NDArray[np.uint8], NDArray[np.integer]]  # (N, H, W, C) pixels, (N,) labels


@dataclass(frozen=True)
class KnownSet:
    """A data set that has a name here."""

    name: str
    title: str
    summary: str
    classes: tuple[str, ...]
    licence: str
    page: str
    download_bytes: int
    files: tuple[KnownFile, ...] = ()
    sources: Sources = field(default_factory=Sources)
    unpack: Callable[[Mapping[str, bytes]], dict[str, Arrays]] | None = None

    def to_dict(self) -> dict[str, object]:
        """What a person or a program may want to know before getting it."""
        return {
            "name": self.name,
            "title": self.title,
            "summary": self.summary,
            "classes": list(self.classes),
            "licence": self.licence,
            "page": self.page,
            "download_bytes": self.download_bytes,
            "embedded": not self.files,
        }


def load(name: str, *, say: Say | None = None, progress: Callable[[int, int], None] | None = None) -> DataSet:
    """Find a known data set, fetching it if this machine has no copy, and open it.

    Args:
        name: one of ``NAMES``.
        say: called with one sentence whenever something that takes time begins.
        progress: called with the bytes fetched and the bytes expected.

    Raises:
        UnknownNameError: there is no such name.
        DownloadError: no copy could be had; says what was tried, and how each attempt failed.
    """
    return open_known(describe(name), say=say, progress=progress)


def describe(name: str) -> KnownSet:
    """What is known of a data set. Raises UnknownNameError."""
    if name not in _BY_NAME:
        raise UnknownNameError("data set", name, _BY_NAME)
    return _BY_NAME[name]


def open_known(
    known: KnownSet, *, say: Say | None = None, progress: Callable[[int, int], None] | None = None
) -> DataSet:
    """`load` for a table entry; see there."""
    if known.unpack is None:
        arrays = _embedded(known.name)
    else:
        arrays = known.unpack(find(known.name, known.files, known.sources, say=say, progress=progress))
    splits = {
        key: Split(ArrayImages(pixels, key), ClassTargets(labels)) for key, (pixels, labels) in arrays.items()
    }
    return DataSet(known.name, Classification(known.classes), splits)


def is_here(known: KnownSet) -> bool:
    """Whether this machine has all files of a set; their content is checked when they are read."""
    folders = (cache_folder() / "datasets" / known.name, *map(Path, known.sources.folders))
    return not known.files or any(
        all((folder / file.name).is_file() for file in known.files) for folder in folders
    )


def _embedded(name: str) -> dict[str, Arrays]:
    """The mini set inside the package."""
    with resources.files("foveate.dataset").joinpath(f"mini/{name}.npz").open("rb") as file:
        stored = np.load(file, allow_pickle=False)
        return {
            key: (stored[f"{key}_images"][..., None], stored[f"{key}_labels"]) for key in ("train", "test")
        }


def _unpack_idx(contents: Mapping[str, bytes]) -> dict[str, Arrays]:
    """MNIST's four files. Their hashes are known, so their headers are: 16 bytes and 8."""
    return {
        key: (
            np.frombuffer(contents[f"{prefix}-images-idx3-ubyte.gz"], np.uint8, offset=16).reshape(
                -1, 28, 28, 1
            ),
            np.frombuffer(contents[f"{prefix}-labels-idx1-ubyte.gz"], np.uint8, offset=8),
        )
        for key, prefix in (("train", "train"), ("test", "t10k"))
    }


def _unpack_cifar(contents: Mapping[str, bytes]) -> dict[str, Arrays]:
    """The binary version: records of a label and 3 x 32 x 32 pixels. Nothing is unpacked onto the disk."""
    record, rows = 1 + 3 * 32 * 32, 10_000
    wanted = [f"cifar-10-batches-bin/{part}.bin" for part in _CIFAR_PARTS]
    found: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(contents["cifar-10-binary.tar.gz"]), mode="r:gz") as archive:
        for member in archive:
            if member.name in wanted and member.isfile() and member.size == record * rows:
                stream = archive.extractfile(member)
                found[member.name] = stream.read() if stream else b""
    batches = np.stack([np.frombuffer(found[name], np.uint8).reshape(rows, record) for name in wanted])
    pixels = batches[..., 1:].reshape(6, rows, 3, 32, 32).transpose(0, 1, 3, 4, 2)
    train = (np.ascontiguousarray(pixels[:5]).reshape(-1, 32, 32, 3), batches[:5, :, 0].reshape(-1))
    return {"train": train, "test": (np.ascontiguousarray(pixels[5]), batches[5, :, 0])}


_CIFAR_PARTS = (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch")

_FASHION = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)


def _idx_files(*sha256: str) -> tuple[KnownFile, ...]:
    names = (
        ("train-images-idx3-ubyte.gz", 47_040_016),
        ("train-labels-idx1-ubyte.gz", 60_008),
        ("t10k-images-idx3-ubyte.gz", 7_840_016),
        ("t10k-labels-idx1-ubyte.gz", 10_008),
    )
    return tuple(KnownFile(name, digest, size) for (name, size), digest in zip(names, sha256, strict=True))


KNOWN = (
    KnownSet(
        name="fashion-mnist",
        title="Fashion-MNIST",
        summary="60,000 + 10,000 grey pictures of clothes, 28 x 28, 10 classes",
        classes=_FASHION,
        licence="MIT",
        page="https://github.com/zalandoresearch/fashion-mnist",
        download_bytes=30_878_645,
        files=_idx_files(
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ),
        sources=Sources(
            folders=("/usr/share/datasets/fashion-mnist",),
            debian_package="dataset-fashion-mnist",
            addresses=(
                "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
                # The publisher's own server speaks no https; the hash guards the content all the same.
                "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            ),
        ),
        unpack=_unpack_idx,
    ),
    KnownSet(
        name="fashion-mnist-mini",
        title="Fashion-MNIST, a tenth of it",
        summary="6,000 + 1,000 pictures of Fashion-MNIST, 600 + 100 a class; part of this package",
        classes=_FASHION,
        licence="MIT",
        page="https://github.com/zalandoresearch/fashion-mnist",
        download_bytes=0,
    ),
    KnownSet(
        name="mnist",
        title="MNIST",
        summary="60,000 + 10,000 grey pictures of handwritten digits, 28 x 28, 10 classes",
        classes=tuple("0123456789"),
        licence="CC BY-SA 3.0",
        page="http://yann.lecun.com/exdb/mnist/",
        download_bytes=11_594_722,
        files=_idx_files(
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
        sources=Sources(
            addresses=(
                "https://ossci-datasets.s3.amazonaws.com/mnist/",
                "https://storage.googleapis.com/cvdf-datasets/mnist/",
            ),
        ),
        unpack=_unpack_idx,
    ),
    KnownSet(
        name="cifar10",
        title="CIFAR-10",
        summary="50,000 + 10,000 colour pictures of animals and vehicles, 32 x 32, 10 classes",
        classes=(
            "airplane",
            "automobile",
            "bird",
            "cat",
            "deer",
            "dog",
            "frog",
            "horse",
            "ship",
            "truck",
        ),
        licence="not stated; cite Krizhevsky 2009",
        page="https://www.cs.toronto.edu/~kriz/cifar.html",
        download_bytes=170_052_171,
        files=(
            KnownFile(
                "cifar-10-binary.tar.gz",
                "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
                170_052_171,
                unzip=False,
            ),
        ),
        sources=Sources(addresses=("https://www.cs.toronto.edu/~kriz/",)),
        unpack=_unpack_cifar,
    ),
)
_BY_NAME = {known.name: known for known in KNOWN}
NAMES = tuple(_BY_NAME)
