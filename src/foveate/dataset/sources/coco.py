"""COCO's JSON -> annotated pictures: one file a split, with images, categories and annotations.

The files lie in ``annotations/`` (``instances_train2017.json``), in the data set's folder, or in each split's
(Roboflow's ``_annotations.coco.json``); the pictures in a folder named for the split, in ``images/``, in
``data/``, or beside the file. What is matched are names of classes, never their numbers: those may have
holes, start anywhere and differ from file to file. The form is described at cocodataset.org/#format-data.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

from foveate.dataset.sources.annotations import (
    AnnotatedData,
    AnnotatedPicture,
    Annotation,
    Corners,
    Lookup,
    Sides,
    box_of,
    corners,
    size_of,
)
from foveate.dataset.sources.documents import folder_named, json_with, read_json, split_folders
from foveate.dataset.sources.split_names import split_word
from foveate.errors import DatasetError, InputError, listed
from foveate.strict_json import is_int, is_number, short
from foveate.tasks.segmentation.rle import RunLengths, from_document

LISTS = ("images", "annotations", "categories")
_MARKS = LISTS[:2]  # by which a file is known; in a folder of annotations the first will do
CROWDS = "crowd regions"  # what is ignored in such data
_THINGS = "instances"  # the kind of file, among several, that has the things in pictures
_PICTURE_FOLDERS = ("images", "data", "jpegimages", "img", "imgs")
_FOLDERS = ("annotations", "labels")  # that hold the files
# what files hold that are of the form and have no outlines: a key of their annotations
_OTHERS = {"caption": "sentences (captions)", "segments_info": "panoptic segments (in PNG files beside it)"}


def read_coco(path: Path) -> AnnotatedData | None:
    """The data in a folder, or in one file; None where there is none of this form. Raises DatasetError."""
    if path.suffix.lower() == ".json" and path.is_file():
        folder = path.parent
        root = folder.parent if folder.name.lower() in _FOLDERS else folder
        return _joined(root, {"train": path})
    files = _by_split(path) if path.is_dir() else {}
    return _joined(path, files) if files else None


def _by_split(root: Path) -> dict[str, Path]:
    """Split -> file. Raises DatasetError where a split has several that are alike."""
    folder = folder_named(root, *_FOLDERS)
    found: dict[str, list[Path]] = {}
    loose = [*json_with(root, *_MARKS), *(json_with(folder, _MARKS[0]) if folder else ())]
    for file in loose:
        word = split_word(file.stem)
        found.setdefault(word[0] if word else "train", []).append(file)
    if not loose:
        found = {key: json_with(inner, *_MARKS) for key, inner in split_folders(root).items()}
    if any(_THINGS in file.name for files in found.values() for file in files):
        found = {key: [file for file in files if _THINGS in file.name] for key, files in found.items()}
    for key, files in found.items():
        if len(files) > 1:
            names = listed([str(file.relative_to(root)) for file in files])
            raise DatasetError(
                f"Data set {str(root)!r} has {names}, each of which may mean {key}; name the one file as the "
                "data, or keep one."
            )
    return {key: files[0] for key, files in found.items() if files}


def _joined(root: Path, files: Mapping[str, Path]) -> AnnotatedData:
    if "train" not in files and len(files) == 1:
        files = {"train": next(iter(files.values()))}
    notes: list[str] = []
    labels: dict[str, None] = {}
    splits, crowds = {}, False
    ids: dict[str, dict[str, None]] = {}
    for key, file in files.items():
        document = _document(file)
        names = _categories(file, document, notes)
        splits[key] = _pictures(root, file, document, names, notes)
        labels.update(dict.fromkeys(names.values()))
        for number, name in names.items():
            ids.setdefault(name, {})[str(number)] = None
        crowds = crowds or any(one.crowd for picture in splits[key] for one in picture.annotations)
    known_as = {name: ", ".join(numbers) for name, numbers in ids.items()}
    return AnnotatedData(root, splits, tuple(labels), tuple(notes), CROWDS if crowds else "", known_as)


def _document(file: Path) -> dict[str, list[dict[str, Any]]]:
    """The lists of a file, each entry an object."""
    document = read_json(file)
    if not isinstance(document, dict):
        raise DatasetError(f"{str(file)!r} holds {short(document)}; expected an object with {listed(LISTS)}.")
    if "shapes" in document:
        raise DatasetError(
            f"{str(file)!r} is LabelMe's file of one picture; name the folder that it lies in."
        )
    for name in LISTS:
        entries = document.get(name)
        if not isinstance(entries, list):
            raise DatasetError(f"{str(file)!r} has no list {name!r}; COCO's JSON has {listed(LISTS)}.")
        if strange := [one for one in entries if not isinstance(one, dict)]:
            raise DatasetError(
                f"{str(file)!r} has {short(strange[0])} in {name!r}, where an object is expected."
            )
    return document


def _categories(
    file: Path, document: Mapping[str, list[dict[str, Any]]], notes: list[str]
) -> dict[Hashable, str]:
    """Number -> name."""
    names: dict[Hashable, str] = {}
    for entry in document["categories"]:
        number, name = _id(file, "Category", entry), entry.get("name")
        if not isinstance(name, str) or not name.strip():
            raise DatasetError(f"Category {short(number)} of {str(file)!r} has no name.")
        if number in names:
            raise DatasetError(
                f"{str(file)!r} has the category {short(number)} twice: {names[number]!r} and {name!r}."
            )
        names[number] = name.strip()
    for name, times in Counter(names.values()).items():
        if times > 1:
            notes.append(f"{file.name!r} lists the class {name!r} {times} times; they are one class.")
    above = names.get(0)
    used = any(entry.get("category_id") == 0 for entry in document["annotations"])
    others = [entry for entry in document["categories"] if entry["id"] != 0]
    if above and others and not used and all(entry.get("supercategory") == above for entry in others):
        notes.append(
            f"{file.name!r} lists {above!r} as what all classes are; no annotation has it, left out."
        )
        del names[0]
    return names


def _id(file: Path, what: str, entry: Mapping[str, Any], key: str = "id") -> Hashable:
    number = entry.get(key)
    if not is_int(number) and not isinstance(number, str):
        called = f"{what} {short(entry['id'])}" if key != "id" and "id" in entry else f"A {what.lower()}"
        found = f"the {key!r} {short(number)}" if key in entry else f"no {key!r}"
        raise DatasetError(f"{called} of {str(file)!r} has {found}; expected a whole number.")
    return number


def _pictures(
    root: Path,
    file: Path,
    document: Mapping[str, list[dict[str, Any]]],
    names: Mapping[Hashable, str],
    notes: list[str],
) -> list[AnnotatedPicture]:
    things = _annotations(file, document, names, notes)
    lookup = Lookup(root, _folders(root, file))
    found: dict[str, AnnotatedPicture] = {}
    numbers: set[Hashable] = set()
    for entry in document["images"]:
        number, name = _id(file, "Image", entry), entry.get("file_name")
        if not isinstance(name, str) or not name:
            raise DatasetError(f"Image {short(number)} of {str(file)!r} has no 'file_name'.")
        if number in numbers:
            raise DatasetError(
                f"{str(file)!r} has the image {short(number)} twice; each needs an id of its own."
            )
        numbers.add(number)
        if (path := lookup.find(name, str(file))) is None:
            continue
        if path in found:
            raise DatasetError(f"{str(file)!r} has the picture {path!r} twice, under several ids.")
        own = sorted(things.pop(number, ()), key=lambda one: not one.crowd)  # stable: crowds lie below
        found[path] = AnnotatedPicture(path, str(file), _size(file, entry), tuple(own))
    lookup.require_all(str(file), len(document["images"]))
    if things:
        raise DatasetError(
            f"{things.popitem()[1][0].where} of {str(file)!r} is of an image that the file does not list."
        )
    if lookup.respelled:
        notes.append(
            f"{lookup.respelled} file names are spelled otherwise on the disk, and were found there."
        )
    return list(found.values())


def _size(file: Path, entry: Mapping[str, Any]) -> Sides | None:
    return size_of(f"Image {short(entry['id'])} of {str(file)!r}", entry, "width", "height")


def _annotations(
    file: Path, document: Mapping[str, list[dict[str, Any]]], names: Mapping[Hashable, str], notes: list[str]
) -> dict[Hashable, list[Annotation]]:
    """By the number of the image."""
    found: dict[Hashable, list[Annotation]] = {}
    times: Counter[str] = Counter()
    for place, entry in enumerate(document["annotations"], start=1):
        where = f"Annotation {short(entry['id'])}" if "id" in entry else f"Annotation no. {place}"
        if held := next((_OTHERS[key] for key in _OTHERS if key in entry), None):
            raise DatasetError(f"{str(file)!r} holds {held}, where outlines or boxes of things are expected.")
        category = _id(file, "Annotation", entry, "category_id")
        if category not in names:
            known = ", ".join(f"{short(number)} {name!r}" for number, name in list(names.items())[:5])
            raise DatasetError(
                f"{where} of {str(file)!r} is of the category {short(category)}, which is not listed; "
                f"listed: {known or 'none'}{' ...' if len(names) > 5 else ''}."
            )
        image = _id(file, "Annotation", entry, "image_id")
        try:
            found.setdefault(image, []).append(_annotation(where, names[category], entry))
        except InputError as error:
            raise DatasetError(f"{where} of {str(file)!r} {error}") from None
        times[str(entry.get("id", f"no. {place}"))] += 1
    if twice := [number for number, count in times.items() if count > 1]:
        notes.append(
            f"{file.name!r} has {len(twice)} ids for several annotations; all are taken: {listed(twice)}."
        )
    return found


def _annotation(where: str, label: str, entry: Mapping[str, Any]) -> Annotation:
    """Raises InputError in words that follow what it is of."""
    box = box_of(entry["bbox"]) if entry.get("bbox") else None
    crowd = entry.get("iscrowd", 0)
    if crowd not in (0, 1):
        raise InputError(f"has the 'iscrowd' {short(crowd)}; expected 0 or 1.")
    drawn = entry.get("segmentation") or []
    polygons: Sequence[Corners] = ()
    runs: RunLengths | None = None
    if isinstance(drawn, dict):
        runs = from_document(drawn)
    elif isinstance(drawn, list) and all(isinstance(part, list) for part in drawn):
        polygons = [corners(part) for part in drawn]
    else:
        raise InputError(
            f"has {short(drawn)} as 'segmentation'; expected a list of outlines, or run lengths."
        )
    area = entry.get("area")
    if area is not None and not (is_number(area) and math.isfinite(area) and area >= 0):
        raise InputError(f"has the area {short(area)}; expected a number of square pixels.")
    return Annotation(where, label, box, tuple(polygons), runs, bool(crowd), area)


def _folders(root: Path, file: Path) -> list[Path]:
    """Where the pictures of a file may lie, the most likely place first."""
    key = (split_word(file.stem) or ("",))[0]
    bases = [root, *(folder for folder in [folder_named(root, *_PICTURE_FOLDERS)] if folder)]
    own = [split_folders(base).get(key) for base in bases] if key else []
    places = [file.parent, *(folder for folder in own if folder), *bases[::-1]]
    return [inner for place in places for inner in (place, folder_named(place, *_PICTURE_FOLDERS)) if inner]
