"""What may be trained on: the data set the command was given, and the known ones that this machine has."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from foveate.dataset import DataSet, open_dataset
from foveate.dataset.samples import ArrayImages
from foveate.dataset.sources.known import KNOWN, is_here
from foveate.inspector.trainings import DataChoice
from foveate.words import encodable


def choices(given: str | None) -> list[DataChoice]:
    """All that can be had without fetching anything, the given one first."""
    names = [known.name for known in KNOWN if is_here(known)]
    found = [_look_at(name) for name in names if name != given]
    return found if given is None else [replace(_look_at(given), given=True), *found]


@cache
def _look_at(name: str) -> DataChoice:
    dataset = open_dataset(name)
    title = next((known.title for known in KNOWN if known.name == name), dataset.name)
    return DataChoice(
        name=name,
        title=encodable(title),
        pictures=sum(len(split) for split in dataset.splits.values()),
        classes=len(dataset.task.labels),
        input=_size(dataset),
        whole_picture=dataset.task.whole_picture,
    )


def _size(dataset: DataSet) -> tuple[int, int, int] | None:
    """(C, H, W) of the pictures where they lie in arrays, and so have one size; None for files."""
    images = [split.images for split in dataset.splits.values()]
    shapes = {one.array.shape[1:] for one in images if isinstance(one, ArrayImages)}
    if len(shapes) != 1 or not all(isinstance(one, ArrayImages) for one in images):
        return None
    height, width, channels = shapes.pop()
    return channels, height, width
