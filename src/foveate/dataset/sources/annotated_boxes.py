"""Pictures whose things stand in annotation files -> a data set with their boxes."""

from __future__ import annotations

import numpy as np

from foveate.dataset.samples import DataSet, FileImages, from_answers
from foveate.dataset.sources.annotations import (
    AnnotatedData,
    AnnotatedPicture,
    Annotation,
    Sizes,
    box_around,
    sizes,
)
from foveate.dataset.sources.folder import twin_notes
from foveate.errors import DatasetError, listed
from foveate.geometry import Affine
from foveate.images.orientation import turn
from foveate.tasks import task_type
from foveate.tasks.detection.truth import Naming, PictureBoxes, Raw, mended
from foveate.words import plural

DETECTION = "detection"  # the task whose answers boxes are


def box_set(name: str, data: AnnotatedData, *, fewest: int | None = None) -> DataSet:
    """A data set of the boxes in annotations. fewest: see `from_answers`.

    Raises DatasetError in one sentence that names the entry.
    """
    boxes, notes = boxes_of(data)
    rows = {
        key: (FileImages((one.file for one in data.splits[key]), data.root), own)
        for key, own in boxes.items()
        if own
    }
    return from_answers(name, rows, kind=task_type(DETECTION), notes=notes, fewest=fewest)


def boxes_of(data: AnnotatedData) -> tuple[dict[str, list[PictureBoxes]], list[str]]:
    """By split, the boxes of each picture as people see it; and what is to be told of them.

    The classes are those that have a box anywhere. Raises DatasetError for a thing without a box, and where
    there are no things.
    """
    things = [one for split in data.splits.values() for picture in split for one in picture.annotations]
    used = {thing.label for thing in things}
    if not used - {data.ignored}:
        raise DatasetError(f"Data set {str(data.root)!r} has pictures and no annotations of them.")
    classes = tuple(name for name in data.labels if name in used)
    naming = Naming(classes, tuple(data.ids.get(name, "") for name in classes) if data.ids else ())
    found, notes = sizes(data)
    boxes = {
        key: [_boxes(picture, found.get(picture.file), naming) for picture in split]
        for key, split in data.splits.items()
    }
    unused = [name for name in data.labels if name not in used]
    if unused:
        said = plural(len(unused), "class without a box anywhere", "classes without a box anywhere")
        notes = (*notes, f"{said}, left out: {listed(unused)}.")
    return boxes, [*data.notes, *notes, *_nothing(boxes), *twin_notes(classes)]


def _boxes(picture: AnnotatedPicture, size: Sizes | None, naming: Naming) -> PictureBoxes:
    """The boxes of a picture, brought to how people see it, in order of its file."""
    stored = (size.width, size.height) if size else None
    place = turn(stored, size.orientation) if size and stored and size.orientation != 1 else None
    raw = [one for thing in picture.annotations for one in _raw(picture, thing, naming, place)]
    seen = stored
    if place is not None and stored is not None:
        x1, y1, x2, y2 = place.boxes([0, 0, *stored]).tolist()
        seen = (round(x2 - x1), round(y2 - y1))
    return mended(raw, naming, seen)


def _raw(picture: AnnotatedPicture, thing: Annotation, naming: Naming, place: Affine | None) -> list[Raw]:
    """One of each class for what is to be ignored whatever it is, else one."""
    where = f"{thing.where} of {picture.source!r}"
    if (box := box_around(thing)) is None:
        raise DatasetError(f"{where} has neither a box nor an outline.")
    if place is not None:
        corners = place.points(np.reshape(box, (2, 2)))
        swapped = np.array(box[:2]) > np.array(box[2:])
        first, last = corners.min(axis=0), corners.max(axis=0)
        if swapped.any():  # is still told of
            first, last = last, first
        box = (*first.tolist(), *last.tolist())
    area = thing.area
    if area is None and thing.runs is not None:
        area = float(thing.runs.area)
    labels = [thing.label] if thing.label in naming.classes else naming.classes if thing.crowd else []
    return [Raw(where, label, box, thing.crowd, area) for label in labels]


def _nothing(boxes: dict[str, list[PictureBoxes]]) -> list[str]:
    """How many pictures have no box, which is a thing to know: they are learnt as showing nothing."""
    empty = sum(not len(one) for own in boxes.values() for one in own)
    of = sum(map(len, boxes.values()))
    return [f"{empty} of {of} pictures have no box: they are learnt as showing nothing."] if empty else []
