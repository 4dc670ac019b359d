"""What is written of a data set: each picture with its name, its size and its boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from foveate.dataset.samples import DataSet, FileImages
from foveate.dataset.sources.annotations import header
from foveate.errors import DatasetError
from foveate.tasks.detection.task import Detection, boxes_of
from foveate.tasks.detection.truth import PictureBoxes
from foveate.words import plural

_DIGITS = 9  # of a pixel: more than a float32 has


class Thing(NamedTuple):
    """box: x1 y1 x2 y2 in pixels of the picture as people see it; area in square pixels."""

    label: int
    box: tuple[float, float, float, float]
    crowd: bool
    area: float


class Picture(NamedTuple):
    """A picture to be written under a name whose stem no other has. source: where it lies."""

    source: Path
    name: str
    width: int
    height: int
    things: tuple[Thing, ...]


class Gathered(NamedTuple):
    """Pictures by split, the classes by number, and what is to be told."""

    splits: Mapping[str, Sequence[Picture]]
    labels: tuple[str, ...]
    notes: tuple[str, ...]


def gathered(dataset: DataSet) -> Gathered:
    """A data set of boxes, ready to be written.

    Raises DatasetError for answers that are no boxes, pictures that are no files, or cannot be read.
    """
    if not isinstance(dataset.task, Detection):
        raise DatasetError(
            f"Data set {dataset.name!r} holds answers for {dataset.task.name}; boxes are converted."
        )
    names: set[str] = set()
    splits: dict[str, list[Picture]] = {}
    flaws = 0
    for key, split in dataset.splits.items():
        images = split.images
        if not isinstance(images, FileImages):
            raise DatasetError(
                f"Data set {dataset.name!r} has no files of its pictures; files are converted."
            )
        found = splits[key] = []
        for row, one in enumerate(boxes_of(split.targets).pictures):
            flaws += len(one.flaws)
            found.append(_picture(Path(images.path(row)), images.name(row), one, names))
    notes = list(dataset.notes)
    if flaws:
        notes.append(f"{plural(flaws, 'box', 'boxes')} had a fault; `foveate check` tells of each.")
    return Gathered(splits, dataset.task.classes, tuple(notes))


def _picture(source: Path, called: str, one: PictureBoxes, names: set[str]) -> Picture:
    info = header(source, called)
    if info is None:
        raise DatasetError(f"{called!r} cannot be read as a picture: repair it, or take it out.")
    return Picture(source, _own_name(called, names), info.width, info.height, _things(one))


def _own_name(called: str, names: set[str]) -> str:
    """The file's name, with the folders before it where another has its stem, and then a number."""
    path = PurePosixPath(called)
    flat = "_".join(part for part in path.parts if part not in ("/", ".."))
    tried = [path.name, flat]
    number = 2
    while True:
        name = tried.pop(0) if tried else f"{PurePosixPath(flat).stem}_{number}{path.suffix}"
        number += not tried
        stem = PurePosixPath(name).stem.casefold()
        if stem not in names:
            names.add(stem)
            return name


def _things(one: PictureBoxes) -> tuple[Thing, ...]:
    rows = zip(one.boxes, one.labels.tolist(), one.crowd.tolist(), one.areas, strict=True)
    return tuple(Thing(label, _decimal(box), crowd, float(str(area))) for box, label, crowd, area in rows)


def _decimal(box: Sequence[object]) -> tuple[float, float, float, float]:
    """The shortest numbers that are the same as float32."""
    x1, y1, x2, y2 = (float(str(side)) for side in box)
    return x1, y1, x2, y2


def rounded(value: float) -> float:
    """What a sum or a difference of such numbers was meant to be."""
    return round(value, _DIGITS)
