"""Lists of pictures with their label files, as DeepPCB has them, -> annotated pictures.

``trainval.txt`` and ``test.txt`` have a line for each picture: its file and that of its boxes. Each line of
the latter is ``x1 y1 x2 y2 number`` in pixels. ``classes.txt`` names the numbers, a name a line from 1 on (0
is nobody's); without it they are DeepPCB's six. The form is described at github.com/tangsanli5201/DeepPCB.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from foveate.dataset.sources.annotations import AnnotatedData, AnnotatedPicture, Annotation
from foveate.dataset.sources.documents import content, folder_named, inside, named, text_of
from foveate.dataset.sources.split_names import split_word
from foveate.errors import DatasetError, InputError
from foveate.images.read import is_image_name

_CLASSES = ("open", "short", "mousebite", "spur", "copper", "pin-hole")  # 1 to 6
_TABLE = "classes.txt"
_FOLDERS = ("pcbdata", "data")
_TESTED = "_test"  # which the published lists leave out of the pictures' names
_MAX_LIST_BYTES = 1 << 24


def read_box_lists(path: Path, *, background: bool = False) -> AnnotatedData | None:
    """The data in a folder; None where there is none of this form. Raises DatasetError.

    background: a picture whose label file is not there shows nothing.
    """
    for folder in filter(None, (path, folder_named(path, *_FOLDERS))):
        if found := _lists(folder):
            return _read(folder, found, background=background)
    return None


def _lists(folder: Path) -> dict[str, Path]:
    """Split -> list, of the texts whose first line is a picture and a text file."""
    found: dict[str, Path] = {}
    for file in named(folder, ".txt"):
        word = split_word(file.stem)
        first = content(file)[:4096].decode("utf-8", "replace").partition("\n")[0].split()
        if word and not word[1] and len(first) == 2 and is_image_name(first[0]) and first[1].endswith(".txt"):
            found[word[0]] = file
    return found


def _read(root: Path, lists: Mapping[str, Path], *, background: bool) -> AnnotatedData:
    table = root / _TABLE
    names = text_of(table).split() if table.is_file() else list(_CLASSES)
    notes = [] if table.is_file() else [f"The classes 1 to 6 are DeepPCB's; write others in a {_TABLE}."]
    ids = {name: str(number) for number, name in enumerate(names, start=1)}
    if len(lists) == 1:
        lists = {"train": next(iter(lists.values()))}
    splits: dict[str, list[AnnotatedPicture]] = {}
    for key, file in lists.items():
        pictures = splits[key] = []
        for line, text in enumerate(text_of(file, _MAX_LIST_BYTES).splitlines(), start=1):
            if words := text.split():
                pictures.append(_picture(root, f"Line {line} of {str(file)!r}", words, names, background))
    return AnnotatedData(root, splits, tuple(names), tuple(notes), ids=ids)


def _picture(
    root: Path, where: str, words: list[str], names: list[str], background: bool
) -> AnnotatedPicture:
    if len(words) != 2:
        raise DatasetError(f"{where} has {len(words)} words; expected a picture and its label file.")
    picture, labels = (root / word for word in words)
    tested = picture.with_name(f"{picture.stem}{_TESTED}{picture.suffix}")
    found = next((one for one in (picture, tested) if one.is_file()), None)
    if found is None or not (labels.is_file() or background):
        missing = words[0] if found is None else words[1]
        raise DatasetError(f"{where} names {missing!r}, which is not there.")
    things = []
    lines = text_of(labels).splitlines() if labels.is_file() else []
    for line, text in enumerate(lines, start=1):
        if text.strip():
            try:
                things.append(_thing(f"Line {line}", text.replace(",", " ").split(), names))
            except InputError as error:
                raise DatasetError(f"Line {line} of {str(labels)!r} {error}") from None
    path = inside(root, found, f"{where} names {words[0]!r}")
    return AnnotatedPicture(path, str(labels), None, tuple(things))


def _thing(where: str, cells: list[str], names: list[str]) -> Annotation:
    """Raises InputError in words that follow the line's name."""
    try:
        x1, y1, x2, y2, number = map(float, cells)
    except ValueError:
        raise InputError(
            f"is {' '.join(cells)!r:.60}; expected x1 y1 x2 y2 and the class's number."
        ) from None
    if not all(map(math.isfinite, (x1, y1, x2, y2, number))):
        raise InputError("has a number that is not finite.")
    if number not in range(1, len(names) + 1):
        raise InputError(f"is of class {number:g}; there are {len(names)}, from 1 on.")
    return Annotation(where, names[int(number) - 1], (x1, y1, x2, y2))
