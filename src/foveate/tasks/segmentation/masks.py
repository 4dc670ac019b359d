"""The right answer of one picture: a class for each pixel, wherever it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from foveate.errors import DatasetError
from foveate.tasks.segmentation.names import IGNORED

Colour = tuple[int, int, int]


class Labelling(NamedTuple):
    """What the numbers in masks mean, one for all masks of a data set.

    classes: their names; a mask holds their places in it, or IGNORED. colours: one for each class, where the
    data set has them. ignored: what in the data stands for IGNORED, in words ("void", "255"); empty: nothing.
    """

    classes: tuple[str, ...]
    colours: tuple[Colour, ...] = ()
    ignored: str = ""


class Mask(Protocol):
    """The class of each pixel of one picture.

    Reading is safe from several threads at once, and nothing of it is kept.
    """

    @property
    def name(self) -> str:
        """What people call it: the file and, where there are several in it, which."""
        ...

    @property
    def labelling(self) -> Labelling: ...

    def read(self) -> NDArray[np.uint8]:
        """(H, W) places in ``labelling.classes``, or IGNORED, of the size of the picture as people see it.

        Raises ImageError or DatasetError, naming the file.
        """
        ...


class MisreadMaskError(DatasetError):
    """A mask that shows that all masks of its data set are misread, not that this one is bad.

    kind: for programs, such as "mask-number".
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Oddity(NamedTuple):
    """What is odd about a mask that can be used: kind, for programs; how many pixels; what, in words."""

    kind: str
    pixels: int = 0
    what: str = ""


class Look(NamedTuple):
    """A mask as `Mask.read` gives it, and what is odd about it."""

    pixels: NDArray[np.uint8]
    oddities: tuple[Oddity, ...] = ()


@runtime_checkable
class LookedAt(Protocol):
    """A mask that tells what is odd about it."""

    def look(self) -> Look:
        """As `Mask.read`, and raises as it does."""
        ...


def look(mask: Mask) -> Look:
    """A mask with what is odd about it. Raises as `Mask.read`; MisreadMaskError for what condemns all."""
    return mask.look() if isinstance(mask, LookedAt) else Look(mask.read())


@dataclass(frozen=True, eq=False)
class ArrayMask:
    """A mask in memory: pixels (H, W) uint8, places in the labelling's classes or IGNORED."""

    pixels: NDArray[np.uint8]
    labelling: Labelling
    name: str = "mask"

    def read(self) -> NDArray[np.uint8]:
        return np.array(self.pixels)


def class_counts(mask: NDArray[np.uint8], classes: int) -> NDArray[np.int64]:
    """(classes,) pixels of each; ignored ones count for none."""
    return np.bincount(mask.ravel(), minlength=IGNORED + 1)[:classes].astype(np.int64)


def same_labelling(masks: Sequence[Mask]) -> Labelling:
    """The one labelling that masks share. Raises ValueError where they do not: a reader makes one for all."""
    found = masks[0].labelling
    if any(mask.labelling is not found and mask.labelling != found for mask in masks):
        raise ValueError("masks of one data set have one labelling")
    return found
