"""How good a finished model is on labelled pictures, measured as it will be used. No torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from foveate.dataset import ArrayImages, DataSet, Split, open_dataset
from foveate.dataset.samples import Images, evenly, measured_splits
from foveate.dataset.sources.open import Unlabelled
from foveate.errors import DatasetError, ImageError, InputError, UnreadableImageError
from foveate.images.preprocess import Preprocessing
from foveate.runtime.predictor import BATCH_SIZE, Predictor
from foveate.tasks.measures import Evaluation
from foveate.tasks.targets import Targets
from foveate.tasks.values import Values, joined, row
from foveate.words import setting

MAX_UNREADABLE_FRACTION = 0.05  # beyond, what is measured would be another data set
COMPARED_WITH = 10_000  # training pictures at most
Progress = Callable[[int, int], None]  # (pictures done, pictures in all)


@dataclass(frozen=True)
class Measured:
    """An evaluation, what it was made on, and what was left out of it.

    ``split`` is ``train``, ``val`` or ``test``, or ``all`` where the data have no splits.
    ``values`` and ``targets`` are of the N readable pictures, in the split's order: what the network gave and
    what is right; ``unreadable`` holds the error of each of the others.
    """

    evaluation: Evaluation
    split: str
    values: Values
    targets: Targets
    unreadable: tuple[ImageError, ...]
    notes: tuple[str, ...]


def evaluate_predictor(
    predictor: Predictor,
    data: str | Path | DataSet,
    *,
    split: str | None = None,
    ignore: str | int | Sequence[str | int] = (),
    unlabelled: Unlabelled = "error",
    batch_size: int = BATCH_SIZE,
    progress: Progress | None = None,
) -> Measured:
    """Measure a model on a data set, its labels matched by name.

    split: ``train``, ``val`` or ``test``; by default the data's test pictures, else its validation pictures,
    else all it has. ignore, unlabelled: as for `open_dataset`. Raises ModelFolderError; DatasetError for
    labels the model does not know, a split that is not there, or more than 5 % unreadable pictures.
    """
    opened = open_dataset(data, task=predictor.task.name, ignore=ignore, unlabelled=unlabelled, min_classes=1)
    opened = opened.with_task(predictor.task)
    chosen = _choose(opened, split)
    samples = opened.splits[chosen]
    if len(samples) == 0:
        raise DatasetError(f"Data set {opened.name!r}: expected pictures in {chosen}, found none.")
    rows: list[Values] = []
    kept: list[int] = []
    unreadable: list[ImageError] = []
    for number, found in _values(predictor, samples, batch_size):
        if isinstance(found, ImageError):
            unreadable.append(found)
        elif reason := opened.task.fault(samples.targets, number):
            unreadable.append(UnreadableImageError(samples.images.name(number), reason))
        else:
            rows.append(found)
            kept.append(number)
        if progress is not None:
            progress(number + 1, len(samples))
    if len(unreadable) > MAX_UNREADABLE_FRACTION * len(samples):
        raise DatasetError(
            f"Data set {opened.name!r}: {len(unreadable)} of {len(samples)} pictures cannot be read, at most "
            f"{MAX_UNREADABLE_FRACTION:.0%} may be left out; the first: {unreadable[0]}"
        )
    values, targets = joined(rows), samples.targets.take(kept)
    if opened.task.compares_with_training and chosen != "train" and "train" in opened.splits:
        targets = _beside_training(opened, samples.images.select(kept), targets, predictor.preprocessing)
    evaluation = opened.task.evaluate(values, targets)
    told = "all" if set(opened.splits) == {"train"} and split is None else chosen
    return Measured(evaluation, told, values, targets, tuple(unreadable), opened.notes)


def _beside_training(
    data: DataSet, images: Images, targets: Targets, preprocessing: Preprocessing
) -> Targets:
    """The targets with what a comparison with the data's own training pictures tells, evenly spaced ones."""
    train = data.splits["train"]
    rows = evenly(len(train), COMPARED_WITH)
    known, read = _pixels(train.images.select(rows), preprocessing)
    own, _ = _pixels(images, preprocessing)
    if not len(read):
        return targets
    return data.task.beside_training(targets, own, train.targets.take(rows[read]), known)


def _pixels(images: Images, preprocessing: Preprocessing) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The pixels of the pictures that can be read, as a network takes them, and their numbers."""
    found, numbers = [], []
    for number in range(len(images)):
        try:
            found.append(images.take_for(preprocessing, number).pixels)
        except ImageError:
            continue
        numbers.append(number)
    shape = (0, preprocessing.height, preprocessing.width, preprocessing.channels)
    return np.stack(found) if found else np.zeros(shape, np.uint8), np.array(numbers, np.int64)


def _choose(data: DataSet, split: str | None) -> str:
    if split is None:
        return measured_splits(data.splits)[-1]
    if split not in data.splits:
        raise InputError(
            f"{setting('split', split)}: data set {data.name!r} has {', '.join(data.splits)}; choose one "
            "of these."
        )
    return split


def _values(
    predictor: Predictor, samples: Split, batch_size: int
) -> Iterator[tuple[int, Values | ImageError]]:
    if not isinstance(samples.images, ArrayImages):
        read = partial(samples.images.take_for, predictor.preprocessing)
        yield from predictor.stream(range(len(samples)), read, batch_size=batch_size)
        return
    for at in range(0, len(samples), batch_size):  # pixels in memory: nothing to decode, nothing to overlap
        pixels = samples.images.array[at : at + batch_size]
        found = predictor.values(pixels, batch_size=batch_size)
        yield from ((at + number, row(found, number)) for number in range(len(pixels)))
