"""A table with a row for each box, CSV or JSON lines, -> annotated pictures.

Columns are known by their names and never by their places: BCCD's own table has xmin, xmax, ymin, ymax in
that order. A picture stands in as many rows as it has boxes; a row without a class and without numbers says
that a picture shows nothing. File names are relative to the table's folder, or to ``images/`` in it.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from foveate.dataset.sources.annotations import (
    AnnotatedData,
    AnnotatedPicture,
    Annotation,
    Lookup,
    Sides,
    background_note,
)
from foveate.dataset.sources.documents import content, folder_named, inside, named
from foveate.dataset.sources.split_names import split_of
from foveate.dataset.sources.table_text import (
    CSV_SUFFIXES,
    TABLE_SUFFIXES,
    Record,
    csv_cells,
    csv_header,
    decoded,
    json_records,
)
from foveate.errors import DatasetError, listed
from foveate.images.read import IMAGE_SUFFIXES

_FILE = ("file_name", "filename", "file", "image", "image_name", "image_path", "path", "img")
_LABEL = ("label", "class", "class_name", "name", "category", "cell_type", "object")
_CORNERS = (
    ("xmin", "ymin", "xmax", "ymax"),
    ("x_min", "y_min", "x_max", "y_max"),
    ("x1", "y1", "x2", "y2"),
    ("left", "top", "right", "bottom"),
    ("xtl", "ytl", "xbr", "ybr"),
)
_EXTENTS = (("x", "y", "width", "height"), ("x", "y", "w", "h"), ("left", "top", "width", "height"))
_SIDES = (("image_width", "image_height"), ("img_width", "img_height"), ("width", "height"))
_PICTURES = ("images", "jpegimages", "data", "img", "imgs")


class _Columns(NamedTuple):
    """Where what stands. extents: whether the last two numbers are width and height."""

    file: str
    label: str
    box: tuple[str, str, str, str]
    extents: bool
    sides: tuple[str, str] | None
    split: str | None


def read_box_table(path: Path, *, background: bool = False) -> AnnotatedData | None:
    """The boxes in a table; None for what is no table of boxes by its columns. Raises DatasetError.

    A folder is not looked through for tables. background: pictures beside those that the table names show
    nothing; else they are left out.
    """
    if path.suffix.lower() not in TABLE_SUFFIXES or not path.is_file():
        return None
    text = decoded(path, content(path))
    of_csv = path.suffix.lower() in CSV_SUFFIXES
    if of_csv and _columns(csv_header(text)) is None:
        return None
    records = list((csv_cells if of_csv else json_records)(path, io.StringIO(text, newline="")))
    columns = _columns(list(records[0][1])) if records else None
    if columns is None:
        return None
    return _Table(path, columns).read(records, background=background)


def _columns(header: Sequence[str]) -> _Columns | None:
    known = {name.strip().lower(): name for name in header}

    def first(names: Sequence[str]) -> str | None:
        return next((known[name] for name in names if name in known), None)

    def all_of(forms: Sequence[tuple[str, ...]]) -> tuple[str, ...] | None:
        return next((tuple(known[n] for n in form) for form in forms if set(form) <= known.keys()), None)

    file, label, corners, extents = first(_FILE), first(_LABEL), all_of(_CORNERS), all_of(_EXTENTS)
    box = corners or extents
    if file is None or label is None or box is None:
        return None
    sides = all_of(_SIDES if corners else _SIDES[:2])
    split = first(("split", "subset", "set"))
    return _Columns(file, label, box, corners is None, sides, split)  # type: ignore[arg-type]  # four, two


class _Table:
    """Reads a table row by row."""

    def __init__(self, path: Path, columns: _Columns) -> None:
        self._path, self._columns = path, columns
        places = [path.parent, *filter(None, [folder_named(path.parent, *_PICTURES)])]
        beside = folder_named(path.parent.parent, *_PICTURES)
        self._root = path.parent.parent if len(places) == 1 and beside else path.parent
        self._lookup = Lookup(self._root, [*places, *([beside] if len(places) == 1 and beside else [])])

    def read(self, records: Sequence[Record], *, background: bool) -> AnnotatedData:
        found: dict[str, tuple[str, Sides | None, list[Annotation]]] = {}
        rows: dict[str, tuple[int, str]] = {}  # by name: the first row, and the picture
        named_pictures: dict[str, None] = {}
        for line, record in records:
            where = f"Line {line}"
            name = self._text(where, record, self._columns.file)
            named_pictures[name] = None
            if name not in rows:
                rows[name] = line, self._lookup.find(name, str(self._path)) or name
            picture = rows[name][1]
            split, sides = self._split(where, record), self._size(where, record)
            first = found.setdefault(picture, (split, sides, []))
            if first[:2] != (split, sides):
                raise DatasetError(
                    f"Lines {rows[name][0]} and {line} of {str(self._path)!r} differ in the split or the "
                    f"size of {name!r}; a picture has one of each."
                )
            if thing := self._thing(where, record):
                first[2].append(thing)
        self._lookup.require_all(str(self._path), len(named_pictures))
        splits: dict[str, list[AnnotatedPicture]] = {}
        for picture, (split, sides, things) in found.items():
            splits.setdefault(split, []).append(
                AnnotatedPicture(picture, str(self._path), sides, tuple(things))
            )
        notes: list[str] = []
        self._others(splits, notes, background=background)
        if len(splits) == 1:
            splits = {"train": next(iter(splits.values()))}
        labels = sorted({thing.label for *_, things in found.values() for thing in things})
        return AnnotatedData(self._root, splits, tuple(labels), tuple(notes))

    def _others(
        self, splits: dict[str, list[AnnotatedPicture]], notes: list[str], *, background: bool
    ) -> None:
        """Pictures beside those that are named: of nothing, or left out; a table cannot tell which."""
        used = {one.file for split in splits.values() for one in split}
        folders = {(self._root / file).parent for file in used}
        beside = {
            inside(self._root, file, "") for folder in folders for file in named(folder, *IMAGE_SUFFIXES)
        }
        if not (others := sorted(beside - used)):
            return
        if background:
            splits.setdefault("train", []).extend(AnnotatedPicture(file, file, None, ()) for file in others)
            notes.append(background_note(len(others), len(beside), "train"))
        else:
            notes.append(
                f"{len(others)} pictures are in no row of {self._path.name!r} and were left out: "
                f"{listed(others)}."
            )

    def _text(self, where: str, record: Mapping[str, Any], column: str) -> str:
        value = record.get(column)
        if not isinstance(value, str) or not value.strip():
            raise DatasetError(f"{where} of {str(self._path)!r} has {value!r:.40} as {column!r}.")
        return value.strip()

    def _split(self, where: str, record: Mapping[str, Any]) -> str:
        if self._columns.split is None:
            return "train"
        written = self._text(where, record, self._columns.split)
        if (key := split_of(written)) is None:
            raise DatasetError(
                f"{where} of {str(self._path)!r} has the split {written!r:.40}; train, val and test are "
                "known."
            )
        return key

    def _size(self, where: str, record: Mapping[str, Any]) -> Sides | None:
        if self._columns.sides is None:
            return None
        width, height = (self._number(where, record, column) for column in self._columns.sides)
        if width != int(width) or height != int(height) or min(width, height) < 0:
            raise DatasetError(
                f"{where} of {str(self._path)!r} has a picture of {width:g} x {height:g} pixels."
            )
        return (int(width), int(height)) if min(width, height) > 0 else None

    def _thing(self, where: str, record: Mapping[str, Any]) -> Annotation | None:
        cells = [record.get(column) for column in (self._columns.label, *self._columns.box)]
        if all(cell is None or (isinstance(cell, str) and not cell.strip()) for cell in cells):
            return None
        label = str(record[self._columns.label]) if cells[0] is not None else ""
        if not label.strip():
            raise DatasetError(f"{where} of {str(self._path)!r} has a box without a class.")
        a, b, c, d = (self._number(where, record, column) for column in self._columns.box)
        box = (a, b, a + c, b + d) if self._columns.extents else (a, b, c, d)
        return Annotation(where, label.strip(), box)

    def _number(self, where: str, record: Mapping[str, Any], column: str) -> float:
        try:
            value = float(record.get(column, ""))
        except (TypeError, ValueError):
            value = math.nan
        if not math.isfinite(value):
            raise DatasetError(
                f"{where} of {str(self._path)!r} has {record.get(column)!r:.40} as {column!r}; expected a "
                "number of pixels."
            )
        return value
