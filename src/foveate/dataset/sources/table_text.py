"""The text of a table, and the files that it means: other encodings, accents and separators than here."""

from __future__ import annotations

import csv
import json
import os
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from foveate.errors import DatasetError

_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
WINDOWS = "cp1252"
CSV_SUFFIXES = (".csv", ".tsv")
JSON_SUFFIXES = (".jsonl", ".ndjson")
TABLE_SUFFIXES = CSV_SUFFIXES + JSON_SUFFIXES

Record = tuple[int, Mapping[str, Any]]  # a line's number, and its cells by column


def decoded(path: Path, data: bytes, *, windows: bool = False) -> str:
    """A table's text. Bytes that are no UTF-8 stay as they are, for file names may hold them.

    ``windows``: they are Windows-1252 instead. Raises ``DatasetError`` for other encodings.
    """
    try:
        if data.startswith(_UTF_16):
            text = data.decode("utf-16")
        elif windows:
            text = data.decode(WINDOWS)
        else:
            text = data.decode("utf-8-sig", "surrogateescape")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text.partition("\n")[0]:
        raise DatasetError(f"Table {str(path)!r} is no UTF-8 text: save it as CSV in UTF-8.")
    return text


def has_raw_bytes(text: str) -> bool:
    """Whether a text holds bytes that could not be decoded."""
    return any("\udc80" <= character <= "\udcff" for character in text)


def csv_header(text: str) -> list[str]:
    """The columns that a CSV's first line names; none where it is no CSV."""
    line = text.partition("\n")[0]
    try:
        return [name.strip() for name in next(csv.reader([line], delimiter=_delimiter(line)), [])]
    except csv.Error:
        return []


def _delimiter(header: str) -> str:
    return max(",;\t", key=header.count)


def csv_cells(
    path: Path, file: TextIO, columns_of: Callable[[Sequence[str]], Sequence[str]] = list
) -> Iterator[Record]:
    """Line number and columns of each row. Comma, semicolon or tab parts the columns, as in the header.

    columns_of: makes columns of what stands in the header. Raises DatasetError, naming the line.
    """
    header = file.readline()
    file.seek(0)
    reader = csv.reader(file, delimiter=_delimiter(header), strict=True)
    try:
        columns = columns_of([name.strip() for name in next(reader, [])])
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


def json_records(path: Path, file: TextIO) -> Iterator[Record]:
    """Line number and keys of each line of JSON. Raises DatasetError, naming the line."""
    for line, text in enumerate(file, start=1):
        if not text.strip():
            continue
        try:
            record = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise DatasetError(f"Line {line} of {str(path)!r} is no JSON object: {error}.") from None
        if not isinstance(record, dict):
            raise DatasetError(f"Line {line} of {str(path)!r} is no JSON object but {type(record).__name__}.")
        yield line, record


class Files:
    """Which files the names in a table mean, with the folders' listings kept. ``respelled`` counts others."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        self._there: set[str] = set()
        self._alike: dict[str, dict[str, list[str]]] = {}
        self.respelled = 0

    def __contains__(self, name: str) -> bool:
        if name not in self._there and os.path.lexists(os.path.join(self._folder, name)):  # noqa: PTH118 (fast)
            self._there.add(name)
        return name in self._there

    def meant(self, name: str) -> str:
        """The file that a name means: itself if it is there, else its one other spelling that is.

        Others are without spaces around, with slashes for Windows' backslashes, and with accents composed
        as the file system has them (Unicode's normal forms). A name that fits none comes back as it was.
        """
        if name in self:
            return name
        for other in dict.fromkeys((name.strip(), name.replace("\\", "/"), name.strip().replace("\\", "/"))):
            if (found := self._on_disk(other)) is not None:
                self.respelled += 1
                return found
        return name

    def _on_disk(self, name: str) -> str | None:
        place = ""
        for part in name.split("/"):
            whole = f"{place}/{part}" if place else part
            if part and part not in (".", "..") and whole not in self:
                alike = self._listed(place).get(unicodedata.normalize("NFC", part), [])
                if len(alike) != 1:
                    return None  # missing, or both spellings are there and neither is this
                whole = f"{place}/{alike[0]}" if place else alike[0]
            place = whole or "/"
        return place

    def _listed(self, place: str) -> dict[str, list[str]]:
        """The names in a folder by their normal form."""
        if place not in self._alike:
            found = self._alike[place] = {}
            try:
                for entry in os.listdir(os.path.join(self._folder, place)):  # noqa: PTH118, PTH208
                    found.setdefault(unicodedata.normalize("NFC", entry), []).append(entry)
            except (OSError, ValueError):
                pass  # no such folder: nothing is listed
        return self._alike[place]
