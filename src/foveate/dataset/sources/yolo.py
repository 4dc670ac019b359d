"""YOLO's text files, one a picture, -> annotated pictures.

Each line is a thing: the number of its class, then x and y of the corners of its outline, or the centre,
width and height of its box, as fractions of the picture's sides. ``data.yaml`` tells the names of the classes
and where the pictures of each split lie, or ``classes.txt`` tells the names alone; ``images`` in a picture's
path is ``labels`` in that of its file. Darknet's ``obj.data`` with its lists is read as well. The form is
described at docs.ultralytics.com/datasets/segment.

A picture without a file is an error, an empty file says that there is nothing in it: files that were not
found would otherwise be learnt as pictures of nothing, unless the user says that they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from foveate.dataset.sources.annotations import (
    BACKGROUND,
    AnnotatedData,
    AnnotatedPicture,
    Annotation,
    Sides,
    around,
    background_note,
    corners,
    header,
)
from foveate.dataset.sources.documents import (
    folder_named,
    inside,
    named,
    read_yaml,
    split_folders,
    text_of,
)
from foveate.errors import DatasetError, InputError, listed
from foveate.images.read import IMAGE_SUFFIXES, is_image_name
from foveate.strict_json import is_int, short
from foveate.words import setting

SPLITS = ("train", "val", "test")
_YAML = (".yaml", ".yml")
_LISTS = ("classes.txt", "obj.names", "classes.names", "labels.txt")
_DARKNET = "obj.data"
_MAX_LABEL_BYTES = 1 << 24
_FURTHEST = 3.0  # of a fraction: what lies further out was meant in pixels


class _Names(NamedTuple):
    """The classes by number, and the file that lists them."""

    source: str
    by_number: Mapping[int, str]


def read_yolo(path: Path, *, background: bool = False) -> AnnotatedData | None:
    """The data in a folder or that a .yaml file tells of; None where there is none. Raises DatasetError.

    background: a picture without a file has nothing in it.
    """
    if path.suffix.lower() in _YAML and path.is_file():
        return _by_yaml(path, background=background)
    if not path.is_dir():
        return None
    settings = [file for file in named(path, *_YAML) if _tells_names(file)]
    if len(settings) > 1:
        settings = [file for file in settings if file.stem.lower() == "data"] or settings
    if settings:
        return _by_yaml(settings[0], background=background)
    if (path / _DARKNET).is_file():
        return _by_darknet(path, path / _DARKNET, background=background)
    labels = folder_named(path, "labels")
    lists = [folder / name for folder in (path, labels) if folder for name in _LISTS]
    found = next((file for file in lists if file.is_file()), None)
    folders = _picture_folders(path)
    if found is None or not folders or not any(_has_labels(folder) for folder in folders.values()):
        return None
    names = [line.strip() for line in text_of(found).rstrip().splitlines()]
    if "" in names:
        raise DatasetError(f"Line {names.index('') + 1} of {str(found)!r} is empty; expected a class's name.")
    pictures = {key: named(folder, *IMAGE_SUFFIXES) for key, folder in folders.items()}
    return _read(path, _Names(str(found), dict(enumerate(names))), pictures, background=background)


def _by_darknet(root: Path, file: Path, *, background: bool) -> AnnotatedData:
    """Darknet's ``obj.data``, as CVAT writes it: lines ``train = data/train.txt`` and ``names = ...``."""
    pairs = [line.partition("=") for line in text_of(file).splitlines() if "=" in line]
    settings = {key.strip(): value.strip() for key, _, value in pairs}

    def place(entry: str, source: Path) -> Path:
        """A file by its name there, which begins in a folder above this one where the export was packed."""
        tried = [root / entry, root / entry.partition("/")[2]]
        found = next((one for one in tried if one.is_file()), None)
        if found is None:
            raise DatasetError(f"{str(source)!r} names {entry!r}, which is not there.")
        return root / inside(root, found, f"{str(source)!r} names {entry!r}")

    names = place(settings.get("names", "obj.names"), file)
    numbered = dict(enumerate(line.strip() for line in text_of(names).rstrip().splitlines()))
    pictures: dict[str, list[Path]] = {}
    for key, word in (("train", "train"), ("val", "valid"), ("test", "test")):
        if word in settings:
            listing = place(settings[word], file)
            lines = [line.strip() for line in text_of(listing, _MAX_LABEL_BYTES).splitlines()]
            pictures[key] = [place(line, listing) for line in lines if line]
    if "train" not in pictures:
        raise DatasetError(f"{str(file)!r} does not say which pictures are to be learnt from: train = ...")
    return _read(root, _Names(str(names), numbered), pictures, background=background)


def _tells_names(file: Path) -> bool:
    try:
        return {"names", "train"} <= read_yaml(file).keys()
    except DatasetError:
        if file.stem.lower() == "data":
            raise
        return False


def _picture_folders(root: Path) -> dict[str, Path]:
    """Split -> the folder of its pictures: ``images/train``, ``train/images``, or ``images`` for all."""
    if images := folder_named(root, "images"):
        return split_folders(images) or {"train": images}
    return {key: folder_named(inner, "images") or inner for key, inner in split_folders(root).items()}


def _has_labels(folder: Path) -> bool:
    pictures = named(folder, *IMAGE_SUFFIXES)
    return any(_label_file(picture).is_file() for picture in pictures)


def _by_yaml(file: Path, *, background: bool) -> AnnotatedData:
    settings = read_yaml(file)
    if "kpt_shape" in settings:
        raise DatasetError(f"{str(file)!r} tells of key points; outlines or boxes of things are read.")
    names = _Names(str(file), _class_names(file, settings))
    pictures: dict[str, list[Path]] = {}
    for key in SPLITS:
        entries = settings.get(key) or []
        for entry in entries if isinstance(entries, list) else [entries]:
            if not isinstance(entry, str):
                raise DatasetError(f"{str(file)!r} has {short(entry)} as {key!r}; expected a folder.")
            pictures.setdefault(key, []).extend(_pictures_at(file, settings, key, entry))
    if "train" not in pictures:
        raise DatasetError(f"{str(file)!r} does not say where the pictures of 'train' lie.")
    return _read(file.parent, names, pictures, background=background)


def _class_names(file: Path, settings: Mapping[str, Any]) -> dict[int, str]:
    given = settings.get("names")
    if isinstance(given, list):
        given = dict(enumerate(given))
    if not isinstance(given, dict) or not given:
        raise DatasetError(f"{str(file)!r} has {short(given)} as 'names'; expected a list of classes.")
    names = {}
    for number, name in given.items():
        if not is_int(number) or number < 0:
            raise DatasetError(
                f"{str(file)!r} has {short(number)} among 'names', where a number is expected."
            )
        if isinstance(name, bool) or not isinstance(name, str | int | float) or not str(name).strip():
            raise DatasetError(
                f"{str(file)!r} has {short(name)} as the name of class {number}; write it in quotes."
            )
        names[number] = str(name).strip()
    count = settings.get("nc", len(names))
    if count != len(names):
        raise DatasetError(f"{str(file)!r} lists {len(names)} names and says that there are {short(count)}.")
    return names


def _pictures_at(file: Path, settings: Mapping[str, Any], key: str, entry: str) -> list[Path]:
    """The pictures in the folder, or in the list, that a file names.

    The folder is looked for from that of the file wherever the paths are another machine's: `path` may be
    there, and some programs write `../train/images` for `train/images`.
    """
    base = settings.get("path")
    plain = entry.replace("\\", "/")
    bases = [file.parent / str(base), file.parent] if base else [file.parent]
    shorter = plain
    while shorter.startswith(("./", "../")):
        shorter = shorter.partition("/")[2]
    tried = [folder / name for name in dict.fromkeys((plain, shorter)) for folder in bases]
    found = [place for place in tried if place.exists()]
    said = f"{str(file)!r} names {entry!r}"
    if not found:
        raise DatasetError(f"{said} for {key!r}, which is not there; looked for {str(tried[-1])!r}, too.")
    place = next((one for one in found if _lies_in(file.parent, one)), found[0])
    inside(file.parent, place, said)
    if place.is_dir():
        pictures = named(place, *IMAGE_SUFFIXES)
        if not pictures and (images := folder_named(place, "images")):
            pictures = named(images, *IMAGE_SUFFIXES)
        return pictures
    names = [line.strip() for line in text_of(place, _MAX_LABEL_BYTES).splitlines() if line.strip()]
    if strange := [name for name in names if not is_image_name(name)]:
        raise DatasetError(f"{str(place)!r} lists {strange[0]!r:.80}, which is no picture by its name.")
    return [_listed(file.parent, place, name) for name in names]


def _lies_in(root: Path, place: Path) -> bool:
    try:
        inside(root, place, "")
    except DatasetError:
        return False
    return True


def _listed(root: Path, source: Path, name: str) -> Path:
    """A picture that a list names, relative to the list or to the data set's folder."""
    tried = [source.parent / name, root / name]
    found = next((one for one in tried if one.is_file()), None)
    if found is None:
        raise DatasetError(f"{str(source)!r} lists {name!r}, which is not there.")
    return root / inside(root, found, f"{str(source)!r} lists {name!r}")


def _label_file(picture: Path) -> Path:
    """``images/train/a.jpg`` -> ``labels/train/a.txt``; beside the picture where there is no ``images``."""
    parts = list(picture.parts)
    for place in range(len(parts) - 2, -1, -1):
        if parts[place].lower() == "images":
            above = Path(*parts[:place])
            labels = folder_named(above, "labels") or above / "labels"
            return labels.joinpath(*parts[place + 1 :]).with_suffix(".txt")
    return picture.with_suffix(".txt")


def _read(
    root: Path, names: _Names, pictures: Mapping[str, Sequence[Path]], *, background: bool
) -> AnnotatedData:
    notes = []
    for name, times in Counter(names.by_number.values()).items():
        if times > 1:
            notes.append(f"{names.source!r} lists the class {name!r} {times} times; they are one class.")
    splits, used = {}, set()
    for key, files in pictures.items():
        labels = [_label_file(file) for file in files]
        missing = [file for file, label in zip(files, labels, strict=True) if not label.is_file()]
        if missing and not background:
            wanted = str(_label_file(missing[0]))
            raise DatasetError(
                f"{len(missing)} of {len(files)} pictures of {key} have no label file, the first "
                f"{str(missing[0])!r}: expected {wanted!r}; an empty file says that there is nothing in it, "
                f"and {setting('unlabelled', BACKGROUND)} that there is nothing in any of them."
            )
        if missing:
            notes.append(background_note(len(missing), len(files), key))
        splits[key] = [_picture(root, *pair, names) for pair in zip(files, labels, strict=True)]
        used.update(labels)
    beside = {label for folder in {label.parent for label in used} for label in named(folder, ".txt")}
    others = sorted(str(file.relative_to(root)) for file in beside - used if file.name not in _LISTS)
    if others:
        notes.append(f"{len(others)} label files have no picture and were left out: {listed(others)}.")
    ids: dict[str, list[str]] = {}
    for number, name in names.by_number.items():
        ids.setdefault(name, []).append(str(number))
    known_as = {name: ", ".join(numbers) for name, numbers in ids.items()}
    return AnnotatedData(root, splits, tuple(ids), tuple(notes), ids=known_as)


def _picture(root: Path, file: Path, label: Path, names: _Names) -> AnnotatedPicture:
    path = inside(root, file, f"{names.source!r} names {str(file)!r}")
    info = header(file, path)
    sides = (info.width, info.height) if info else (1, 1)  # of a picture that cannot be read anyway
    lines = text_of(label, _MAX_LABEL_BYTES).splitlines() if label.is_file() else []
    things: list[Annotation] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            things.append(_thing(f"Line {number}", line.split(), sides, names))
        except InputError as error:
            raise DatasetError(f"Line {number} of {str(label)!r} {error}") from None
    return AnnotatedPicture(path, str(label), None, tuple(things))


def _thing(where: str, row: Sequence[str], sides: Sides, names: _Names) -> Annotation:
    """Raises InputError in words that follow the line's name."""
    try:
        values = np.array([float(cell) for cell in row])
    except ValueError:
        raise InputError(f"has a word among its numbers: {' '.join(row)!r:.60}.") from None
    if not np.isfinite(values).all():
        raise InputError("has a number that is not finite.")
    if values[0] not in names.by_number:
        raise InputError(
            f"is of class {row[0]:.20}; {names.source!r} lists {len(names.by_number)} from 0 on."
        )
    label, places = names.by_number[int(values[0])], values[1:]
    if len(places) < 4:
        raise InputError(
            f"has {len(places)} numbers behind its class; expected the four of a box, or x and y of an "
            "outline's corners."
        )
    if len(places) and np.abs(places).max() > _FURTHEST:
        raise InputError(
            f"has the coordinate {places[np.abs(places).argmax()]:g}; expected fractions of the picture's "
            "sides."
        )
    if len(places) == 4:
        (x, y), (w, h) = (places.reshape(2, 2) * sides).tolist()
        return Annotation(where, label, (x - w / 2, y - h / 2, x + w / 2, y + h / 2))
    outline = corners((places.reshape(-1, 2) * sides).tolist() if len(places) % 2 == 0 else places.tolist())
    return Annotation(where, label, around([outline]), (outline,))
