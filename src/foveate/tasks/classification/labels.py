"""What a label means to a model: the name of a class before its number."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foveate.errors import InputError

_NUMBER = re.compile(r"[+-]?\d+", re.ASCII)


def class_numbers(labels: Iterable[object], classes: Sequence[str]) -> list[int | None]:
    """The place among ``classes`` that each label means; None where it means none.

    A text is a name. A whole number, Python's or NumPy's, means the class of that name: data labelled 1, 2, 3
    have the classes '1', '2', '3'. Where none is called so it counts the classes from 0, but never where all
    of them are named by numbers: 0 is then no class, and not the first one.
    """
    place = {name: number for number, name in enumerate(classes)}
    counting = not all(_NUMBER.fullmatch(name) for name in classes)

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
        if named is None and counting and 0 <= value < len(classes):
            return int(value)
        return named

    return [number(label) for label in labels]


def numbered(count: int) -> tuple[str, ...]:
    """Names for so many classes that nobody has named: "class 0", "class 1", ..."""
    return tuple(f"class {number}" for number in range(count))


def are_numbered(classes: Sequence[str]) -> bool:
    """Whether these are such names."""
    return tuple(classes) == numbered(len(classes))


def looks_like_characters(classes: Sequence[str]) -> bool:
    """Whether the classes are letters or digits: such pictures change their meaning in a mirror."""
    return all(len(name.strip()) == 1 and name.strip().isalnum() for name in classes)


def checked_labels(labels: NDArray[Any], num_classes: int) -> NDArray[np.int64]:
    """Labels as int64 in 0..num_classes-1, or an InputError that says what is wrong."""
    if labels.size and not np.issubdtype(labels.dtype, np.integer):
        raise InputError(f"Labels must be integers (class numbers); got {labels.dtype}.")
    numbers = labels.astype(np.int64)
    if numbers.size and not (int(numbers.min()) >= 0 and int(numbers.max()) < num_classes):
        raise InputError(
            f"Labels must lie in 0..{num_classes - 1} for {num_classes} classes; "
            f"found {int(numbers.min())}..{int(numbers.max())}."
        )
    return numbers
