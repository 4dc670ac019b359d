"""What classes are called, and labels that are numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foveate.errors import InputError


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
