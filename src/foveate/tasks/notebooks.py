"""What answers and measurements look like in a notebook, and as columns of a table of another library."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from foveate.tasks.prediction import Prediction
from foveate.words import html_lines, html_table

if TYPE_CHECKING:
    from foveate.tasks.base import Task
    from foveate.tasks.sections import Table

SHOWN = 100  # rows of predictions in a notebook; a folder has thousands
MOST_SIDE = 512  # pixels of a drawn answer, as shown


class ShownPrediction:
    """A prediction that notebooks show: its lines, and its picture where it is one."""

    def _repr_html_(self: Any) -> str:
        found = html_lines(self.lines())
        if not hasattr(self, "png"):
            return found
        return found + html_picture(self.png())


class ShownEvaluation:
    """A measurement that notebooks show: its lines and tables, as `foveate evaluate` prints them."""

    def _repr_html_(self: Any) -> str:
        return html_lines(self.lines("pictures")) + "".join(map(html_of, self.tables()))


def html_of(table: Table) -> str:
    """A table for a notebook."""
    from foveate.tasks.sections import cell_text

    right = [i for i, column in enumerate(table.columns) if column.kind == "number"]
    rows = ([cell_text(cell) for cell in row] for row in table.rows)
    return html_table([column.heading for column in table.columns], rows, right, title=table.title)


def html_picture(png: bytes, most_px: int = MOST_SIDE) -> str:
    """A PNG file for a notebook, as wide as it is or ``most_px``."""
    data = base64.b64encode(png).decode()
    return f'<img alt="" style="max-width: min(100%, {most_px}px)" src="data:image/png;base64,{data}">'


def png_of(pixels: NDArray[np.uint8]) -> bytes:
    """(H, W, 3) uint8 as a PNG file."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


class Predictions(list[Prediction]):
    """What is said of some pictures: a list, that notebooks show as a table and programs take as columns.

    ``pandas.DataFrame(model.predictions(files).columns())``, and so polars.DataFrame and pyarrow.table.
    """

    def __init__(self, task: Task, told: Iterable[Prediction], limit: int = 5) -> None:
        super().__init__(told)
        self._task, self._limit = task, limit

    def columns(self) -> Mapping[str, NDArray[Any]]:
        """Column -> (rows,): ``picture``, the number of each row's, and those of `foveate predict --csv`.

        Labels and sentences are texts, also those that look like numbers. Other columns of numbers are
        float64, those of yes and no bool; an empty cell is NaN or "".
        """
        numbers, rows = self._rows()
        names = self._task.columns(self._limit)
        cells = zip(*rows, strict=True) if rows else (() for _ in names)
        return {"picture": np.array(numbers, np.int64)} | {
            name: np.array(column, str) if self._is_text(name) else _typed(column)
            for name, column in zip(names, cells, strict=True)
        }

    def _is_text(self, column: str) -> bool:
        return column.partition("_")[0] in self._task.text_columns

    def _rows(self) -> tuple[list[int], list[Sequence[str]]]:
        each = [(number, row) for number, one in enumerate(self) for row in self._task.rows(one)]
        return [number for number, _ in each], [row for _, row in each]

    def _repr_html_(self) -> str:
        numbers, rows = self._rows()
        body = [[str(number), *row] for number, row in zip(numbers, rows, strict=True)]
        more = [f"{len(body) - SHOWN:,} more rows"] if len(body) > SHOWN else []
        return html_table(["picture", *self._task.columns(self._limit)], body[:SHOWN]) + html_lines(more)


def _typed(cells: Sequence[str]) -> NDArray[Any]:
    if cells and set(cells) <= {"true", "false"}:
        return np.array([cell == "true" for cell in cells])
    try:
        return np.array([float(cell or "nan") for cell in cells])
    except ValueError:
        return np.array(cells)
