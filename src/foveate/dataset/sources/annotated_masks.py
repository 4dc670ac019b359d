"""Pictures whose outlines stand in annotation files -> a data set with a mask each.

Later annotations lie over earlier ones. What no annotation covers is the class "background", which is put in
front unless the files have a class of that name.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from foveate.dataset.samples import DataSet, FileImages, from_answers
from foveate.dataset.sources.annotations import (
    BACKGROUND,
    AnnotatedData,
    AnnotatedPicture,
    Annotation,
    Sizes,
    around,
    sizes,
)
from foveate.dataset.sources.folder import twin_notes
from foveate.dataset.sources.mask_folder import SEGMENTATION
from foveate.errors import DatasetError, UnreadableImageError, listed
from foveate.images.orientation import turned
from foveate.tasks import task_type
from foveate.tasks.segmentation.masks import Labelling
from foveate.tasks.segmentation.names import IGNORED, MOST_CLASSES
from foveate.tasks.segmentation.polygons import outlined
from foveate.tasks.segmentation.rle import paint
from foveate.words import setting

_BEYOND_PX = 1.0  # rounding, or centres of pixels for their corners, leads as far beyond a picture


@dataclass(frozen=True, eq=False)
class DrawnMask:
    """The mask that annotations of one picture make. size: None of a picture that cannot be read."""

    picture: AnnotatedPicture
    size: Sizes | None
    labelling: Labelling

    @property
    def name(self) -> str:
        return f"{self.picture.file} by {os.path.basename(self.picture.source)}"  # noqa: PTH119 (any text)

    def read(self) -> NDArray[np.uint8]:
        if self.size is None:
            raise UnreadableImageError(self.picture.file, "its size, which its mask has, cannot be told")
        width, height, orientation = self.size
        numbers = {name: number for number, name in enumerate(self.labelling.classes)}
        drawn = np.full((width, height), numbers.get(background(numbers), IGNORED), np.uint8)
        for thing in self.picture.annotations:
            runs = thing.runs or outlined(thing.polygons, height, width)
            paint(drawn, runs, IGNORED if thing.crowd else numbers.get(thing.label, IGNORED))
        return turned(np.ascontiguousarray(drawn.T)[..., None], orientation)[..., 0]


def background(classes: Iterable[str]) -> str:
    """The class of what no annotation covers, as the data spell it."""
    return next((name for name in classes if name.casefold() == BACKGROUND), BACKGROUND)


def mask_set(name: str, data: AnnotatedData, *, ignore: Sequence[str] = (), min_classes: int = 2) -> DataSet:
    """A data set of the masks that annotations make.

    ignore: classes that are neither learnt nor measured. Raises DatasetError in one sentence that names the
    file and the entry.
    """
    masks, notes = masks_of(data, ignore)
    rows = {
        key: (FileImages((one.file for one in data.splits[key]), data.root), own)
        for key, own in masks.items()
        if own
    }
    return from_answers(name, rows, kind=task_type(SEGMENTATION), notes=notes, fewest=min_classes)


def masks_of(
    data: AnnotatedData, ignore: Sequence[str] = ()
) -> tuple[Mapping[str, Sequence[DrawnMask]], list[str]]:
    """By split, a mask a picture; and what is to be told of them.

    ignore: classes that are neither learnt nor measured. Raises DatasetError.
    """
    _require_outlines(data)
    found, notes = sizes(data)
    known = data.labels if background(data.labels) in data.labels else (BACKGROUND, *data.labels)
    if unknown := [name for name in ignore if name not in known]:
        root = str(data.root)
        raise DatasetError(
            f"Data set {root!r} has no class {unknown[0]!r} to ignore; it has {listed(known)}."
        )
    classes = tuple(name for name in known if name not in ignore)
    if len(classes) > MOST_CLASSES:
        root = str(data.root)
        raise DatasetError(
            f"Data set {root!r} has {len(classes)} classes; masks hold at most {MOST_CLASSES}."
        )
    labelling = Labelling(classes, ignored=", ".join(filter(None, (*ignore, data.ignored))))
    masks = {
        key: [DrawnMask(picture, found.get(picture.file), labelling) for picture in split]
        for key, split in data.splits.items()
    }
    beyond = _beyond([mask for split in masks.values() for mask in split])
    return masks, [*data.notes, *notes, *beyond, *twin_notes(classes)]


def _things(data: AnnotatedData) -> list[tuple[AnnotatedPicture, Annotation]]:
    return [
        (picture, thing)
        for split in data.splits.values()
        for picture in split
        for thing in picture.annotations
    ]


def _require_outlines(data: AnnotatedData) -> None:
    """Raises DatasetError for things without outlines, such as boxes, and where there are no things."""
    if not (things := _things(data)):
        raise DatasetError(f"Data set {str(data.root)!r} has pictures and no annotations of them.")
    bare = [(picture, thing) for picture, thing in things if not thing.polygons and thing.runs is None]
    if not bare:
        return
    picture, first = bare[0]
    where = f"{first.where} of {picture.source!r}"
    if len(bare) == len(things):
        raise DatasetError(
            f"Data set {str(data.root)!r} has no outlines: {where} is a box or less, and so are all "
            "others; masks are made of polygons or run lengths, and boxes are learnt with "
            f"{setting('task', 'detection')}."
        )
    others = f", nor have {len(bare) - 1} more of {len(things)}" if len(bare) > 1 else ""
    raise DatasetError(
        f"{where} has no outline{others}: draw what is missing, or take these out, for as background they "
        f"would be learnt wrongly; or learn boxes with {setting('task', 'detection')}."
    )


def _beyond(masks: Sequence[DrawnMask]) -> list[str]:
    """How many outlines reach out of their pictures. Raises DatasetError for run lengths of other sizes."""
    cut, outside = [], []
    for mask in masks:
        if mask.size is None:
            continue
        width, height, _ = mask.size
        for thing in mask.picture.annotations:
            where, runs = f"{thing.where} of {mask.picture.source!r}", thing.runs
            if runs and (runs.width, runs.height) != (width, height):
                sides = f"{runs.width} x {runs.height}"
                raise DatasetError(
                    f"{where} has run lengths of {sides} pixels; its picture has {width} x {height}."
                )
            if not thing.polygons:
                continue
            x1, y1, x2, y2 = around(thing.polygons)
            if x2 <= 0 or y2 <= 0 or x1 >= width or y1 >= height:
                outside.append(where)
            elif min(x1, y1) < -_BEYOND_PX or x2 > width + _BEYOND_PX or y2 > height + _BEYOND_PX:
                cut.append(where)
    notes = []
    if cut:
        notes.append(f"{len(cut)} outlines reach beyond their pictures and are cut at the edge: {_few(cut)}.")
    if outside:
        notes.append(f"{len(outside)} outlines lie wholly outside their pictures: {_few(outside)}.")
    return notes


def _few(places: Sequence[str]) -> str:
    return places[0] if len(places) == 1 else f"{places[0]} and {len(places) - 1} more"
