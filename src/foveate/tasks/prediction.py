"""What a network says of one picture: what every kind of answer can tell of itself."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Colour = tuple[int, int, int]  # red, green, blue, 0 to 255


class Prediction(Protocol):
    """What a network says of one picture."""

    @property
    def unlikeness(self) -> float | None:
        """Above 1 for pictures unlike the training pictures; None where the model does not measure it."""
        ...

    @property
    def unlike(self) -> bool:
        """Whether the picture is unlike the training pictures: then no answer need be right."""
        ...

    def cells(self) -> Sequence[str]:
        """A row of a table, under `Task.columns`."""
        ...

    def lines(self) -> Sequence[str]:
        """For people, where the picture is the only one."""
        ...

    def to_text(self) -> str:
        """For people, in one line."""
        ...

    def to_dict(self) -> Mapping[str, Any]:
        """Plain JSON values: the task's `Task.document`."""
        ...


def colour_table(labels: Sequence[str], colours: Sequence[Colour]) -> str:
    """``classes.csv``: what the colours of drawn answers mean, under the header name,r,g,b."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("name", "r", "g", "b"))
    rows.writerows((name, *colour) for name, colour in zip(labels, colours, strict=True))
    return text.getvalue()


class Drawn(Prediction, Protocol):
    """A prediction that is a picture itself, of a task whose `Task.draws` says so."""

    def png(self, picture: Callable[[], NDArray[np.uint8]] | None = None) -> bytes:
        """The answer as a PNG of the picture's own size, in the colours of `Task.palette`.

        picture: gives its pixels (H, W, 3), over which an answer of outlines is drawn.
        """
        ...

    def shares(self) -> Sequence[tuple[int, float]]:
        """The labels that the picture shows, by number, the largest first, each with its share of it."""
        ...

    def files(self, picture: Callable[[], NDArray[np.uint8]]) -> Mapping[str, bytes]:
        """What is written for a picture, by what is put behind its name, such as ``.png``.

        picture: gives its pixels (H, W, 3).
        """
        ...
