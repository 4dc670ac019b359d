"""A table of pictures, CSV or JSON lines, -> a data set.

Columns (keys) are ``file_name``, ``label`` and, if wanted, ``split``. File names are relative to the table's
folder and must stay inside it: a table that came with somebody's archive shall not be able to pull private
pictures into a report. A table that needs pictures elsewhere can be moved to a folder above them.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from foveate.dataset.samples import SPLITS, DataSet, FileImages, from_answers
from foveate.dataset.sources.folder import twin_notes
from foveate.dataset.sources.split_names import split_of
from foveate.dataset.sources.table_text import Files, decoded, has_raw_bytes
from foveate.errors import DatasetError, listed
from foveate.tasks.classification.task import Classification

CSV_SUFFIXES = (".csv", ".tsv")
JSON_SUFFIXES = (".jsonl", ".ndjson")
TABLE_SUFFIXES = CSV_SUFFIXES + JSON_SUFFIXES
_MOST_SHOWN = 5
_OF_AN_ARRAY = re.compile(r"\w+\[\d+\]")  # as `ArrayImages` names them


@dataclass(frozen=True)
class _Row:
    line: int
    file_name: str
    label: str
    split: str


def open_table(path: str | Path, *, min_classes: int = 2) -> DataSet:
    """Open a table. Without a ``split`` column all rows are ``train``; the order of the rows is kept.

    Text is UTF-8, or UTF-16 with its mark; other bytes are Windows-1252, unless files have such names.
    Raises ``DatasetError`` with the numbers of the lines that cannot be used.
    """
    path = Path(path)
    data = _read(path)
    text, files, notes = decoded(path, data), Files(path.parent), []
    rows = list(_rows(path, text, files))
    if has_raw_bytes(text) and not any(
        has_raw_bytes(row.file_name) and row.file_name in files for row in rows
    ):
        files = Files(path.parent)
        rows = list(_rows(path, decoded(path, data, windows=True), files))
        notes.append("The table is no UTF-8 text and was read as Windows-1252.")
    rows, repeated = _without_repeats(path, rows)
    if not rows:
        raise DatasetError(f"Table {str(path)!r} has no rows; write one a picture: its file name and label.")
    _require_files(path, rows, files)
    splits = {}
    for key in SPLITS:
        if chosen := [row for row in rows if row.split == key]:
            images = FileImages((row.file_name for row in chosen), path.parent)
            splits[key] = (images, [row.label for row in chosen])
    notes += twin_notes({row.label for row in rows})
    if files.respelled:
        notes.append(f"{files.respelled} file names are spelled otherwise on the disk, and were found there.")
    if repeated:
        notes.append(f"{repeated} rows repeat an earlier row and were left out.")
    return from_answers(os.fspath(path), splits, kind=Classification, notes=notes, fewest=min_classes)


def _rows(path: Path, text: str, files: Files) -> Iterator[_Row]:
    read = _json_records if path.suffix.lower() in JSON_SUFFIXES else _csv_records
    records = read(path, io.StringIO(text, newline=""))
    for line, record in records:
        for key in ("file_name", "label"):
            if key not in record:
                raise DatasetError(
                    f"Line {line} of {str(path)!r} has no {key!r}; it has {listed(list(record))}."
                )
            if not record[key].strip() and not _is_folder_of(record, record[key]):
                raise DatasetError(
                    f"Line {line} of {str(path)!r} has an empty {key!r}; every picture needs one."
                )
        written = record.get("split", "train").strip()
        split = split_of(written)
        if split is None:
            raise DatasetError(
                f"Line {line} of {str(path)!r} has the split {written!r}; train, val (valid, validation) and "
                f"test are known."
            )
        name = _inside(path, line, files.meant(record["file_name"]))
        label = record["label"]
        yield _Row(line, name, label if _is_folder_of(record, label) else label.strip(), split)


def _is_folder_of(record: dict[str, str], label: str) -> bool:
    """Whether a label is the name of a folder of its picture: spaces around it are then part of it."""
    return label in record["file_name"].split("/")[:-1]


def _csv_records(path: Path, file: TextIO) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and columns of each row. Comma, semicolon or tab parts the columns, as in the header."""
    header = file.readline()
    delimiter = max(",;\t", key=header.count)
    file.seek(0)
    reader = csv.reader(file, delimiter=delimiter, strict=True)
    try:
        columns = [name.strip().lower() for name in next(reader, [])]
        _require_columns(path, columns)
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(columns):
                raise DatasetError(
                    f"Line {reader.line_num} of {str(path)!r} has {len(cells)} columns; the header has "
                    f"{len(columns)}: put names that hold a comma in quotes."
                )
            yield reader.line_num, dict(zip(columns, cells, strict=True))
    except csv.Error as error:
        raise DatasetError(f"Line {reader.line_num} of {str(path)!r} is no CSV: {error}.") from None


def _require_columns(path: Path, columns: list[str]) -> None:
    missing = [name for name in ("file_name", "label") if name not in columns]
    if missing:
        found = listed(columns) if columns else "nothing"
        raise DatasetError(
            f"Table {str(path)!r} needs the columns 'file_name', 'label' (and 'split', if wanted) in its "
            f"first line; missing: {listed(missing)}; found: {found}."
        )
    if len(set(columns)) != len(columns):
        raise DatasetError(f"Table {str(path)!r} names a column twice: {listed(columns)}.")


def _json_records(path: Path, file: TextIO) -> Iterator[tuple[int, dict[str, str]]]:
    for line, text in enumerate(file, start=1):
        if not text.strip():
            continue
        try:
            record = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise DatasetError(f"Line {line} of {str(path)!r} is no JSON object: {error}.") from None
        if not isinstance(record, dict):
            raise DatasetError(f"Line {line} of {str(path)!r} is no JSON object but {type(record).__name__}.")
        wanted = (key for key in ("file_name", "label", "split") if key in record)
        yield line, {key: _text(path, line, key, record[key]) for key in wanted}


def _text(path: Path, line: int, key: str, value: object) -> str:
    if isinstance(value, str):
        return value
    if key == "label" and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise DatasetError(f"Line {line} of {str(path)!r}: {key!r} must be a text, not {value!r:.40}.")


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise DatasetError(f"Table {str(path)!r} is no regular file.")
    try:
        return path.read_bytes()
    except OSError as error:
        raise DatasetError(f"Cannot read the table {str(path)!r}: {error.strerror}.") from None


def _inside(path: Path, line: int, file_name: str) -> str:
    """The file name relative to the table's folder; refused where it leads out of it."""
    folder = os.path.abspath(path.parent)  # noqa: PTH100 (links are left as the user made them)
    target = os.path.normpath(os.path.join(folder, file_name))  # noqa: PTH118
    start = folder.rstrip(os.sep) + os.sep
    if not target.startswith(start):
        raise DatasetError(
            f"Line {line} of {str(path)!r} names {file_name!r}, which lies outside the table's folder; "
            f"move the table to a folder above its pictures and name them from there."
        )
    return target.removeprefix(start)


def _without_repeats(path: Path, rows: list[_Row]) -> tuple[list[_Row], int]:
    """The rows without exact repetitions, and how many those were. One file under two labels is an error."""
    first: dict[str, _Row] = {}
    for row in rows:
        earlier = first.setdefault(row.file_name, row)
        for column in ("label", "split"):
            a, b = getattr(earlier, column), getattr(row, column)
            if a != b:
                raise DatasetError(
                    f"Lines {earlier.line} and {row.line} of {str(path)!r} give {row.file_name!r} the "
                    f"{column}s {a!r} and {b!r}; a picture has one."
                )
    return list(first.values()), len(rows) - len(first)


def _require_files(path: Path, rows: list[_Row], files: Files) -> None:
    missing = [row for row in rows if row.file_name not in files]
    if not missing:
        return
    shown = ", ".join(f"{row.file_name!r} (line {row.line})" for row in missing[:_MOST_SHOWN])
    more = f" and {len(missing) - _MOST_SHOWN} more" if len(missing) > _MOST_SHOWN else ""
    hint = "names are relative to the table's folder."
    if all(_OF_AN_ARRAY.fullmatch(row.file_name) for row in missing):
        hint = "they are pictures of arrays: name the file that holds the arrays as the data set instead."
    raise DatasetError(
        f"Table {str(path)!r} names {len(missing)} of {len(rows)} pictures that are not there: "
        f"{shown}{more}; {hint}"
    )
