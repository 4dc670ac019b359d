"""Annotated pictures as files have them, whatever the file's form and before masks or boxes are made of them.

Coordinates are pixels of the picture as it was annotated, x to the right and y down from its upper left
corner, so that the centre of the first pixel is (0.5, 0.5).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from foveate.dataset.sources.documents import inside
from foveate.dataset.sources.table_text import Files
from foveate.errors import DatasetError, ImageError, InputError, listed
from foveate.images.read import ImageInfo, probe, read_bytes
from foveate.strict_json import is_int, short
from foveate.tasks.segmentation.polygons import FURTHEST_PX
from foveate.tasks.segmentation.rle import RunLengths

_HEADER_BYTES = 1 << 16  # in which most pictures tell their size
_PNG = b"\x89PNG"
_PNG_TURNS = (b"eXIf", b"Raw profile type")  # chunks that have EXIF
BULGE_PX = 0.02
BACKGROUND = "background"  # what a picture without annotations may be said to be
_TURNS = 5  # EXIF orientations from here on change the sides' places

Corners = NDArray[np.float64]  # (P, 2) x and y
Box = tuple[float, float, float, float]  # x1 y1 x2 y2
Sides = tuple[int, int]  # width and height


class Annotation(NamedTuple):
    """One thing in a picture.

    where: what errors call it, "Annotation 17". polygons: its parts, or runs instead; neither where only the
    box is known. crowd: a region that is neither learnt from nor measured, since nobody told apart what is
    in it. area: in square pixels, where the file says.
    """

    where: str
    label: str
    box: Box | None = None
    polygons: tuple[Corners, ...] = ()
    runs: RunLengths | None = None
    crowd: bool = False
    area: float | None = None


class AnnotatedPicture(NamedTuple):
    """A picture and what is in it; later annotations lie over earlier ones.

    file: relative to the data set's folder. source: the file that has the annotations. size: (width, height)
    by that file, None where it does not say.
    """

    file: str
    source: str
    size: Sides | None
    annotations: tuple[Annotation, ...]


class AnnotatedData(NamedTuple):
    """Pictures by split.

    labels: all classes, in the files' order. ignored: what crowds are called there. ids: of each class those
    that the files know it by, such as "3", where it is not by its name alone.
    """

    root: Path
    splits: Mapping[str, Sequence[AnnotatedPicture]]
    labels: tuple[str, ...]
    notes: tuple[str, ...] = ()
    ignored: str = ""
    ids: Mapping[str, str] = MappingProxyType({})


def background_note(without: int, of: int, split: str) -> str:
    """That pictures are taken to show nothing, since the user says so."""
    return f"{without} of {of} pictures of {split} have no annotations and are learnt as pictures of nothing."


def points_of(numbers: Any) -> Corners:
    """Points from JSON or text: [x, y, x, y, ...] or [[x, y], ...] -> (P, 2).

    Raises InputError in words that follow what has them.
    """
    values = _finite(numbers, "an outline")
    if values.ndim == 2 and values.shape[1] != 2:
        raise InputError(
            f"has an outline of points with {values.shape[1]} numbers; expected x and y of each."
        )
    if values.size % 2:
        raise InputError(f"has an outline of {values.size} numbers; expected x and y of each point.")
    points = values.reshape(-1, 2)
    if len(points) and np.abs(points).max() > FURTHEST_PX:
        raise InputError(f"has an outline {np.abs(points).max():.4g} pixels away from its picture.")
    return points


def corners(numbers: Any) -> Corners:
    """The same of a polygon, (P, 2) with P of 3 or more."""
    points = points_of(numbers)
    if len(points) < 3:
        raise InputError(f"has an outline of {len(points)} points; expected three or more.")
    return points


def box_of(numbers: Any) -> Box:
    """[x, y, width, height] -> x1 y1 x2 y2. Raises InputError as `corners` does."""
    values = _finite(numbers, "a box")
    if values.shape != (4,):
        raise InputError(f"has a box of {values.size} numbers; expected x, y, width and height.")
    x, y, width, height = values.tolist()
    return x, y, x + width, y + height


def size_of(where: str, entry: Mapping[str, Any], *keys: str) -> Sides | None:
    """(width, height) under two keys; None where there are none. Raises DatasetError."""
    sides: list[Any] = [entry.get(key) for key in keys]
    if sides == [None, None]:
        return None
    if not all(is_int(side) and side > 0 for side in sides):
        width, height = map(short, sides)
        raise DatasetError(
            f"{where} has the width {width} and the height {height}; expected whole numbers of pixels."
        )
    return sides[0], sides[1]


def ellipse(centre: tuple[float, float], radii: tuple[float, float]) -> Corners:
    """An upright ellipse as a polygon that lies beside it by less than `BULGE_PX`. Raises InputError."""
    longest = max(radii)
    if not 0 < min(radii) <= longest <= FURTHEST_PX:
        raise InputError(f"has the radius {min(radii):.4g}; expected more than 0 pixels.")
    # between two corners of a regular polygon a circle bulges by radius * (1 - cos(pi / corners))
    count = math.ceil(math.pi / math.acos(1 - min(BULGE_PX / longest, 0.5)))
    angles = 2 * math.pi * np.arange(count) / count
    return np.array(centre) + np.array(radii) * np.stack((np.cos(angles), np.sin(angles)), axis=1)


def around(polygons: Sequence[Corners]) -> Box:
    """The box around polygons."""
    points = polygons[0] if len(polygons) == 1 else np.concatenate(polygons)
    return (*points.min(axis=0).tolist(), *points.max(axis=0).tolist())


def box_around(thing: Annotation) -> Box | None:
    """Its box: as stated, else around its outline; None of what has neither."""
    if thing.box is not None:
        return thing.box
    if thing.polygons:
        return around(thing.polygons)
    if thing.runs is None or not thing.runs.area:
        return None
    starts, ends = thing.runs.inside()
    height = thing.runs.height
    first, last = starts // height, (ends - 1) // height  # columns
    whole = (first < last).any()  # a run that goes on in the next column has been at the last row
    top = 0 if whole else int((starts % height).min())
    bottom = height if whole else int(((ends - 1) % height).max()) + 1
    return float(first.min()), float(top), float(last.max() + 1), float(bottom)


def is_outlined(thing: Annotation) -> bool:
    """Whether more than its box is known of a thing: an outline that is its box tells nothing more."""
    if thing.runs is not None or len(thing.polygons) > 1:
        return True
    if not thing.polygons:
        return False
    x1, y1, x2, y2 = around(thing.polygons)
    points = {(x, y) for x, y in thing.polygons[0].tolist()}
    return points != {(x1, y1), (x2, y1), (x2, y2), (x1, y2)}


def _finite(numbers: Any, what: str) -> NDArray[np.float64]:
    if not isinstance(numbers, list):
        raise InputError(f"has {short(numbers)} where {what} is expected: a list of numbers.")
    try:
        values = np.asarray(numbers)
    except ValueError:  # rows of unequal length
        values = np.array(None)
    if not numbers:
        return np.zeros(0)
    if values.dtype.kind not in "iuf" or not 1 <= values.ndim <= 2:
        raise InputError(f"has {what} of something else than numbers.")
    if not np.isfinite(values).all():
        raise InputError(f"has {what} with a number that is not finite.")
    return values.astype(np.float64)


def header(path: Path, name: str) -> ImageInfo | None:
    """What a picture's first bytes say of it; None where it cannot be read: the scan tells why."""
    try:
        with path.open("rb") as file:
            start = file.read(_HEADER_BYTES)
        if not start.startswith(_PNG) or not _turned_png(path, name):
            return probe(start, name=name)
    except (OSError, ImageError):
        pass
    try:
        return probe(read_bytes(path, name=name), name=name)
    except ImageError:
        return None


def _turned_png(path: Path, name: str) -> bool:
    """Whether a PNG may say how it is turned: that may stand behind its pixels. Raises ImageError."""
    data = read_bytes(path, name=name)
    return any(mark in data for mark in _PNG_TURNS)


class Sizes(NamedTuple):
    """Of one picture: (width, height) in which its annotations are, and the orientation to turn them by."""

    width: int
    height: int
    orientation: int


def sizes(data: AnnotatedData) -> tuple[dict[str, Sizes], tuple[str, ...]]:
    """By file, of all pictures that can be read; and what is to be told of them.

    A picture that is turned by EXIF may have been annotated as it is stored: its size tells. Raises
    DatasetError for sizes that are neither.
    """
    found: dict[str, Sizes] = {}
    turned, unsure, wrong = [], [], []
    for picture in (picture for split in data.splits.values() for picture in split):
        if (info := header(data.root / picture.file, picture.file)) is None:
            continue
        seen, orientation = (info.width, info.height), info.orientation
        stored = seen[::-1] if orientation >= _TURNS else seen
        stated = picture.size or seen
        if stated == seen:
            found[picture.file] = Sizes(*seen, 1)
            if orientation != 1 and (stored == seen or picture.size is None):
                unsure.append(picture.file)
        elif stated == stored:
            found[picture.file] = Sizes(*stored, orientation)
            turned.append(picture.file)
        else:
            (w, h), (width, height) = stated, seen
            sides = f"{w} x {h} pixels and the file is {width} x {height}"
            wrong.append(f"{picture.source!r} has {picture.file!r} as {sides}")
    if wrong:
        more = f", and {len(wrong) - 1} more are unlike" if len(wrong) > 1 else ""
        raise DatasetError(f"{wrong[0]}{more}: use the pictures that were annotated.")
    return found, _turn_notes(turned, unsure)


def _turn_notes(turned: Sequence[str], unsure: Sequence[str]) -> tuple[str, ...]:
    notes = []
    if turned:
        notes.append(
            f"{len(turned)} pictures are turned by EXIF and were annotated as they are stored, by their "
            f"sizes; the annotations were turned with them: {listed(turned)}."
        )
    if unsure:
        notes.append(
            f"{len(unsure)} pictures are turned or mirrored by EXIF and their sizes do not tell whether they "
            f"were annotated so; that is taken for granted: {listed(unsure)}."
        )
    return tuple(notes)


class Lookup:
    """Finds the pictures that annotations name, in several folders."""

    def __init__(self, root: Path, folders: Sequence[Path]) -> None:
        self._root = root
        self._folders = {folder: Files(folder) for folder in dict.fromkeys(folders) if folder.is_dir()}
        self.missing: list[str] = []

    @property
    def respelled(self) -> int:
        return sum(files.respelled for files in self._folders.values())

    def find(self, name: str, source: str) -> str | None:
        """The picture's path relative to the root; None, and remembered, where it is not there.

        Raises DatasetError where it lies outside the root.
        """
        said = f"{source!r} names {name!r}"
        for tried in dict.fromkeys((name, name.replace("\\", "/").rpartition("/")[2])):
            for folder, files in self._folders.items():
                meant = files.meant(tried)
                if tried and meant in files and (folder / meant).is_file():
                    return inside(self._root, folder / meant, said)
        self.missing.append(name)
        return None

    def require_all(self, source: str, count: int) -> None:
        """Raises DatasetError for pictures that were not found."""
        if self.missing:
            looked = listed([str(folder) for folder in self._folders], 3)
            raise DatasetError(
                f"{source!r} names {len(self.missing)} of {count} pictures that are not there: "
                f"{listed(self.missing)}; looked for in {looked}."
            )
