"""How far off the numbers are, for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from foveate.tasks.sections import Column, Table

if TYPE_CHECKING:
    from foveate.tasks.regression.metrics import Evaluation

MAX_NAME = 24  # characters of a number's name in a table


def in_lines(found: Evaluation, pictures: str) -> list[str]:
    """R² with its interval; of a single number, how far off it is and what a constant answer would be."""
    low, high = found.r2_interval
    mean = "" if len(found.numbers) == 1 else f"mean of {len(found.numbers)} numbers, "
    lines = [
        f"R² {found.r2:.4f} ({mean}95 % interval {low:.4f} to {high:.4f}) on {found.samples} {pictures}; "
        "always answering the mean has 0"
    ]
    if len(found.numbers) == 1:
        (one,) = found.numbers
        low, high = one.mae_interval
        lines.append(
            f"off by {one.mae:.4g} on average (95 % interval {low:.4g} to {high:.4g}); always answering the "
            f"median, {one.median:.4g}, is off by {one.median_mae:.4g}"
        )
    return lines


def number_table(found: Evaluation) -> Table:
    """Every number with its errors and what a constant answer would have."""
    headings = ["mean abs. error", "95 % interval", "always the median", "RMSE", "R²", "bias"]
    covered = any(one.covered is not None for one in found.numbers)
    rows = []
    for one in found.numbers:
        low, high = one.mae_interval
        row = [one.name, f"{one.mae:.4g}", f"{low:.4g} to {high:.4g}", f"{one.median_mae:.4g}"]
        row += [f"{one.rmse:.4g}", f"{one.r2:.4f}", f"{one.bias:+.3g}"]
        rows.append(row if one.covered is None else [*row, f"{one.covered:.1%}"])
    names = [*headings, *(["within interval"] if covered else [])]
    return Table("Numbers", [Column("number", "name", MAX_NAME), *map(Column, names)], rows)
