"""Annotation files in any of the forms that are known -> masks or boxes, as the task wants them.

The same documents hold both. Where nobody says which is meant, outlines on half of the things or more mean
masks, and else boxes are learnt; what was chosen is said.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from foveate.dataset.samples import DataSet
from foveate.dataset.sources.annotated_boxes import DETECTION, box_set
from foveate.dataset.sources.annotated_masks import mask_set
from foveate.dataset.sources.annotations import AnnotatedData, is_outlined
from foveate.dataset.sources.box_lists import read_box_lists
from foveate.dataset.sources.box_table import read_box_table
from foveate.dataset.sources.coco import read_coco
from foveate.dataset.sources.cvat import read_cvat
from foveate.dataset.sources.labelme import read_labelme
from foveate.dataset.sources.mask_folder import SEGMENTATION
from foveate.dataset.sources.voc import read_voc
from foveate.dataset.sources.yolo import read_yolo
from foveate.words import setting

TASKS = ("auto", SEGMENTATION, DETECTION)  # whose answers stand in annotations
_LISTING = (read_coco, read_cvat)  # forms that list each picture, also those of nothing
_BY_PICTURE: tuple[Callable[..., AnnotatedData | None], ...] = (
    *(read_yolo, read_labelme, read_voc, read_box_table, read_box_lists),
)
_FEWEST_OUTLINED = 0.5  # of the things, that masks are meant


def open_annotated(
    path: str | Path,
    *,
    task: str = "auto",
    ignore: Sequence[str] = (),
    min_classes: int = 2,
    background: bool = False,
) -> DataSet | None:
    """Open a folder or an annotation file; None where it is of none of these forms.

    ignore: of masks the classes that are neither learnt nor measured. background: pictures without
    annotations, in forms with a file for each, show nothing. Raises DatasetError in one sentence that names
    the file and the entry.
    """
    if (data := read_annotated(Path(path), background=background)) is None:
        return None
    if task == "auto":
        task, note = _meant(data)
        data = data._replace(notes=(*data.notes, *note))
    if task == SEGMENTATION:
        return mask_set(os.fspath(path), data, ignore=ignore, min_classes=min_classes)
    fewest = (
        None if min_classes > 1 else 0
    )  # what is only measured may have boxes of classes that train lacks
    return box_set(os.fspath(path), data, fewest=fewest)


def read_annotated(path: Path, *, background: bool = False) -> AnnotatedData | None:
    """What a folder or an annotation file holds; None where it is of none of these forms.

    Raises DatasetError in one sentence that names the file and the entry.
    """
    for read in _LISTING:
        if (found := read(path)) is not None:
            return found
    opened = (read(path, background=background) for read in _BY_PICTURE)
    return next((found for found in opened if found is not None), None)


def _meant(data: AnnotatedData) -> tuple[str, list[str]]:
    """The task that annotations are for where nobody says, and what is to be told of it."""
    things = [thing for split in data.splits.values() for one in split for thing in one.annotations]
    outlined = sum(map(is_outlined, things))
    if things and outlined >= _FEWEST_OUTLINED * len(things):
        return SEGMENTATION, [
            f"{outlined} of {len(things)} annotations have outlines, so the class of each pixel is learnt; "
            f"{setting('task', DETECTION)} learns their boxes."
        ]
    if not outlined:
        return DETECTION, []
    return DETECTION, [
        f"{outlined} of {len(things)} annotations have outlines; boxes are learnt, for the others have none."
    ]
