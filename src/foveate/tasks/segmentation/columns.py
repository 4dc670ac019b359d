"""The column of a table that names masks: all that a task must know of tables before it is given one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

MASK_COLUMNS = ("mask_name", "mask_file", "mask")


def mask_columns(columns: Mapping[str, Sequence[Any]]) -> tuple[str, ...]:
    """The first of these names that a table has; none where it has none."""
    return next(((name,) for name in MASK_COLUMNS if name in columns), ())
