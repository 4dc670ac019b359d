"""Labels as people meet them: which one is meant, and what those are called that nobody named."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np

from foveate.errors import InputError, UnknownNameError
from foveate.tasks.base import Task

_NUMBER = re.compile(r"[+-]?\d+", re.ASCII)


def label_numbers(labels: Iterable[object], names: Sequence[str]) -> list[int | None]:
    """The place among ``names`` that each label means; None where it means none.

    A text is a name. A whole number, Python's or NumPy's, means the label of that name: data labelled 1, 2, 3
    have the labels '1', '2', '3'. Where none is called so it counts the labels from 0, but never where all
    of them are named by numbers: 0 is then no label, and not the first one.
    """
    place = {name: number for number, name in enumerate(names)}
    counting = not all(_NUMBER.fullmatch(name) for name in names)

    def number(label: object) -> int | None:
        value = label.item() if isinstance(label, np.generic) else label
        if isinstance(value, bytes):
            value = value.decode("utf-8", "replace")
        if isinstance(value, str):
            return place.get(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)  # as training reads such labels
        if not isinstance(value, int):
            return None
        named = place.get(str(int(value)))
        if named is None and counting and 0 <= value < len(names):
            return int(value)
        return named

    return [number(label) for label in labels]


def numbered(count: int) -> tuple[str, ...]:
    """Names for so many labels that nobody has named: "class 0", "class 1", ..."""
    return tuple(f"class {number}" for number in range(count))


def are_numbered(labels: Sequence[str]) -> bool:
    """Whether these are such names."""
    return tuple(labels) == numbered(len(labels))


def label_meant(task: Task, label: str | int) -> int:
    """The label that is meant: the one of this name, or, where none is called so, of this number.

    Raises UnknownNameError; InputError where the labels have no names.
    """
    given = [label]
    if isinstance(label, str) and label.isascii() and label.isdigit():
        given.append(int(label[:9]))
    for number in label_numbers(given, task.labels):
        if number is not None:
            return number
    if are_numbered(task.labels):
        last = len(task.labels) - 1
        raise InputError(f"This network's {task.called} have no names; give a number from 0 to {last}.")
    raise UnknownNameError(task.called_one, str(label), task.labels)
