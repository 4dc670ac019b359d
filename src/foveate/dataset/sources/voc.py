"""Pascal VOC's XML, one file a picture, -> annotated pictures.

The files lie in ``Annotations/`` and the pictures in ``JPEGImages/`` (or ``images/``), ``ImageSets/Main``
lists those of each split; or both lie side by side, with ``train/`` and ``val/`` or without. A picture is
found by the stem of its file: what the file calls it is often wrong.

VOC counts pixels from 1 and takes both corners for inside; many programs that write its form, labelImg first
among them, count from 0. A corner at 0 tells that a data set counts from 0. The form is described in the VOC
development kit (Everingham, Winn, 2012), section 5.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from foveate.dataset.sources.annotations import (
    BACKGROUND,
    AnnotatedData,
    AnnotatedPicture,
    Annotation,
    Box,
    Sides,
    background_note,
)
from foveate.dataset.sources.documents import (
    content,
    folder_named,
    inside,
    named,
    pictures_in,
    read_xml,
    split_folders,
    text_of,
)
from foveate.dataset.sources.split_names import split_of, split_word
from foveate.errors import DatasetError, InputError, listed
from foveate.words import setting

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_MARK = b"<annotation"
_NOT = b"<annotations"  # CVAT's root
_LOOKED_AT = 3  # files of a folder, one of which is to have the mark
_FOLDERS = ("annotations", "labels", "xml", "xmls")
_PICTURES = ("jpegimages", "images", "imgs", "img")
_LISTS = ("ImageSets/Main", "ImageSets")
_SIDES = ("xmin", "ymin", "xmax", "ymax")
_MAX_LIST_BYTES = 1 << 24


class _Part(NamedTuple):
    """Annotation files, the folder of their pictures, and these by the stem of their names."""

    files: list[Path]
    folder: Path
    pictures: Mapping[str, list[Path]]


def read_voc(path: Path, *, background: bool = False) -> AnnotatedData | None:
    """The data in a folder; None where there is none of this form. Raises DatasetError.

    background: a picture without a file has nothing in it.
    """
    parts = {key: part for key, inner in split_folders(path).items() if (part := _part(inner))}
    if not parts and (whole := _part(path)):
        parts = {"train": whole}
    if not parts:
        return None
    notes: list[str] = []
    splits: dict[str, list[AnnotatedPicture]] = {}
    lists = _lists(path) if len(parts) == 1 else {}
    for key, part in parts.items():
        splits[key] = [_picture(path, part, file) for file in part.files]
        if background or not lists:  # lists say which pictures are meant
            splits[key] += _without_files(path, key, part, notes, background=background)
    if len(splits) == 1:
        (pictures,) = splits.values()
        splits = _by_lists(lists, pictures, notes) if lists else {"train": pictures}
    found = {thing.label for split in splits.values() for one in split for thing in one.annotations}
    return AnnotatedData(path, _from_zero(splits, notes), tuple(sorted(found)), tuple(notes))


def _part(folder: Path) -> _Part | None:
    own = folder_named(folder, *_FOLDERS)
    for inner in (folder, own):
        files = named(inner, ".xml") if inner else []
        some = [content(file)[:4096] for file in files[:_LOOKED_AT]]
        if any(_MARK in start and _NOT not in start for start in some):
            pictures = folder_named(folder, *_PICTURES) or inner or folder
            return _Part(files, pictures, pictures_in(pictures))
    return None


def _without_files(
    root: Path, key: str, part: _Part, notes: list[str], *, background: bool
) -> list[AnnotatedPicture]:
    """The pictures that no annotation file is of. Raises DatasetError, unless they show nothing."""
    stems = {file.stem for file in part.files}
    found = [file for stem, files in part.pictures.items() if stem not in stems for file in files]
    if not found:
        return []
    of = len(found) + len(part.files)
    if not background:
        raise DatasetError(
            f"{len(found)} of {of} pictures in {str(part.folder)!r} have no annotation file, the first "
            f"{found[0].name!r}: annotate them, take them out, or say that they show nothing with "
            f"{setting('unlabelled', BACKGROUND)}."
        )
    notes.append(background_note(len(found), of, key))
    return [AnnotatedPicture(inside(root, file, ""), str(file), None, ()) for file in found]


def _picture(root: Path, part: _Part, file: Path) -> AnnotatedPicture:
    document = read_xml(file)
    if document.tag != "annotation":
        raise DatasetError(f"{str(file)!r} has the root <{document.tag:.40}>; VOC's has <annotation>.")
    found = part.pictures.get(file.stem, [])
    if len(found) != 1:
        names = listed([one.name for one in found]) if found else "none"
        raise DatasetError(
            f"{str(file)!r} is of the picture of that name in {str(part.folder)!r}, of which there is "
            f"{names}; expected one."
        )
    things = []
    for place, entry in enumerate(document.iterfind("object"), start=1):
        try:
            things.append(_thing(f"Object {place}", entry))
        except InputError as error:
            raise DatasetError(f"Object {place} of {str(file)!r} {error}") from None
    path = inside(root, found[0], f"{str(file)!r} is of {found[0].name!r}")
    return AnnotatedPicture(path, str(file), _size(file, document), tuple(things))


def _size(file: Path, document: Element) -> Sides | None:
    """(width, height); None where nothing, or 0, is said, as some programs do."""
    texts = [document.findtext(f"size/{side}", "0").strip() for side in ("width", "height")]
    try:
        width, height = (int(text or 0) for text in texts)
    except ValueError:
        raise DatasetError(
            f"{str(file)!r} has the size {texts[0]:.20} x {texts[1]:.20}; expected whole numbers of pixels."
        ) from None
    return (width, height) if min(width, height) > 0 else None


def _thing(where: str, entry: Element) -> Annotation:
    """With the numbers as they stand there. Raises InputError in words that follow what it is of."""
    label = entry.findtext("name", "").strip()
    if not label:
        raise InputError("has no <name>.")
    corners = entry.find("bndbox")
    if corners is None:
        raise InputError(f"({label!r:.40}) has no <bndbox>.")
    numbers = []
    for side in _SIDES:
        text = corners.findtext(side, "").strip()
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise InputError(f"({label!r:.40}) has {text!r:.40} as <{side}>; expected a number of pixels.")
        numbers.append(value)
    x1, y1, x2, y2 = numbers
    return Annotation(where, label, (x1, y1, x2, y2), crowd=entry.findtext("difficult", "0").strip() == "1")


def _from_zero(
    splits: Mapping[str, list[AnnotatedPicture]], notes: list[str]
) -> dict[str, list[AnnotatedPicture]]:
    """Boxes from corner to corner, whichever way the files count; which way is noted."""
    boxes = [
        thing.box for split in splits.values() for one in split for thing in one.annotations if thing.box
    ]
    at_zero = sum(min(box) <= 0 for box in boxes)
    if at_zero:
        notes.append(
            f"Pixels are counted from 0, for {at_zero} of {len(boxes)} boxes have a corner at 0 or below; "
            "VOC itself counts from 1."
        )
        return dict(splits)
    if boxes:
        at_one = sum(min(box) == 1 for box in boxes)
        notes.append(
            f"Pixels are counted from 1, as VOC does: no box has a corner at 0, and {at_one} of {len(boxes)} "
            "have one at 1."
        )
    return {key: [_counted_from_one(one) for one in split] for key, split in splits.items()}


def _counted_from_one(picture: AnnotatedPicture) -> AnnotatedPicture:
    moved = tuple(
        thing._replace(box=_shifted(thing.box)) if thing.box else thing for thing in picture.annotations
    )
    return picture._replace(annotations=moved)


def _shifted(box: Box) -> Box:
    """The first pixel, 1, is the square from 0 to 1, and the last one is inside."""
    x1, y1, x2, y2 = box
    return x1 - 1, y1 - 1, x2, y2


def _by_lists(
    lists: Mapping[str, tuple[Path, list[str]]], pictures: list[AnnotatedPicture], notes: list[str]
) -> dict[str, list[AnnotatedPicture]]:
    """By the lists in ImageSets/Main. Raises DatasetError."""
    by_stem = {Path(one.file).stem: one for one in pictures}
    splits: dict[str, list[AnnotatedPicture]] = {}
    for key, (file, stems) in lists.items():
        missing = [stem for stem in stems if stem not in by_stem]
        if len(missing) == len(stems) and key != "train":  # as of VOC's own test pictures, which are secret
            notes.append(f"No picture of {str(file)!r} has an annotation file: there is no {key} split.")
            continue
        if missing:
            raise DatasetError(
                f"{str(file)!r} lists {len(missing)} of {len(stems)} pictures that have no annotation file: "
                f"{listed(missing)}; {setting('unlabelled', BACKGROUND)} says that they show nothing."
            )
        splits[key] = [by_stem[stem] for stem in stems]
    given = {stem for _, stems in lists.values() for stem in stems}
    if others := sorted(set(by_stem) - given):
        notes.append(
            f"{len(others)} annotated pictures are in no list of ImageSets and were left out: "
            f"{listed(others)}."
        )
    return splits


def _lists(root: Path) -> dict[str, tuple[Path, list[str]]]:
    """Split -> the file and the stems in it. trainval is read where there is no train."""
    folder = next((root / name for name in _LISTS if (root / name).is_dir()), None)
    files = {file.stem.lower(): file for file in named(folder, ".txt")} if folder else {}
    found: dict[str, tuple[Path, list[str]]] = {}
    for stem, file in files.items():
        word = split_word(stem)
        if word is None or word[1] or (split_of(stem) is None and word[0] != "train"):
            continue  # of one class: cat_train.txt
        if stem == "trainval" and "train" in files:
            continue
        names = [line.split()[0] for line in text_of(file, _MAX_LIST_BYTES).splitlines() if line.strip()]
        if names:
            found[word[0]] = file, list(dict.fromkeys(names))
    if found and "train" not in found:
        found = {"train" if len(found) == 1 else key: value for key, value in found.items()}
    return found
