"""The right answer of one picture: its boxes, and what was wrong with them and has been mended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from foveate.errors import InputError

SWAPPED, OUTSIDE, BEYOND = "swapped", "outside", "beyond"
EMPTY, ONE_PIXEL, DOUBLED = "empty", "one-pixel", "doubled"
FLAWED = {  # what one, and what several such boxes do
    OUTSIDE: ("lies outside the picture", "lie outside the picture"),
    BEYOND: ("reaches out of the picture", "reach out of the picture"),
    SWAPPED: ("has its corners exchanged", "have their corners exchanged"),
    EMPTY: ("has no width or no height", "have no width or no height"),
    ONE_PIXEL: ("covers no more than a pixel", "cover no more than a pixel"),
    DOUBLED: ("is there twice", "are there twice"),
}
ROUNDING_PX = 1.0  # by which a box may reach out of its picture without a word


class Naming(NamedTuple):
    """The classes of a data set, one naming for all of its pictures.

    ids: by which its files call each class, in words; empty where they have names alone.
    """

    classes: tuple[str, ...]
    ids: tuple[str, ...] = ()


class Flaw(NamedTuple):
    """What was wrong with a box. where: what people call the box, such as "Annotation 17"."""

    kind: str
    where: str


@dataclass(frozen=True, eq=False)
class PictureBoxes:
    """The boxes of one picture, in pixels of it as people see it.

    Attributes:
        boxes: (B, 4) float32, x1 y1 x2 y2.
        labels: (B,) int64, places in ``naming.classes``.
        crowd: (B,) bool, what is neither to be found nor wrong to find: COCO's crowds, VOC's difficult
            things.
        areas: (B,) float32, square pixels by which COCO's sizes go: of the outline, where one is known.
        size: (width, height) of the picture, where it is known.
        flaws: what was wrong and has been mended.
    """

    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]
    crowd: NDArray[np.bool_]
    areas: NDArray[np.float32]
    naming: Naming
    size: tuple[int, int] | None = None
    flaws: tuple[Flaw, ...] = ()

    def __len__(self) -> int:
        return len(self.boxes)

    @classmethod
    def of(
        cls,
        boxes: ArrayLike,
        labels: ArrayLike,
        naming: Naming,
        *,
        crowd: ArrayLike | None = None,
        areas: ArrayLike | None = None,
    ) -> PictureBoxes:
        """From anything like arrays. Raises InputError for shapes and values that cannot be."""
        corners = np.asarray(boxes, np.float64)
        corners = corners.reshape(0, 4) if corners.size == 0 else corners
        if corners.ndim != 2 or corners.shape[1] != 4 or not np.isfinite(corners).all():
            raise InputError(f"expected boxes (B, 4) of finite x1 y1 x2 y2, found the shape {corners.shape}.")
        places = np.asarray(labels, np.int64).reshape(-1)
        if len(places) != len(corners):
            raise InputError(f"expected a label for each of {len(corners)} boxes, found {len(places)}.")
        if len(places) and not 0 <= places.min() <= places.max() < len(naming.classes):
            raise InputError(f"expected labels from 0 to {len(naming.classes) - 1}, found {places.tolist()}.")
        own = np.prod(corners[:, 2:] - corners[:, :2], axis=1) if areas is None else np.asarray(areas)
        flags = np.zeros(len(corners), bool) if crowd is None else np.asarray(crowd, bool).reshape(-1)
        return cls(corners.astype(np.float32), places, flags, own.astype(np.float32), naming)

    def select(self, rows: NDArray[np.int64]) -> PictureBoxes:
        """Those of these numbers."""
        return replace(
            self,
            boxes=self.boxes[rows],
            labels=self.labels[rows],
            crowd=self.crowd[rows],
            areas=self.areas[rows],
        )

    def named(self, naming: Naming) -> PictureBoxes:
        """The same under another naming, by the classes' names. Raises InputError for one that it lacks."""
        if naming.classes == self.naming.classes:
            return self
        place = {name: number for number, name in enumerate(naming.classes)}
        table = np.array([place.get(name, -1) for name in self.naming.classes], np.int64)
        labels = table[self.labels]
        if len(labels) and labels.min() < 0:
            lacking = self.naming.classes[int(self.labels[labels.argmin()])]
            raise InputError(f"a box is of the class {lacking!r}, which is not among {naming.classes!r:.80}.")
        return replace(self, labels=labels, naming=naming)


class Raw(NamedTuple):
    """A box as it stands in a file, in pixels of the picture as people see it; area where one is stated."""

    where: str
    label: str
    box: tuple[float, float, float, float]
    crowd: bool = False
    area: float | None = None


def mended(things: Sequence[Raw], naming: Naming, size: tuple[int, int] | None) -> PictureBoxes:
    """Boxes that can be learnt from, of what stands in a file, and what was wrong with the others.

    Corners that have changed places are put right; what reaches out of the picture is cut at its edge; boxes
    that lie wholly outside, are empty or cover no more than a pixel are left out, and so is the second of two
    that are the same. size: (width, height) of the picture; None where it cannot be read.
    """
    numbers = {name: number for number, name in enumerate(naming.classes)}
    flaws: list[Flaw] = []
    kept: list[tuple[Raw, NDArray[np.float64], float]] = []
    seen: set[tuple[object, ...]] = set()
    for thing in things:
        found = _mended_box(thing, size, flaws)
        if found is None:
            continue
        box, area = found
        same = (thing.label, thing.crowd, *box.tolist())
        if same in seen:
            flaws.append(Flaw(DOUBLED, thing.where))
            continue
        seen.add(same)
        kept.append((thing, box, area))
    made = PictureBoxes.of(
        [box for _, box, _ in kept],
        [numbers[thing.label] for thing, _, _ in kept],
        naming,
        crowd=[thing.crowd for thing, _, _ in kept],
        areas=[area for _, _, area in kept],
    )
    return replace(made, size=size, flaws=tuple(flaws))


def _mended_box(
    thing: Raw, size: tuple[int, int] | None, flaws: list[Flaw]
) -> tuple[NDArray[np.float64], float] | None:
    """The box as it can be used and its area; None where none is left."""
    corners = np.array(thing.box, np.float64).reshape(2, 2)
    first, last = corners.min(axis=0), corners.max(axis=0)
    if not (corners[0] == first).all():
        flaws.append(Flaw(SWAPPED, thing.where))
    if (last == first).any():
        flaws.append(Flaw(EMPTY, thing.where))
        return None
    whole = float(np.prod(last - first))
    if size is not None:
        edge = np.array(size, np.float64)
        if (last <= 0).any() or (first >= edge).any():
            flaws.append(Flaw(OUTSIDE, thing.where))
            return None
        if max(float((-first).max()), float((last - edge).max())) > ROUNDING_PX:
            flaws.append(Flaw(BEYOND, thing.where))
        first, last = first.clip(0, edge), last.clip(0, edge)
    if np.prod(last - first) <= 1:
        flaws.append(Flaw(ONE_PIXEL, thing.where))
        return None
    inside = float(np.prod(last - first))
    area = inside if thing.area is None else thing.area * (inside / whole if inside < whole else 1.0)
    return np.concatenate((first, last)), area


def from_mapping(answer: Mapping[str, object], naming: Naming) -> PictureBoxes:
    """An answer as programs write it: boxes (B, 4), labels (B,), and if wanted crowd (B,).

    Labels are names of classes, or their numbers. Raises InputError.
    """
    if not {"boxes", "labels"} <= answer.keys():
        raise InputError(f"expected 'boxes' and 'labels' of a picture, found {sorted(answer)!r:.80}.")
    places = {name: number for number, name in enumerate(naming.classes)}
    labels = []
    for label in np.asarray(answer["labels"], object).reshape(-1).tolist():
        if isinstance(label, str) and label not in places:
            raise InputError(f"expected a class among {naming.classes!r:.80}, found {label!r:.40}.")
        labels.append(places[label] if isinstance(label, str) else label)
    crowd: ArrayLike | None = answer.get("crowd")  # type: ignore[assignment]  # looked at there
    boxes: ArrayLike = answer["boxes"]  # type: ignore[assignment]
    return PictureBoxes.of(boxes, labels, naming, crowd=crowd)
