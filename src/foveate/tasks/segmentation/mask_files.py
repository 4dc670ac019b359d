"""Masks in picture files: one a picture, or one an instance, which are merged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from foveate.errors import ImageError, UnreadableImageError
from foveate.images.orientation import turned
from foveate.images.read import probe, read_bytes
from foveate.images.stored import Stored, stored
from foveate.tasks.segmentation.legend import Legend, lossy_mask
from foveate.tasks.segmentation.masks import Labelling, Look, Oddity

TURNED = "mask-turned"  # as its picture's EXIF wants, which it did not bring
TURN_UNKNOWN = "mask-turn-unknown"  # its size does not show whether that was done already
_SIDES_CHANGED = 5  # orientations from here on make a wide picture a high one


@dataclass(frozen=True, eq=False)
class FileMask:
    """A mask in a file of its own.

    path: where it lies. name: what people call it. picture: where its picture lies, for the way in which that
    is turned to be seen; empty where nobody knows.
    """

    path: str
    name: str
    legend: Legend
    picture: str = ""

    @property
    def labelling(self) -> Labelling:
        return self.legend.labelling

    def read(self) -> NDArray[np.uint8]:
        return self.look().pixels

    def look(self) -> Look:
        found = self.legend.read(stored_mask(self.path, self.name), self.name)
        return as_seen(found, self.name, self.picture)


@dataclass(frozen=True, eq=False)
class InstanceMask:
    """A mask in several files, one an instance: what is not 0 in any of them is the legend's second class.

    paths: where they lie. name: what people call them together, such as their folder.
    """

    paths: tuple[str, ...]
    name: str
    legend: Legend
    picture: str = ""

    @property
    def labelling(self) -> Labelling:
        return self.legend.labelling

    def read(self) -> NDArray[np.uint8]:
        return self.look().pixels

    def look(self) -> Look:
        merged: NDArray[np.bool_] | None = None
        for path in self.paths:
            name = f"{self.name}/{path.rpartition('/')[2]}"
            found = stored_mask(path, name)
            if found.lossy:
                raise lossy_mask(name, found.form)
            shown = _shown(found)
            if merged is not None and merged.shape != shown.shape:
                raise UnreadableImageError(name, f"it is {_size(shown)}, and others {_size(merged)}", "mask")
            merged = shown if merged is None else np.logical_or(merged, shown)
        if merged is None:
            raise UnreadableImageError(self.name, "the folder holds no mask", "mask")
        numbers = Stored(np.where(merged, np.uint8(255), np.uint8(0)), "PNG")
        return as_seen(self.legend.read(numbers, self.name), self.name, self.picture)


@dataclass(frozen=True, eq=False)
class NoMask:
    """In place of a mask that is not there. name: what it would be called."""

    name: str
    labelling: Labelling

    def read(self) -> NDArray[np.uint8]:
        raise UnreadableImageError(self.name, "there is no mask of this name", "mask")


def stored_mask(path: str, name: str) -> Stored:
    """The samples of a mask's file. Raises ImageError, naming it."""
    try:
        return stored(read_bytes(path, name=name), name=name)
    except UnreadableImageError as error:
        raise UnreadableImageError(name, error.reason, "mask") from None


def as_seen(found: Look, name: str, picture: str) -> Look:
    """A mask turned as its picture is, where its size shows that it was not. Raises ImageError otherwise."""
    if not picture:
        return found
    try:
        info = probe(picture)
    except ImageError:
        return found  # the picture itself cannot be read, which is said
    pixels, seen = found.pixels, (info.height, info.width)
    sides_change = info.orientation >= _SIDES_CHANGED
    if pixels.shape == seen:
        told = info.orientation == 1 or (sides_change and info.height != info.width)
        return found if told else Look(pixels, (*found.oddities, Oddity(TURN_UNKNOWN)))
    if sides_change and pixels.shape == seen[::-1]:
        upright = turned(pixels[..., None], info.orientation)[..., 0]
        return Look(upright, (*found.oddities, Oddity(TURNED)))
    raise UnreadableImageError(
        name, f"it is {_size(pixels)}, and its picture {info.width} x {info.height}", "mask"
    )


def _shown(found: Stored) -> NDArray[np.bool_]:
    """(H, W) what is not 0 in any channel."""
    samples = found.samples if found.samples.ndim == 3 else found.samples[..., None]
    return np.asarray(samples.any(axis=2), bool)


def _size(pixels: NDArray[np.generic]) -> str:
    return f"{pixels.shape[1]} x {pixels.shape[0]}"
