"""How good a finished model is on labelled pictures, measured as it will be used. No torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from foveate.dataset import ArrayImages, DataSet, Split, open_dataset
from foveate.errors import DatasetError, ImageError, InputError
from foveate.runtime.predictor import BATCH_SIZE, Predictor
from foveate.tasks.classification.answers import Answer
from foveate.tasks.classification.metrics import Evaluation, evaluate

MAX_UNREADABLE_FRACTION = 0.05  # beyond, the accuracy would be of another data set
Progress = Callable[[int, int], None]  # (pictures done, pictures in all)


@dataclass(frozen=True)
class Measured:
    """An evaluation, what it was made on, and what was left out of it.

    ``split`` is ``train``, ``val`` or ``test``, or ``all`` where the data have no splits.
    ``probabilities`` (N, classes) and ``labels`` (N,) are of the readable pictures, in the split's order;
    ``unreadable`` holds the error of each of the others.
    """

    evaluation: Evaluation
    split: str
    probabilities: np.ndarray
    labels: np.ndarray
    unreadable: tuple[ImageError, ...]
    notes: tuple[str, ...]


def evaluate_predictor(
    predictor: Predictor,
    data: str | Path | DataSet,
    *,
    split: str | None = None,
    batch_size: int = BATCH_SIZE,
    progress: Progress | None = None,
) -> Measured:
    """Measure a model on a data set, its classes matched by name.

    split: ``train``, ``val`` or ``test``; by default the data's test pictures, else its validation pictures,
    else all it has. Raises ModelFolderError; DatasetError for classes the model does not know, a split that
    is not there, or more than 5 % unreadable pictures.
    """
    opened = open_dataset(data, min_classes=1).with_classes(predictor.classes_)
    chosen = _choose(opened, split)
    samples = opened.splits[chosen]
    if len(samples) == 0:
        raise DatasetError(f"Data set {opened.name!r}: expected pictures in {chosen}, found none.")
    rows: list[np.ndarray] = []
    kept: list[int] = []
    unreadable: list[ImageError] = []
    for number, found in _answers(predictor, samples, batch_size):
        if isinstance(found, ImageError):
            unreadable.append(found)
        else:
            rows.append(found.probabilities)
            kept.append(number)
        if progress is not None:
            progress(number + 1, len(samples))
    if len(unreadable) > MAX_UNREADABLE_FRACTION * len(samples):
        raise DatasetError(
            f"Data set {opened.name!r}: {len(unreadable)} of {len(samples)} pictures cannot be read, at most "
            f"{MAX_UNREADABLE_FRACTION:.0%} may be left out; the first: {unreadable[0]}"
        )
    probabilities, labels = np.stack(rows), samples.labels[kept]
    evaluation = evaluate(probabilities, labels, predictor.classes_)
    told = "all" if set(opened.splits) == {"train"} and split is None else chosen
    return Measured(evaluation, told, probabilities, labels, tuple(unreadable), opened.notes)


def _choose(data: DataSet, split: str | None) -> str:
    if split is None:
        return next(name for name in ("test", "val", "train") if name in data.splits)
    if split not in data.splits:
        raise InputError(
            f"--split {split}: data set {data.name!r} has {', '.join(data.splits)}; choose one of these."
        )
    return split


def _answers(
    predictor: Predictor, samples: Split, batch_size: int
) -> Iterator[tuple[int, Answer | ImageError]]:
    if not isinstance(samples.images, ArrayImages):
        read = partial(samples.images.read_for, predictor.preprocessing)
        yield from predictor.stream(range(len(samples)), read, batch_size=batch_size)
        return
    for at in range(0, len(samples), batch_size):  # pixels in memory: nothing to decode, nothing to overlap
        pixels = samples.images.array[at : at + batch_size]
        rows = predictor.predict_proba(pixels, batch_size=batch_size)
        yield from enumerate(map(Answer, rows), start=at)
