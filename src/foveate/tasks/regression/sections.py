"""The sections of a regression's report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from foveate.tasks.regression.metrics import Evaluation
from foveate.tasks.sections import (
    Column,
    Figure,
    Figures,
    Gallery,
    Histogram,
    Mark,
    Panel,
    Paragraph,
    Picture,
    Pixels,
    Scatter,
    Section,
    Table,
)
from foveate.tasks.telling import Explained, Explanations
from foveate.words import count, percent, shown, split_word

DRAWN_NUMBERS = 12  # of more, the first are drawn; the table has all
BINS = 21  # an odd number: the middle one is "no error"
Floats = NDArray[np.float64]


def number_by_number(result: Evaluation, split: str) -> Section:
    """Every number with its errors."""
    text: list[str | Mark] = [
        Mark("Mean absolute error", "strong"), ": how far off on average. ",
        Mark("RMSE", "strong"), ": the same with large errors counting more. ",
        Mark("R²", "strong"), ": the share of the variance that is explained; always the mean has 0. ",
        Mark("Bias", "strong"), ": the mean of answer minus truth.",
    ]  # fmt: skip
    headings = ["mean absolute error", "95 % interval", "always the median", "RMSE", "R²", "bias"]
    columns = [Column("number", "name"), *map(Column, headings), Column("R²", "bar")]
    rows = [
        (
            one.name,
            f"{one.mae:.4g}",
            f"{one.mae_interval[0]:.4g} to {one.mae_interval[1]:.4g}",
            f"{one.median_mae:.4g}",
            f"{one.rmse:.4g}",
            f"{one.r2:.3f}",
            f"{one.bias:+.3g}",
            min(max(one.r2, 0.0), 1.0),
        )
        for one in result.numbers
    ]
    title = f"Errors on {count(result.samples)} {split_word(split)} pictures"
    table = Table("Table of numbers", columns, rows, title=title, wide=True)
    return Section("Number by number", "Numbers", "numbers", [Paragraph(text), table])


def how_far_off(names: Sequence[str], said: Floats, true: Floats) -> Section:
    """Said against true, and how the errors are distributed; said, true: (N, K)."""
    text = (
        "Every point is a picture; on the dashed line the network is right. Points that lie flat say that it "
    )
    text += "answers near the mean whatever it sees; errors that pile up beside 0, that it leans to one side."
    if len(names) > DRAWN_NUMBERS:
        text += f" Drawn are the first {DRAWN_NUMBERS} of {count(len(names))} numbers."
    figures = []
    for k, name in enumerate(names[:DRAWN_NUMBERS]):
        few = shown(name, 60)
        scatter = Scatter(f"{few}: said against true", few, true[:, k], said[:, k])
        figures += [Figure(scatter, few), Figure(_errors(few, said[:, k] - true[:, k]), f"Errors of {few}")]
    return Section("Said and true", "Errors", "errors", [Paragraph(text), Figures(figures)])


def _errors(name: str, off: Floats) -> Histogram:
    reach = float(np.abs(off).max()) or 1.0
    counts, edges = np.histogram(off, BINS, (-reach, reach))
    return Histogram(f"Errors of {name}", f"{name}: answer − truth", edges, counts.astype(np.int64))


def furthest_off(pictures: Sequence[Picture]) -> Section:
    """The pictures with the largest errors."""
    text = (
        "Where the network is furthest off. Look for wrong numbers, for pictures in which it cannot be seen, "
    )
    text += "and for what the training pictures lack."
    return Section("Furthest off", "Worst", "worst", [Paragraph(text), Gallery(pictures)])


def worst_picture(pixels: Pixels, name: str, *, number: str, said: str, true: str) -> Picture:
    """A picture with what was said of it; number: which one, where there are several."""
    of: list[str | Mark] = [Mark(number), " "] if number else []
    caption: list[list[str | Mark]] = [[*of, Mark(said, "wrong")], ["is ", Mark(true, "right")]]
    return Picture([Panel(pixels, f"A picture of {true} of which {said} was said")], caption, name)


def where_it_looked(found: Explanations, names: Sequence[str]) -> Section:
    """Heat maps of what raises the number; can they be believed?"""
    told: list[str | Mark] = [
        f"What in a picture raises the number ({found.method} at layer ", Mark(found.layer, "code"),
        "): the brighter, the more. Where all stays grey, no place raises it. ",
        Mark("foveate explain", "code"), " shows more, of any picture.",
    ]  # fmt: skip
    believed = (
        f"Can these maps be believed? Hiding the brightest {percent(found.fraction)} of these pictures "
        f"lowers the number by {found.drop:.3g} on average; hiding as much elsewhere, by "
        f"{found.drop_elsewhere:.3g}."
    )
    if found.drop <= found.drop_elsewhere:
        believed += " Here they do not mark what mattered most: take them with care."
    gallery = Gallery([_explained(one, names) for one in found.items])
    return Section("Where it looked", "Why", "why", [Paragraph(told), Paragraph(believed), gallery])


def _explained(one: Explained, names: Sequence[str]) -> Picture:
    (number,) = one.subject.outputs
    name = shown(names[number], 60)
    panels = [Panel(one.subject.pixels, "A picture")]
    panels += [Panel(pixels, f"The same picture, bright where it raises {name}") for pixels in one.maps]
    return Picture(panels, [["what raises ", Mark(names[number])]], one.subject.name)


def trust(limits: Sequence[str]) -> Section:
    """How far the numbers may be believed."""
    return Section("Can its numbers be believed?", "Trust", "trust", [Paragraph(limit) for limit in limits])


def numbers_by_split(names: Sequence[str], values: Mapping[str, Floats]) -> Table:
    """What the numbers are in each split: values are (N, K)."""
    columns = [Column("number", "name"), *(Column(split_word(split)) for split in values)]
    rows: list[tuple[str, ...]] = [
        (name, *(_spread(of[:, k]) for of in values.values())) for k, name in enumerate(names)
    ]
    footer = ("pictures", *(count(len(of)) for of in values.values()))
    return Table("Numbers by split: lowest, median, highest", columns, rows, footer)


def _spread(column: Floats) -> str:
    if not len(column):
        return "none"
    return " · ".join(f"{value:.4g}" for value in (column.min(), np.median(column), column.max()))
