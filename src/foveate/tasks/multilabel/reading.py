"""Labels as people write them: a cell with several, a column of 0 and 1 for each, an array of those."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from foveate.errors import InputError

SEPARATORS = ";|,"
_BETWEEN = re.compile(f"[{re.escape(SEPARATORS)}]")
_YES, _NO = ("1", "true"), ("0", "false")

Answer = Sequence[str] | Mapping[str, bool]  # the labels there are, or for each label whether it is there


def is_flag(value: Any) -> bool:
    """Whether a cell says yes or no: 0, 1, true or false, as a text or as JSON has it."""
    return _flag(value) is not None


def _flag(value: Any) -> bool | None:
    word = value.strip().lower() if isinstance(value, str) else str(value).lower().removesuffix(".0")
    return True if word in _YES else False if word in _NO else None


def flags(cells: Mapping[str, Any]) -> dict[str, bool]:
    """Which labels a row of yes and no has. Raises InputError, naming the column."""
    found = {}
    for name, value in cells.items():
        flag = _flag(value)
        if flag is None:
            raise InputError(f"{name!r} must be 0 or 1 (or false, true), not {value!r:.40}.")
        found[name] = flag
    return found


def in_cell(column: str, value: Any) -> tuple[str, ...]:
    """The labels of a cell, sorted: a JSON list, or texts with ; | or , between; none where it is empty.

    Raises InputError, naming the column.
    """
    if isinstance(value, str) and value.startswith("["):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{column!r} begins as a JSON list and is none: {error}.") from None
    names = _BETWEEN.split(value) if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not all(type(name) in (str, int) for name in names):
        raise InputError(f"{column!r} must be a list of labels, not {value!r:.40}.")
    return tuple(sorted({str(name).strip() for name in names} - {""}))


def as_cell(names: Sequence[str]) -> str:
    """Such a cell: names with a semicolon between, or a JSON list where a name could be read otherwise."""
    plain = all(name == name.strip() and not _BETWEEN.search(name) and name[0] != "[" for name in names)
    return ";".join(names) if plain else json.dumps(list(names), ensure_ascii=False)
