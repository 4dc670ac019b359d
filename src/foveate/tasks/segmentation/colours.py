"""Which class a number or a colour in masks means: tables of names as people write them, and VOC's own.

- ``classes.csv``: a header with ``name`` and, in any order, ``r``, ``g``, ``b`` or ``number``, or all four.
- ``classes.txt``: a name a line, numbered from 0; or the number, or the colour, before each name.
- ``labelmap.txt``: ``name:r,g,b:parts:actions`` a line, as CVAT writes it.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from foveate.errors import DatasetError, listed
from foveate.tasks.segmentation.masks import Colour
from foveate.tasks.segmentation.names import MOST_CLASSES

TABLE_NAMES = (
    *("classes.csv", "class_dict.csv", "labelmap.txt", "classes.txt", "class_names.txt"),
    *("label_colors.txt", "labels.txt"),
)
_NAMES = ("name", "class", "class_name", "label")
_NUMBERS = ("number", "id", "value", "index")
_CHANNELS = (("r", "red"), ("g", "green"), ("b", "blue"))
_COLOURED = re.compile(r"(?P<r>\d+)[\s,]+(?P<g>\d+)[\s,]+(?P<b>\d+)[\s,]+(?P<name>\S.*)")
_NUMBERED = re.compile(r"(?P<number>\d+)\s*[\s:,;]\s*(?P<name>\S.*)")
_CVAT = re.compile(r"(?P<name>[^:]+):(?P<r>\d+),(?P<g>\d+),(?P<b>\d+):[^:]*:[^:]*")

VOC_VOID: Colour = (224, 224, 192)  # how its outlines look
VOC_CLASSES = (
    *("background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train"),
    "tvmonitor",
)


class ClassTable(NamedTuple):
    """Classes as a file lists them, or a known format has them.

    source: what it is called. numbers: of each class in masks. colours: of each, where it has them.
    """

    source: str
    names: tuple[str, ...]
    numbers: tuple[int, ...]
    colours: tuple[Colour, ...] = ()


def voc_colour(number: int) -> Colour:
    """The colour of a class in VOC's palette: its number's bits, dealt out to the channels, highest first.

    From the VOC development kit, ``VOClabelcolormap.m``.

    >>> voc_colour(0), voc_colour(1), voc_colour(15)
    ((0, 0, 0), (128, 0, 0), (192, 128, 128))
    """
    red, green, blue = (
        sum((number >> (3 * place + channel) & 1) << (7 - place) for place in range(8))
        for channel in range(3)
    )
    return red, green, blue


VOC = ClassTable(
    "VOC's list",
    VOC_CLASSES,
    tuple(range(len(VOC_CLASSES))),
    tuple(map(voc_colour, range(len(VOC_CLASSES)))),
)


def class_table(path: str | Path, source: str) -> ClassTable:
    """Read a table of classes, which errors call ``source``. Raises DatasetError, naming the line."""
    path = Path(path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DatasetError(f"Cannot read the classes in {source!r}: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise DatasetError(f"{source!r} is no UTF-8 text: save the classes in UTF-8.") from None
    rows = list(_of_csv(text, source) if path.suffix.lower() == ".csv" else _of_lines(text, source))
    if not rows:
        raise DatasetError(f"{source!r} lists no class; write one a line.")
    names = tuple(name for name, _, _ in rows)
    numbers = tuple(place if number is None else number for place, (_, number, _) in enumerate(rows))
    colours = tuple(colour for _, _, colour in rows if colour is not None)
    for what, values in (("name", names), ("number", numbers), ("colour", colours)):
        if twice := [value for value, count in Counter(values).items() if count > 1]:
            raise DatasetError(f"{source!r} gives two classes the {what} {twice[0]!r}; each needs its own.")
    if len(names) > MOST_CLASSES:
        raise DatasetError(f"{source!r} lists {len(names)} classes; at most {MOST_CLASSES} are possible.")
    return ClassTable(source, names, numbers, colours)


_Row = tuple[str, int | None, Colour | None]


def _of_csv(text: str, source: str) -> Iterator[_Row]:
    header = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=header.count))
    columns = [name.strip().lower() for name in next(reader, [])]
    name, number = _column(columns, _NAMES), _column(columns, _NUMBERS)
    channels = [found for names in _CHANNELS if (found := _column(columns, names)) is not None]
    if name is None or len(channels) not in (0, 3):
        raise DatasetError(
            f"{source!r} needs a first line with the columns name,r,g,b (or name,number), in any order; "
            f"found: {listed(columns) if columns else 'nothing'}."
        )
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        where = f"Line {reader.line_num} of {source!r}"
        if len(cells) != len(columns):
            raise DatasetError(f"{where} has {len(cells)} columns; the first line has {len(columns)}.")
        if not cells[name].strip():
            raise DatasetError(f"{where} has no name; every class needs one.")
        colour = _colour(where, [cells[channel] for channel in channels]) if channels else None
        told = None if number is None else _whole(where, columns[number], cells[number], 2**31)
        yield cells[name].strip(), told, colour


def _column(columns: Sequence[str], names: Sequence[str]) -> int | None:
    return next((columns.index(name) for name in names if name in columns), None)


def _of_lines(text: str, source: str) -> Iterator[_Row]:
    lines = {
        number: line.strip()
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip() and not line.startswith("#")
    }
    for pattern in (_CVAT, _COLOURED, _NUMBERED):
        found = {number: match for number, line in lines.items() if (match := pattern.fullmatch(line))}
        if found and len(found) == len(lines):
            for number, match in found.items():
                yield _matched(f"Line {number} of {source!r}", match.groupdict())
            return
    yield from ((line, None, None) for line in lines.values())


def _matched(where: str, parts: Mapping[str, str]) -> _Row:
    name = parts["name"].strip()
    if "number" in parts:
        return name, _whole(where, "number", parts["number"], 2**31), None
    return name, None, _colour(where, [parts[channel] for channel in "rgb"])


def _colour(where: str, cells: Sequence[str]) -> Colour:
    red, green, blue = (_whole(where, name, cell, 255) for name, cell in zip("rgb", cells, strict=True))
    return red, green, blue


def _whole(where: str, name: str, cell: str, most: int) -> int:
    if not (cell.strip().isascii() and cell.strip().isdigit() and int(cell) <= most):
        raise DatasetError(f"{where}: {name!r} must be a whole number from 0 to {most}, not {cell!r:.40}.")
    return int(cell)


def code(colour: Colour) -> int:
    """0xRRGGBB."""
    red, green, blue = colour
    return red << 16 | green << 8 | blue


def nearest(colour: Colour, among: Mapping[Colour, str]) -> str:
    """The name whose colour differs least, by the squares of the channels' differences."""
    return among[min(among, key=lambda other: sum((a - b) ** 2 for a, b in zip(colour, other, strict=True)))]
