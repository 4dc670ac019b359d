"""Sentences in text: a table with a row a sentence or a picture, or Flickr8k's lines.

    image,caption                                    captions.txt of Flickr8k, as it is passed on today
    1000268201.jpg#0<TAB>A child in a pink dress     Flickr8k.token.txt, with lists of the splits beside it
    image_name| comment_number| comment              results.csv of Flickr30k
    file_name,caption,split,group                    a table, or JSON lines; the last two if wanted

A picture may stand in several rows, each with a sentence; in JSON lines it may have a list. Pictures of one
``group`` are never divided between training and measuring.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from foveate.dataset.sources.caption_parts import CaptionedData, Collected, Place, split_meant
from foveate.dataset.sources.documents import content, named, text_of
from foveate.dataset.sources.table_text import (
    JSON_SUFFIXES,
    TABLE_SUFFIXES,
    Record,
    csv_cells,
    csv_header,
    decoded,
    has_raw_bytes,
    json_records,
)
from foveate.errors import DatasetError, listed
from foveate.strict_json import short
from foveate.tasks import list_tasks, task_type
from foveate.tasks.captioning.reading import GROUP, SCENE

TEXT_SUFFIXES = (*TABLE_SUFFIXES, ".txt")
_FILE = ("file_name", "image", "image_name", "filename", "file", "image_path", "path")
_SENTENCE = ("caption", "captions", "sentence", "sentences", "comment")
_ASKED = (*_SENTENCE, "text", "description", "raw")  # where the user says that these are sentences
_SPLIT = ("split", "subset")
_NUMBERED = re.compile(r"(?P<name>[^\t\n]+)#\d+\t(?P<said>.*)")
_PIPE = "|"
_LISTS = re.compile(r"(train|dev|val|test)images\.txt$", re.IGNORECASE)  # Flickr_8k.trainImages.txt


class _Columns(NamedTuple):
    file: str
    sentence: str
    split: str | None
    group: str | None
    scene: str | None


def read_caption_table(path: Path, *, asked: bool = False) -> CaptionedData | None:
    """The sentences in a file; None for what is none of these forms.

    asked: the user says that they are sentences. Raises DatasetError in one sentence that names the line.
    """
    if path.suffix.lower() not in TEXT_SUFFIXES or not path.is_file():
        return None
    data = content(path)
    text, notes = decoded(path, data), tuple[str, ...]()
    of_json = path.suffix.lower() in JSON_SUFFIXES
    if not (of_json or _NUMBERED.match(text)) and _columns(_header(text), asked=asked) is None:
        return None  # another table, whose file names may be bytes of any kind
    if has_raw_bytes(text):
        text = decoded(path, data, windows=True)
        notes = ("The table is no UTF-8 text and was read as Windows-1252.",)
    if _NUMBERED.match(text):
        return _numbered(path, text, notes)
    records = list(_records(path, text))
    columns = _columns(list(records[0][1]) if records else _header(text), asked=asked)
    if columns is None:
        return None
    if not records:
        raise DatasetError(
            f"Table {str(path)!r} has no rows; write one a sentence: its picture's file name and it."
        )
    return _table(path, records, columns, notes)


def _columns(header: Sequence[str], *, asked: bool) -> _Columns | None:
    """Which column is what; None where pictures or sentences have none, or it is a table of another task."""
    known = {name.strip().lower(): name for name in header}
    if len(known) != len(header):
        return None

    def first(names: Sequence[str]) -> str | None:
        return next((known[name] for name in names if name in known), None)

    file, sentence = first(_FILE), first(_ASKED if asked else _SENTENCE)
    others = {name for task in list_tasks() for name in task_type(task).known_columns}
    if file is None or sentence is None or (not asked and others & known.keys()):
        return None
    return _Columns(file, sentence, first(_SPLIT), first((GROUP,)), first((SCENE,)))


def _header(text: str) -> list[str]:
    line = text.partition("\n")[0]
    return [name.strip() for name in line.split(_PIPE)] if _PIPE in line else csv_header(text)


def _records(path: Path, text: str) -> Iterator[Record]:
    if path.suffix.lower() in JSON_SUFFIXES:
        yield from json_records(path, io.StringIO(text, newline=""))
    elif _PIPE in text.partition("\n")[0]:
        yield from _piped(path, text)
    else:
        yield from csv_cells(path, io.StringIO(text, newline=""))


def _piped(path: Path, text: str) -> Iterator[Record]:
    """Rows with a bar between the columns, which has no quotes: the last column may hold bars."""
    names = _header(text)
    for line, row in enumerate(text.splitlines()[1:], start=2):
        cells = [cell.strip() for cell in row.split(_PIPE, len(names) - 1)]
        if row.strip() and len(cells) != len(names):
            raise DatasetError(
                f"Line {line} of {str(path)!r} has {len(cells)} columns; the header has {len(names)}."
            )
        if row.strip():
            yield line, dict(zip(names, cells, strict=True))


def _table(path: Path, records: Sequence[Record], columns: _Columns, notes: tuple[str, ...]) -> CaptionedData:
    found = Collected(path.parent, path)
    for line, record in records:
        where = f"Line {line}"
        missing = [name for name in (columns.file, columns.sentence) if name not in record]
        if missing:
            raise DatasetError(
                f"{where} of {str(path)!r} has no {missing[0]!r}; it has {listed(list(record))}."
            )
        name = record[columns.file]
        if not isinstance(name, str) or not name.strip():
            raise DatasetError(
                f"{where} of {str(path)!r} has {short(name)} as {columns.file!r}, no file name."
            )
        split, group = _value(record, columns.split), _value(record, columns.group)
        if group is not None and not isinstance(group, str | int):
            raise DatasetError(f"{where} of {str(path)!r} has {short(group)} as 'group', no name or number.")
        place = Place(
            where,
            name,
            split_meant(where, path, split) if split is not None else "train",
            "" if group is None else str(group).strip(),
        )
        found.add(place, record[columns.sentence], _value(record, columns.scene))
    return found.data(notes)


def _value(record: Mapping[str, Any], column: str | None) -> Any:
    return None if column is None else record.get(column)


def _numbered(path: Path, text: str, notes: tuple[str, ...]) -> CaptionedData:
    """Flickr8k's lines; the splits stand in lists of file names beside them, if there are such lists."""
    splits = _listed_splits(path.parent)
    found, left_out = Collected(path.parent, path), set()
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        if (match := _NUMBERED.fullmatch(line)) is None:
            raise DatasetError(
                f"Line {number} of {str(path)!r} is {line[:60]!r}; expected a file name, #, a number, a tab "
                "and a sentence."
            )
        name = match["name"]
        if splits and name not in splits:
            left_out.add(name)
            continue
        found.add(Place(f"Line {number}", name, splits.get(name, "train")), match["said"])
    if left_out:
        notes += (f"{len(left_out)} pictures stand in no list of a split and are left out.",)
    return found.data(notes)


def _listed_splits(folder: Path) -> dict[str, str]:
    """File name -> split, by the lists in a folder. Raises DatasetError for a picture in two of them."""
    found: dict[str, str] = {}
    for file in named(folder, ".txt"):
        match = _LISTS.search(file.name)
        if match is None:
            continue
        split = split_meant("The name", file, match[1].lower())
        for name in text_of(file).split("\n"):
            if name.strip() and found.setdefault(name.strip(), split) != split:
                raise DatasetError(
                    f"{name.strip()!r} stands in the lists of {found[name.strip()]} and of {split} in "
                    f"{str(folder)!r}; a picture has one split."
                )
    return found
