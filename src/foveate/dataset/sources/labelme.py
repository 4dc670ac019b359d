"""LabelMe's JSON, one file a picture, -> annotated pictures.

The files lie beside their pictures, or in a folder ``annotations/`` beside ``images/``, with ``train/`` and
``val/`` or without. A picture is found by the stem of its file, else by what the file calls it. Polygons,
rectangles, circles and masks are things; points and lines have no area. The form is described in the
documentation of github.com/wkentaro/labelme.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foveate.dataset.sources.annotations import (
    AnnotatedData,
    AnnotatedPicture,
    Annotation,
    Corners,
    Sides,
    around,
    background_note,
    corners,
    ellipse,
    points_of,
    size_of,
)
from foveate.dataset.sources.documents import (
    content,
    folder_named,
    inside,
    named,
    pictures_in,
    read_json,
    split_folders,
)
from foveate.errors import DatasetError, ImageError, InputError, listed
from foveate.images.read import DEFAULT_MAX_PIXELS, IMAGE_SUFFIXES, read_image
from foveate.strict_json import short
from foveate.tasks.segmentation.rle import RunLengths, encode

IGNORED = "__ignore__"  # the label that LabelMe's own converters ignore
BACKGROUND = "_background_"
_MARK = b'"shapes"'
_LOOKED_AT = 3  # files of a folder, one of which is to have the mark
_FOLDERS = ("annotations", "labels", "json", "jsons")
_PICTURES = ("images", "imgs", "img", "jpegimages")
_NO_AREA = frozenset(("point", "points", "line", "linestrip"))

Point = NDArray[np.float64]  # (2,) x and y


def read_labelme(path: Path, *, background: bool = False) -> AnnotatedData | None:
    """The data in a folder; None where there is none of this form. Raises DatasetError.

    background: a picture without a file has nothing in it; else it is still to be annotated, and left out.
    """
    folders = {key: files for key, inner in split_folders(path).items() if (files := _files(inner))}
    if not folders and (files := _files(path)):
        folders = {"train": files}
    if not folders:
        return None
    reading = _Reading(path, background=background)
    splits = {key: reading.pictures(files) for key, files in folders.items()}
    ignored = IGNORED if reading.ignored else ""
    return AnnotatedData(path, splits, tuple(sorted(reading.labels)), tuple(reading.remarks()), ignored)


def _files(folder: Path) -> list[Path]:
    """The annotation files below a folder: in it, beside its pictures, or in a folder of their own."""
    for inner in (folder, *(folder_named(folder, *names) for names in (_FOLDERS, _PICTURES))):
        if (
            inner
            and (files := named(inner, ".json"))
            and any(_MARK in content(file) for file in files[:_LOOKED_AT])
        ):
            return files
    return []


class _Reading:
    """Reads file after file, and keeps what is to be said of them."""

    def __init__(self, root: Path, *, background: bool) -> None:
        self._root, self._background = root, background
        self.labels: set[str] = set()
        self.ignored = False
        self._no_area = 0
        self._unlabelled: list[str] = []
        self._source_of: dict[str, Path] = {}
        self._pictures: dict[Path, dict[str, list[Path]]] = {}  # by folder and stem

    def pictures(self, files: list[Path]) -> list[AnnotatedPicture]:
        found = [self._picture(file) for file in files]
        folders = {(self._root / picture.file).parent for picture in found}
        beside = {inside(self._root, file, "") for inner in folders for file in named(inner, *IMAGE_SUFFIXES)}
        without = sorted(beside - set(self._source_of))
        self._unlabelled += without
        if not self._background:
            return found
        return [*found, *(AnnotatedPicture(file, file, None, ()) for file in without)]

    def remarks(self) -> list[str]:
        notes = []
        if self._no_area:
            notes.append(f"{self._no_area} points and lines have no area and were left out.")
        if self._unlabelled and self._background:
            count = len(self._unlabelled)
            notes.append(background_note(count, count + len(self._source_of), "all splits"))
        elif self._unlabelled:
            notes.append(
                f"{len(self._unlabelled)} pictures have no annotation file and were left out, as still to be "
                f"annotated: {listed(self._unlabelled)}."
            )
        return notes

    def _picture(self, file: Path) -> AnnotatedPicture:
        document = read_json(file)
        shapes = document.get("shapes") if isinstance(document, dict) else None
        if not isinstance(shapes, list):
            raise DatasetError(f"{str(file)!r} has no list 'shapes', which LabelMe's files have.")
        path = self._path(file, document)
        size = size_of(repr(str(file)), document, "imageWidth", "imageHeight")
        if size and size[0] * size[1] > DEFAULT_MAX_PIXELS:
            raise DatasetError(
                f"{str(file)!r} is of a picture of {size[0]} x {size[1]} pixels, which is too many."
            )
        things = []
        for place, shape in enumerate(shapes, start=1):
            try:
                thing = self._annotation(f"Shape {place}", shape, size)
            except InputError as error:
                raise DatasetError(f"Shape {place} of {str(file)!r} {error}") from None
            things += [thing] if thing else []
        return AnnotatedPicture(path, str(file), size, tuple(things))

    def _path(self, file: Path, document: Mapping[str, Any]) -> str:
        said = document.get("imagePath")
        if not isinstance(said, str):
            raise DatasetError(f"{str(file)!r} has the 'imagePath' {short(said)}; expected a file's name.")
        by_name = file.parent / said.replace("\\", "/")
        found = by_stem = self._of_the_same_stem(file, by_name.name)
        if by_stem and by_name.is_file() and not by_name.samefile(by_stem):
            raise DatasetError(
                f"{str(file)!r} is named as {by_stem.name!r} is and says that it is of {said!r}; rename one "
                "of them, so that they agree."
            )
        if found is None:  # where the names agree, what stands before them may be another machine's
            found = self._root / inside(self._root, by_name, f"{str(file)!r} names {said!r}")
        if not found.is_file():
            within = (
                "; its pixels are in 'imageData': save them beside it" if document.get("imageData") else ""
            )
            raise DatasetError(f"{str(file)!r} is of the picture {said!r}, which is not there{within}.")
        path = inside(self._root, found, "")
        if path in self._source_of:
            raise DatasetError(
                f"{str(self._source_of[path])!r} and {str(file)!r} are both of {path!r}; keep one."
            )
        self._source_of[path] = file
        return path

    def _of_the_same_stem(self, file: Path, said: str) -> Path | None:
        beside = (
            folder_named(file.parent.parent, *_PICTURES) if file.parent.name.lower() in _FOLDERS else None
        )
        for folder in (file.parent, beside):
            if folder and folder not in self._pictures:
                self._pictures[folder] = pictures_in(folder)
            found = self._pictures[folder].get(file.stem, []) if folder else []
            if len(found) == 1:
                return found[0]
            if found and not any(one.name == said for one in found):
                names = listed([one.name for one in found])
                raise DatasetError(f"{str(file)!r} lies beside {names} and is of {said!r}; keep one of them.")
        return None

    def _annotation(self, where: str, shape: Any, size: Sides | None) -> Annotation | None:
        """Raises InputError in words that follow what it is of."""
        if not isinstance(shape, dict):
            raise InputError(f"is {short(shape)}; expected an object.")
        label, kind, points = shape.get("label"), shape.get("shape_type", "polygon"), shape.get("points")
        if not isinstance(label, str) or not label.strip():
            raise InputError(f"has the label {short(label)}; expected the name of a class.")
        if isinstance(kind, str) and kind in _NO_AREA:
            self._no_area += 1
            return None
        label = "background" if label == BACKGROUND else label.strip()
        if label == IGNORED:
            self.ignored = True
        else:
            self.labels.add(label)
        crowd = label == IGNORED
        if kind == "mask":
            return Annotation(where, label, runs=_runs(points, shape.get("mask"), size), crowd=crowd)
        outline = _outline(kind, points)
        return Annotation(where, label, around([outline]), (outline,), crowd=crowd)


def _runs(points: Any, text: Any, size: Sides | None) -> RunLengths:
    """A shape whose pixels are a PNG in base 64, between two corners of the picture, both of them in it.

    Raises InputError in words that follow what has it.
    """
    corner = points_of(points)
    if size is None or len(corner) != 2 or not isinstance(text, str):
        raise InputError("is a mask without its picture's size, two points or 'mask'.")
    try:
        pixels = read_image(base64.b64decode(text, validate=True), name="mask")[..., 0] > 0
    except (ValueError, ImageError):
        raise InputError("is a mask whose 'mask' is no picture in base 64.") from None
    left, top = corner[0].astype(int).tolist()
    height, width = pixels.shape
    whole = np.zeros((size[1], size[0]), bool)
    if min(left, top) < 0 or left + width > size[0] or top + height > size[1]:
        raise InputError(f"is a mask that does not lie in its picture of {size[0]} x {size[1]} pixels.")
    whole[top : top + height, left : left + width] = pixels
    return encode(whole)


def _outline(kind: Any, points: Any) -> Corners:
    """A shape as a polygon. Raises InputError in words that follow what has it."""
    if kind == "polygon":
        return corners(points)
    if not isinstance(kind, str) or kind not in _BY_TWO_POINTS:
        raise InputError(
            f"has the shape_type {short(kind)}; known are polygon, mask, {', '.join(sorted(_BY_TWO_POINTS))}."
        )
    found = points_of(points)
    if len(found) != 2:
        raise InputError(f"is a {kind} of {len(found)} points; expected two.")
    return _BY_TWO_POINTS[kind](*found)


def _rectangle(corner: Point, opposite: Point) -> Corners:
    (x1, y1), (x2, y2) = np.minimum(corner, opposite), np.maximum(corner, opposite)
    return np.array([(x1, y1), (x2, y1), (x2, y2), (x1, y2)])


def _circle(centre: Point, on_it: Point) -> Corners:
    x, y = centre.tolist()
    radius = math.dist(centre, on_it)
    return ellipse((x, y), (radius, radius))


_BY_TWO_POINTS: dict[str, Callable[[Point, Point], Corners]] = {"rectangle": _rectangle, "circle": _circle}
