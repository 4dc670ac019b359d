"""CVAT's XML 1.1 ("CVAT for images") -> annotated pictures.

One file has the pictures of all splits, by the attribute ``subset``, or a file each (``train.xml``). The
pictures lie in ``images/``, there in a folder for the split or not. Polygons, ellipses and masks are things
with outlines, boxes are boxes (one that is turned is the upright one around it), points and lines have no
area. The form is described at docs.cvat.ai/docs/manual/advanced/xml_format.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from foveate.dataset.sources.annotations import (
    AnnotatedData,
    AnnotatedPicture,
    Annotation,
    Corners,
    Lookup,
    Sides,
    around,
    corners,
    ellipse,
)
from foveate.dataset.sources.documents import content, folder_named, named, read_xml, split_folders
from foveate.dataset.sources.split_names import split_of
from foveate.errors import DatasetError, InputError
from foveate.images.read import DEFAULT_MAX_PIXELS, MAX_SIDE_PX
from foveate.tasks.segmentation.rle import RunLengths, encode

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_MARKS = (b"<annotations>", b"<version>")
_NO_AREA = frozenset(("points", "polyline", "tag"))
_DEFAULT = ("", "default")  # subsets that were given no name


def read_cvat(path: Path) -> AnnotatedData | None:
    """The data in a folder or of one file; None where there is none of this form. Raises DatasetError."""
    if path.suffix.lower() == ".xml" and path.is_file():
        return _joined(path.parent, [path])
    files = [file for file in named(path, ".xml") if all(mark in content(file) for mark in _MARKS)]
    return _joined(path, files) if files else None


def _joined(root: Path, files: list[Path]) -> AnnotatedData:
    splits: dict[str, list[AnnotatedPicture]] = {}
    labels: dict[str, None] = {}
    no_area = 0
    for file in files:
        document = read_xml(file)
        if document.tag != "annotations":
            raise DatasetError(f"{str(file)!r} has the root <{document.tag:.40}>; CVAT's has <annotations>.")
        if document.find("track") is not None:
            raise DatasetError(f"{str(file)!r} holds tracks of a video; export it as 'CVAT for images'.")
        listed = [name.text.strip() for name in document.iterfind("meta//label/name") if name.text]
        labels.update(dict.fromkeys(listed))
        for key, (lookup, entries) in _by_split(root, file, document).items():
            pictures = [_picture(file, entry, lookup) for entry in entries]
            lookup.require_all(str(file), len(entries))
            splits.setdefault(key, []).extend(picture for picture in pictures if picture)
        no_area += sum(shape.tag in _NO_AREA for entry in document.iterfind("image") for shape in entry)
    used = [thing.label for split in splits.values() for one in split for thing in one.annotations]
    labels.update(dict.fromkeys(used))
    if len(splits) == 1:
        splits = {"train": next(iter(splits.values()))}
    notes = [f"{no_area} points, lines and tags have no area and were left out."] if no_area else []
    return AnnotatedData(root, splits, tuple(labels), tuple(notes))


def _by_split(root: Path, file: Path, document: Element) -> dict[str, tuple[Lookup, list[Element]]]:
    """Split -> where its pictures are looked for, and their entries."""
    own = split_of(file.stem) or "train"
    entries: dict[str, list[Element]] = {}
    for entry in document.iterfind("image"):
        subset = entry.get("subset", "").strip()
        key = own if subset.lower() in _DEFAULT else split_of(subset)
        if key is None:
            raise DatasetError(f"{str(file)!r} has the subset {subset!r:.40}; train, val and test are known.")
        entries.setdefault(key, []).append(entry)
    images = folder_named(root, "images")
    found = {}
    for key, own_entries in entries.items():
        folders = [split_folders(base).get(key) for base in (images, root) if base]
        places = [folder for folder in (*folders, images, root) if folder]
        found[key] = Lookup(root, places), own_entries
    return found


def _picture(file: Path, entry: Element, lookup: Lookup) -> AnnotatedPicture | None:
    name = entry.get("name")
    if not name:
        raise DatasetError(f"{str(file)!r} has an image without a name.")
    size = _sides(f"Image {name!r:.80} of {str(file)!r}", entry.attrib)
    things = []
    for place, shape in enumerate(entry, start=1):
        if shape.tag in _NO_AREA:
            continue
        where = f"Shape {place} of image {name!r:.80}"
        try:
            things.append((int(shape.get("z_order", "0")), _thing(where, shape, size)))
        except ValueError as error:  # an InputError, or z_order, is one
            said = str(error) if isinstance(error, InputError) else "has a 'z_order' that is no whole number."
            raise DatasetError(f"{where} of {str(file)!r} {said}") from None
    path = lookup.find(name, str(file))
    over = [thing for _, thing in sorted(things, key=lambda one: one[0])]  # stable: later ones over earlier
    return AnnotatedPicture(path, str(file), size, tuple(over)) if path else None


def _sides(where: str, attributes: Mapping[str, str]) -> Sides:
    try:
        width, height = (int(attributes[key]) for key in ("width", "height"))
    except (KeyError, ValueError):
        width = height = 0
    if not (0 < width <= MAX_SIDE_PX and 0 < height <= MAX_SIDE_PX and width * height <= DEFAULT_MAX_PIXELS):
        raise DatasetError(f"{where} has no width and height that a picture can have.")
    return width, height


def _thing(where: str, shape: Element, size: Sides) -> Annotation:
    """Raises InputError in words that follow what it is of."""
    label = shape.get("label", "").strip()
    if not label:
        raise InputError("has no label.")
    if shape.tag == "box":
        x1, y1, x2, y2 = (_number(shape, key) for key in ("xtl", "ytl", "xbr", "ybr"))
        if not _rotation(shape):
            return Annotation(where, label, (x1, y1, x2, y2))
        outline = np.array([(x1, y1), (x2, y1), (x2, y2), (x1, y2)])
        return Annotation(where, label, around([_turned(outline, _rotation(shape))]))
    if shape.tag == "mask":
        return Annotation(where, label, runs=_runs(shape, size))
    if shape.tag == "polygon":
        outline = _outline(shape.get("points", ""))
    elif shape.tag == "ellipse":
        x, y, across, down = (_number(shape, key) for key in ("cx", "cy", "rx", "ry"))
        outline = _turned(ellipse((x, y), (across, down)), _rotation(shape))
    else:
        raise InputError(f"is a {shape.tag:.40}; polygons, ellipses, masks and boxes are read.")
    return Annotation(where, label, around([outline]), (outline,))


def _number(shape: Element, key: str) -> float:
    try:
        value = float(shape.get(key, ""))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"has no number {key!r}.")
    return value


def _rotation(shape: Element) -> float:
    """Degrees, clockwise, by which a shape is turned about its middle."""
    return _number(shape, "rotation") if "rotation" in shape.attrib else 0.0


def _turned(outline: Corners, degrees: float) -> Corners:
    """A rectangle or an ellipse, turned clockwise about its middle, which is the mean of its corners."""
    middle, angle = outline.mean(axis=0), math.radians(degrees)
    cos, sin = math.cos(angle), math.sin(angle)
    return middle + (outline - middle) @ np.array([[cos, sin], [-sin, cos]])


def _outline(text: str) -> Corners:
    """``1,2;3,4;5,6``"""
    try:
        points = [[float(cell) for cell in point.split(",")] for point in text.split(";") if point]
    except ValueError:
        raise InputError(f"has the points {text!r:.40}; expected x,y;x,y and so on.") from None
    return corners(points)


def _runs(shape: Element, size: Sides) -> RunLengths:
    """CVAT's run lengths go row by row, outside first, through a window of the picture."""
    left, top, width, height = (int(_number(shape, key)) for key in ("left", "top", "width", "height"))
    try:
        counts = np.array([int(cell) for cell in shape.get("rle", "").split(",")], np.int64)
    except (ValueError, OverflowError):
        raise InputError("has run lengths that are no whole numbers.") from None
    fits = min(left, top) >= 0 and min(width, height) > 0
    if not fits or left + width > size[0] or top + height > size[1]:
        raise InputError(f"is a mask that does not lie in its picture of {size[0]} x {size[1]} pixels.")
    if counts.min() < 0 or counts.max() > width * height or counts.sum() != width * height:
        raise InputError(f"has run lengths that are not {width} x {height} pixels in all.")
    whole = np.zeros((size[1], size[0]), bool)
    window = np.repeat(np.arange(len(counts)) % 2 == 1, counts).reshape(height, width)
    whole[top : top + height, left : left + width] = window
    return encode(whole)
