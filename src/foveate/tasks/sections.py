"""What a report is made of, as data: a task tells its results with these, and the report room draws them.

Texts may hold anything (class and file names come from users); they are made safe when they are drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]  # (H, W, 3), (H, W, 1) or (H, W)
Unit = Literal["number", "percent"]


@dataclass(frozen=True)
class Mark:
    """A piece of a text that is not plain: a name out of the data, code, a number, an answer."""

    text: str
    style: Literal["name", "code", "strong", "number", "right", "wrong"] = "name"


Text = str | Sequence[str | Mark]


@dataclass(frozen=True)
class Paragraph:
    text: Text


@dataclass(frozen=True)
class Column:
    """bar: the cells are fractions, drawn as bars; limit: characters of a name."""

    heading: str
    kind: Literal["name", "code", "text", "number", "bar"] = "number"
    limit: int = 160


@dataclass(frozen=True)
class Table:
    """Rows of a cell a column, the first of which heads the row; None for what is not known.

    label: for those who do not see the table. wide: as wide as the page.
    """

    label: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[str | float | None]]
    footer: Sequence[str] = ()
    title: str = ""
    wide: bool = False


def cell_text(cell: str | float | None) -> str:
    """A cell of a table in words: four significant digits of a number that is not whole; nothing for None."""
    if cell is None:
        return ""
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)


@dataclass(frozen=True)
class Lines:
    """One or two lines, name -> (x, y) in order of x; over epochs where nothing is said.

    across: what x is, whole numbers or shares; mark: an x that was kept.
    """

    title: str
    series: Mapping[str, Sequence[tuple[float, float]]]
    unit: Unit = "number"
    mark: float | None = None
    across: str = "epoch"
    across_unit: Unit = "number"


@dataclass(frozen=True)
class Reliability:
    """How often answers are right against how sure they are, by bins (bins,) of equal width."""

    title: str
    counts: NDArray[np.int64]
    confidence: NDArray[np.float64]
    right: NDArray[np.float64]


@dataclass(frozen=True)
class Matrix:
    """How often a thing was called another: the cells that are not zero.

    title: what rows and columns are. names: (K,). true, called, counts: (cells,), of which the first two
    count the names. totals: (K,) of each true thing, also of what is not shown.
    """

    title: str
    names: Sequence[str]
    true: NDArray[np.int64]
    called: NDArray[np.int64]
    counts: NDArray[np.int64]
    totals: NDArray[np.int64]


@dataclass(frozen=True)
class Scatter:
    """Numbers that were said against the true ones, (N,) each; quantity: what they count, with its unit."""

    title: str
    quantity: str
    true: NDArray[np.floating]
    said: NDArray[np.floating]


@dataclass(frozen=True)
class Histogram:
    """counts: (bins,) of values of a quantity between its edges, (bins + 1,)."""

    title: str
    quantity: str
    edges: NDArray[np.floating]
    counts: NDArray[np.int64]


Chart = Lines | Reliability | Scatter | Histogram


@dataclass(frozen=True)
class Figure:
    chart: Chart
    caption: str
    note: str = ""


@dataclass(frozen=True)
class Figures:
    """Charts that are compared."""

    items: Sequence[Figure]


@dataclass(frozen=True)
class Panel:
    """A picture, and what it is for those who do not see it."""

    pixels: Pixels
    description: str


@dataclass(frozen=True)
class Picture:
    """A picture beside what else there is of it: its answer, a heat map, the difference.

    caption: lines; name: of the file.
    """

    panels: Sequence[Panel]
    caption: Sequence[Text] = ()
    name: str = ""


@dataclass(frozen=True)
class Gallery:
    pictures: Sequence[Picture]
    small: bool = False


@dataclass(frozen=True)
class Beside:
    """Blocks that stand beside each other where there is room."""

    blocks: Sequence[Matrix | Table]


Block = Paragraph | Table | Matrix | Figures | Gallery | Beside


@dataclass(frozen=True)
class Section:
    """short: its name among the links of the page; anchor: where they lead, letters only."""

    title: str
    short: str
    anchor: str
    blocks: Sequence[Block]
