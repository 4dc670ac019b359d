"""Numbers as people write them: the columns of a table, arrays, and what is given beside pictures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foveate.errors import DatasetError, InputError, listed

LABEL = "label"  # the column that holds the answer where there is one of this name
NAME = "value"  # of the one number of an array without names


def number(cell: Any) -> float | None:
    """The number in a cell of a table, also one that is not finite; None where there is none."""
    if isinstance(cell, bool):
        return None
    if isinstance(cell, int | float):
        return float(cell)
    if not isinstance(cell, str) or "_" in cell:  # which Python allows between digits
        return None
    try:
        return float(cell)
    except ValueError:
        return None


def number_columns(columns: Mapping[str, Sequence[Any]], *, asked: bool) -> tuple[str, ...]:
    """The columns of a table that hold numbers to learn; none where a table holds something else.

    A column ``label`` is the answer wherever there is one: numbers, if they are not all whole, for whole ones
    are the names of classes more often. Without it all columns are numbers, and are not all 0 and 1, which
    are labels that a picture has or has not. A column that is mostly numbers is one: `parsed` names the lines
    that are wrong. asked: the user says that these are numbers; then other columns are left out.
    """
    if LABEL in columns:
        found = [number(cell) for cell in columns[LABEL]]
        given = [value for value in found if value is not None]
        fits = 2 * len(given) > len(found) if asked else len(given) == len(found) and not _whole(given)
        return (LABEL,) if given and fits else ()
    numbers = {name: [number(cell) for cell in cells] for name, cells in columns.items()}
    kept = [name for name, found in numbers.items() if 2 * sum(one is not None for one in found) > len(found)]
    switches = all(value in (0, 1) for name in kept for value in numbers[name])
    return tuple(kept) if asked or (len(kept) == len(columns) and not switches) else ()


def _whole(values: Sequence[float]) -> bool:
    return all(value.is_integer() for value in values)


def parsed(cells: Mapping[str, Any]) -> dict[str, float]:
    """A row's numbers by column. Raises DatasetError in words that follow the name of the line."""
    found = {}
    for name, cell in cells.items():
        value = number(cell)
        if value is None:
            shown = "an empty cell" if cell in ("", None) else f"{cell!r:.40}"
            raise DatasetError(f"has {shown} in {name!r}, where a number is expected (1234.5).")
        if not _representable(value):
            raise DatasetError(f"has {cell!r:.40} in {name!r}; numbers to learn must be finite.")
        found[name] = value
    return found


def is_number_array(array: NDArray[Any], *, asked: bool) -> bool:
    """Whether (N,) or (N, K) hold numbers to learn: by themselves only floats that are not all whole."""
    if array.ndim not in (1, 2) or array.size == 0 or array.dtype.kind not in "biuf":
        return False
    return asked or (array.dtype.kind == "f" and not np.array_equal(array, np.floor(array)))


def in_array(array: NDArray[Any], names: Sequence[str] | None) -> list[dict[str, float]]:
    """The rows of (N,) or (N, K), by name. Raises InputError."""
    if not is_number_array(array, asked=True):
        raise InputError(f"numbers to learn are (N,) or (N, K), not {array.dtype} {array.shape}.")
    values = array.reshape(len(array), -1).astype(np.float64)
    names = tuple(names) if names is not None else numbered(values.shape[1])
    if len(names) != values.shape[1]:
        raise InputError(f"{len(names)} names ({listed(names)}) for {values.shape[1]} numbers a picture.")
    if len(wrong := np.flatnonzero(~np.isfinite(values).all(axis=1))):
        raise InputError(f"the numbers of picture {wrong[0]} are {values[wrong[0]].tolist()}, not finite.")
    return [dict(zip(names, row, strict=True)) for row in values.tolist()]


def numbered(count: int) -> tuple[str, ...]:
    """Names for so many numbers that nobody has named: "value", or "value 1", "value 2", ..."""
    return (NAME,) if count == 1 else tuple(f"{NAME} {place}" for place in range(1, count + 1))


def rows_of(answers: Iterable[object], names: Sequence[str]) -> NDArray[np.float64]:
    """(N, K) of answers as people write them: a number, K of them in order, or by name.

    Raises InputError for one that is none of these or not finite.
    """
    rows = [_row(answer, names) for answer in answers]
    return np.array(rows, np.float64).reshape(len(rows), len(names))


def _row(answer: object, names: Sequence[str]) -> list[float]:
    if isinstance(answer, Mapping):
        if missing := [name for name in names if name not in answer]:
            raise InputError(f"numbers {listed(list(map(str, answer)))}: expected also {listed(missing)}.")
        given = [answer[name] for name in names]
    elif isinstance(answer, np.ndarray | list | tuple):
        given = np.asarray(answer, object).ravel().tolist()
    else:
        given = [answer]
    values = [number(one.item() if isinstance(one, np.generic) else one) for one in given]
    found = [value for value in values if value is not None and _representable(value)]
    if len(found) != len(names) or len(values) != len(names):
        what = "a finite number" if len(names) == 1 else f"{len(names)} finite numbers ({listed(names)})"
        raise InputError(f"answer {answer!r:.60}: expected {what}.")
    return found


def _representable(value: float) -> bool:
    """Whether it is finite, also in the 32 bits that a network computes with."""
    return math.isfinite(value) and abs(value) <= float(np.finfo(np.float32).max)
