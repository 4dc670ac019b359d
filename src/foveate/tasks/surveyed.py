"""What a task is told of a data set's splits before anything is learnt from them, and what it remarks on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from foveate.tasks.targets import Targets

Severity = Literal["error", "warning", "note"]


TableRow = tuple[Any, str]  # what `Task.parsed` made of a row, and its picture's file
TableAnswers = tuple[Mapping[str, Sequence[Any]], Sequence[str]]  # answers by split, and notes for people


class Row(NamedTuple):
    """One picture of a data set: its number in a split, and what is to be said of it."""

    split: str
    number: int
    words: str = ""


class Remark(NamedTuple):
    """One thing to know of answers. ``kind`` is for programs, ``message`` a sentence for people.

    error: training refuses it. groups: the pictures concerned; those of one group belong together.
    """

    kind: str
    severity: Severity
    message: str
    groups: tuple[tuple[Row, ...], ...] = ()


class Surveyed(NamedTuple):
    """The answers of a split, and what was found out about its N pictures.

    usable: (N,) whether a picture and its answer can be used. copies: (N,) equal numbers, in all splits, for
    pictures that are copies of each other.
    """

    targets: Targets
    usable: NDArray[np.bool_]
    copies: NDArray[np.int64]

    @property
    def readable(self) -> Targets:
        """The answers to the pictures that can be used."""
        return self.targets.take(np.flatnonzero(self.usable))
