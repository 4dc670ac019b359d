"""A table of pictures, CSV or JSON lines, -> a data set.

Columns (keys) are ``file_name``, if wanted ``split``, and the answers: which columns those are, and what they
mean, is for the task to say (``label`` for one class a picture). File names are relative to the table's
folder and must stay inside it: a table that came with somebody's archive shall not be able to pull private
pictures into a report. A table that needs pictures elsewhere can be moved to a folder above them.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TextIO

from foveate.dataset.samples import NO_ANSWER, SPLITS, DataSet, FileImages, from_answers
from foveate.dataset.sources.folder import twin_notes
from foveate.dataset.sources.split_names import split_of
from foveate.dataset.sources.table_text import (
    JSON_SUFFIXES,
    Files,
    Record,
    csv_cells,
    decoded,
    has_raw_bytes,
    json_records,
)
from foveate.errors import DatasetError, InputError, listed
from foveate.tasks import list_tasks, task_of_columns, task_type
from foveate.tasks.base import Task

_MOST_SHOWN = 5
_OF_AN_ARRAY = re.compile(r"\w+\[\d+\]")  # as `ArrayImages` names them


@dataclass(frozen=True)
class _Row:
    line: int
    file_name: str
    cells: Mapping[str, Any]  # of the answer, by column
    answer: Any
    split: str


def open_table(
    path: str | Path, *, task: str = "auto", ignore: Sequence[str] = (), min_classes: int = 2
) -> DataSet:
    """Open a table. Without a ``split`` column all rows are ``train``; the order of the rows is kept.

    task: the kind of answer that it holds, or "auto": what its columns look like. ignore: what in its answers
    is to be left out.

    Text is UTF-8, or UTF-16 with its mark; other bytes are Windows-1252, unless files have such names.
    Raises ``DatasetError`` with the numbers of the lines that cannot be used.
    """
    path = Path(path)
    data = _read(path)
    text, files, notes = decoded(path, data), Files(path.parent), []
    kind, rows = _rows(path, text, files, task)
    if has_raw_bytes(text) and not any(
        has_raw_bytes(row.file_name) and row.file_name in files for row in rows
    ):
        files = Files(path.parent)
        kind, rows = _rows(path, decoded(path, data, windows=True), files, task)
        notes.append("The table is no UTF-8 text and was read as Windows-1252.")
    rows, repeated = _without_repeats(path, rows)
    if not rows:
        raise DatasetError(f"Table {str(path)!r} has no rows; write one a picture: its file name and label.")
    _require_files(path, {row.file_name: row.line for row in rows}, files, "pictures")
    for column in kind.file_columns & rows[0].cells.keys():
        _require_files(path, {row.cells[column]: row.line for row in rows}, files, "files")
    by_split = {key: [row for row in rows if row.split == key] for key in SPLITS}
    by_split = {key: chosen for key, chosen in by_split.items() if chosen}
    answers, more = kind.of_table(
        {key: [(row.answer, row.file_name) for row in chosen] for key, chosen in by_split.items()},
        os.fspath(path.parent),
        ignore,
    )
    splits = {
        key: (FileImages((row.file_name for row in chosen), path.parent), answers[key])
        for key, chosen in by_split.items()
    }
    notes += more
    notes += twin_notes({row.answer for row in rows if isinstance(row.answer, str)})
    if files.respelled:
        notes.append(f"{files.respelled} file names are spelled otherwise on the disk, and were found there.")
    if repeated:
        notes.append(f"{repeated} rows repeat an earlier row and were left out.")
    return from_answers(os.fspath(path), splits, kind=kind, notes=notes, fewest=min_classes)


def _rows(path: Path, text: str, files: Files, task: str) -> tuple[type[Task], list[_Row]]:
    """The rows, and the kind of answer that they hold."""
    read = json_records if path.suffix.lower() in JSON_SUFFIXES else _csv_records
    records = list(read(path, io.StringIO(text, newline="")))
    columns = _answer_columns(records)
    kind = task_of_columns(columns, task)
    names = kind.answer_columns(columns, asked=True) if kind else ()
    if kind is None or not names:
        _refuse_columns(path, records, kind)
    return kind, [_row(path, files, (kind, names), *record) for record in records]


def _answer_columns(records: Sequence[Record]) -> dict[str, list[Any]]:
    """What the columns hold that may be answers: those of the first row, a value a row."""
    names = [name for name in (records[0][1] if records else ()) if name not in NO_ANSWER]
    return {name: [record.get(name) for _, record in records] for name in names}


def _row(
    path: Path, files: Files, form: tuple[type[Task], Sequence[str]], line: int, record: Mapping[str, Any]
) -> _Row:
    """A record of the form (kind of answer, its columns)."""
    kind, names = form
    where = f"Line {line} of {str(path)!r}"
    for key in ("file_name", *names):
        if key not in record:
            raise DatasetError(f"{where} has no {key!r}; it has {listed(list(record))}.")
    for key in ("file_name", "split"):
        if not isinstance(record.get(key, ""), str):
            raise DatasetError(f"{where}: {key!r} must be a text, not {record[key]!r:.40}.")
    if not record["file_name"].strip():
        raise DatasetError(f"{where} has an empty 'file_name'; every picture needs one.")
    written = record.get("split", "train").strip()
    split = split_of(written)
    if split is None:
        raise DatasetError(
            f"{where} has the split {written!r}; train, val (valid, validation) and test are known."
        )
    cells = {name: _stripped(record, record[name]) for name in names}
    for name in kind.file_columns & cells.keys():
        if not isinstance(cells[name], str) or not cells[name]:
            raise DatasetError(f"{where}: {name!r} must name a file, not {cells[name]!r:.40}.")
        cells[name] = _inside(path, line, files.meant(cells[name]))
    try:
        answer = kind.parsed(cells)
    except DatasetError as error:
        raise DatasetError(f"{where} {error}") from None
    except InputError as error:
        raise DatasetError(f"{where}: {error}") from None
    return _Row(line, _inside(path, line, files.meant(record["file_name"])), cells, answer, split)


def _stripped(record: Mapping[str, Any], value: Any) -> Any:
    """A cell without spaces around it, which are only kept in the name of a folder of its picture."""
    if not isinstance(value, str) or value in record["file_name"].split("/")[:-1]:
        return value
    return value.strip()


def _refuse_columns(path: Path, records: Sequence[Record], kind: type[Task] | None) -> NoReturn:
    if not records:
        raise DatasetError(f"Table {str(path)!r} has no rows; write one a picture: its file name and label.")
    found = listed(list(records[0][1]))
    forms = " or ".join(task_type(name).columns_needed for name in list_tasks())
    wanted = kind.columns_needed if kind else forms
    raise DatasetError(
        f"Table {str(path)!r} needs, beside 'file_name' (and 'split', if wanted), {wanted}; found: {found}."
    )


def _csv_records(path: Path, file: TextIO) -> Iterator[Record]:
    """Line number and columns of each row."""

    def columns(header: Sequence[str]) -> list[str]:
        names = _column_names(header)
        _require_columns(path, names)
        return names

    return csv_cells(path, file, columns)


def _column_names(header: Sequence[str]) -> list[str]:
    """Columns that mean something are known in capitals, too; others are names of people's own."""
    known = {*NO_ANSWER, *(name for task in list_tasks() for name in task_type(task).known_columns)}
    names = [name.strip() for name in header]
    return [name.lower() if name.lower() in known else name for name in names]


def _require_columns(path: Path, columns: list[str]) -> None:
    missing = [name for name in ("file_name", "label") if name not in columns]
    if "file_name" in missing:
        found = listed(columns) if columns else "nothing"
        raise DatasetError(
            f"Table {str(path)!r} needs the columns 'file_name', 'label' (and 'split', if wanted) in its "
            f"first line; missing: {listed(missing)}; found: {found}."
        )
    if len(set(columns)) != len(columns):
        raise DatasetError(f"Table {str(path)!r} names a column twice: {listed(columns)}.")


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
    """The rows without exact repetitions, and how many those were. One file with two answers is an error."""
    first: dict[str, _Row] = {}
    for row in rows:
        earlier = first.setdefault(row.file_name, row)
        for column in (*row.cells, "split"):
            a, b = (one.cells.get(column, one.split) for one in (earlier, row))
            if a != b:
                raise DatasetError(
                    f"Lines {earlier.line} and {row.line} of {str(path)!r} give {row.file_name!r} the "
                    f"{column}s {a!r} and {b!r}; a picture has one."
                )
    return list(first.values()), len(rows) - len(first)


def _require_files(path: Path, named: Mapping[str, int], files: Files, called: str) -> None:
    """named: the line of each file."""
    missing = [name for name in named if name not in files]
    if not missing:
        return
    shown = ", ".join(f"{name!r} (line {named[name]})" for name in missing[:_MOST_SHOWN])
    more = f" and {len(missing) - _MOST_SHOWN} more" if len(missing) > _MOST_SHOWN else ""
    hint = "names are relative to the table's folder."
    if all(map(_OF_AN_ARRAY.fullmatch, missing)):
        hint = "they are pictures of arrays: name the file that holds the arrays as the data set instead."
    raise DatasetError(
        f"Table {str(path)!r} names {len(missing)} of {len(named)} {called} that are not there: "
        f"{shown}{more}; {hint}"
    )
