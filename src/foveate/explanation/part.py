"""The part of a network's outputs that is explained: all of them, or those of a region of the picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from foveate.errors import InputError
from foveate.explanation.hooks import Watched
from foveate.geometry import Box
from foveate.images.preprocess import Preprocessing
from foveate.tasks.base import Task
from foveate.tasks.learning import Learner, learner_of
from foveate.words import setting


class Grid(NamedTuple):
    """Rows and columns of the network's input, the ends excluded."""

    top: int
    bottom: int
    left: int
    right: int


@dataclass(frozen=True)
class Part:
    """What a task's `Learner` makes of the outputs (N, ...), or of those (N, K, H, W) of one region alone."""

    learner: Learner
    region: Grid | None = None

    def of(self, outputs: Tensor) -> Tensor:
        """The outputs of the part."""
        if self.region is None:
            return outputs
        top, bottom, left, right = self.region
        return outputs[..., top:bottom, left:right]

    def values(self, outputs: Tensor) -> Tensor:
        """(N, K) what is said of each label."""
        return self.learner.values(self.of(outputs))

    def value(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """(N,) what is said of one label a picture."""
        return self.learner.value(self.of(outputs), labels)

    def score(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """(N,) the number that is explained of each picture."""
        return self.learner.score(self.of(outputs), labels)

    @property
    def watched(self) -> Watched:
        """What a heat map of it is about."""
        return Watched(self.score, self.value)


def part_of(
    task: Task, preprocessing: Preprocessing, size: tuple[float, float], region: Box | None = None
) -> Part:
    """What is explained of a picture of this size (width, height).

    Of answers that have a place in it those of a region, (x1, y1, x2, y2) in its pixels, or of all of it: a
    border that the network sees around it is left out.

    Raises InputError: answers without a place, a region outside the picture or of what is cut off.
    """
    learner = learner_of(task)(task)
    if len(task.raw_shape(preprocessing.height, preprocessing.width)) != 3:
        if region is None:
            return Part(learner)
        raise InputError(
            f"{setting('region')} explains what is said of a part of the picture, and this network's answer "
            "is about the whole of it; leave it out."
        )
    if region is not None:
        _check(region, *size)
    x1, y1, x2, y2 = preprocessing.place(*size).boxes([region or (0, 0, *size)])[0].tolist()
    rows, columns = _within(y1, y2, preprocessing.height), _within(x1, x2, preprocessing.width)
    if rows is None or columns is None:
        raise InputError(
            f"{setting('region')} lies where the picture is cut off before the network sees it; take one "
            "nearer to its middle."
        )
    return Part(learner, Grid(*rows, *columns))


def region_of(given: str | Sequence[float]) -> Box:
    """(10, 20, 60, 80) of such numbers, or of "10,20,60,80". Raises InputError."""
    try:
        numbers = [float(part) for part in (given.split(",") if isinstance(given, str) else given)]
    except (TypeError, ValueError):
        numbers = []
    if len(numbers) != 4 or not all(map(math.isfinite, numbers)):
        raise InputError(
            f"{setting('region')}: expected x1,y1,x2,y2 in pixels of the picture, such as 10,20,60,80; "
            f"found {given!r}."
        )
    x1, y1, x2, y2 = numbers
    return x1, y1, x2, y2


def _check(region: Box, width: float, height: float) -> None:
    x1, y1, x2, y2 = region
    if not (0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height):
        found = ",".join(f"{number:g}" for number in region)
        raise InputError(
            f"{setting('region')}: expected x1 < x2 and y1 < y2 within the picture's {width:g}x{height:g} "
            f"pixels, found {found}."
        )


def _within(low: float, high: float, side: int) -> tuple[int, int] | None:
    """The pixels whose centres lie between two places of an axis, at least the one there; None outside."""
    first, end = math.ceil(low - 0.5), math.ceil(high - 0.5)
    if first >= end:
        first = math.floor((low + high) / 2)
        end = first + 1
    first, end = max(first, 0), min(end, side)
    return (first, end) if first < end else None
