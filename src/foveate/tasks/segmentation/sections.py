"""The sections of a segmentation's report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from foveate.tasks.sections import (
    Block,
    Column,
    Figure,
    Figures,
    Gallery,
    Mark,
    Matrix,
    Panel,
    Paragraph,
    Picture,
    Reliability,
    Section,
    Table,
)
from foveate.tasks.segmentation.answers import overlay, palette
from foveate.tasks.segmentation.metrics import Evaluation
from foveate.tasks.segmentation.names import IGNORED
from foveate.tasks.telling import NOTHING_HELD_OUT
from foveate.words import count, percent, shown, split_word

if TYPE_CHECKING:
    from foveate.tasks.segmentation.task import Segmentation

MATRIX_CLASSES = 30
PER_MILLE = 1000  # of a class's pixels: what the table of confusions counts
RIGHT, WRONG = (38, 130, 84), (196, 40, 40)
NAMED_IN_LEGEND = 8


class Shown(NamedTuple):
    """A picture as the network saw it, (h, w, C), with its true and its answered classes (h, w)."""

    pixels: NDArray[np.uint8]
    true: NDArray[np.uint8]
    said: NDArray[np.uint8]
    name: str
    miou: float


def class_by_class(result: Evaluation, split: str) -> Section:
    """Every class with its overlap."""
    text: list[str | Mark] = [
        Mark("IoU", "strong"), ": what answer and truth have in common, divided by what either covers, over "
        "all pictures together. ",
        Mark("Boundary F", "strong"), ": how well the class's outline is met, within 0.75 % of the picture's "
        "diagonal. ",
        Mark("Pixels", "strong"), ": the class's share of all that were measured.",
    ]  # fmt: skip
    (table,) = result.tables()
    columns = [*table.columns, Column("IoU", "bar")]
    rows = [
        (*row, 0.0 if np.isnan(iou) else float(iou)) for row, iou in zip(table.rows, result.iou, strict=True)
    ]
    title = f"Overlap on {count(result.samples)} {split_word(split)} pictures"
    shown_table = Table("Table of classes", columns, rows, title=title, wide=True)
    return Section("Class by class", "Classes", "classes", [Paragraph(text), shown_table])


def what_is_taken_for_what(result: Evaluation) -> Section:
    """Which class's pixels are called what."""
    text = (
        "Of a thousand pixels of a class, how many were called what. A small thing beside a large one loses "
    )
    text += "its outline to it first."
    true = result.confusion.sum(axis=1)
    wrong = true + result.confusion.sum(axis=0) - 2 * np.diag(result.confusion)
    kept = np.sort(np.argsort(-wrong, kind="stable")[:MATRIX_CLASSES])
    cells = result.confusion[np.ix_(kept, kept)]
    shares = np.rint(PER_MILLE * cells / np.maximum(true[kept, None], 1)).astype(np.int64)
    rows, columns = np.nonzero(shares)
    title = "Pixels in a thousand: rows are true classes, columns what the network said"
    totals = np.where(true[kept] > 0, PER_MILLE, 0)
    names = [result.names[k] for k in kept]
    matrix = Matrix(title, names, rows, columns, shares[rows, columns], totals)
    return Section("What it confuses", "Confusion", "confusion", [Paragraph(text), matrix])


def worst_pictures(task: Segmentation, pictures: Sequence[Shown]) -> Section:
    """The pictures with the least overlap: picture, truth, answer, difference."""
    text: list[str | Mark] = [
        "The pictures with the least mean IoU: the picture, the true classes, the answer, and where they "
        "differ (red). Grey is what was ignored. Look for wrong masks, and for what training lacks.",
    ]
    gallery = Gallery([_four(task, one) for one in pictures])
    return Section("Worst pictures", "Worst", "worst", [Paragraph(text), gallery])


def _four(task: Segmentation, one: Shown) -> Picture:
    colour = np.repeat(one.pixels, 3, axis=2) if one.pixels.shape[2] == 1 else one.pixels
    table = np.array(palette(task.colours), np.uint8)
    table[IGNORED] = 128
    differs = np.array(colour)
    known = one.true != IGNORED
    differs[known & (one.true == one.said)] = differs[known & (one.true == one.said)] // 2 + 60
    differs[known & (one.true != one.said)] = WRONG
    there = np.unique(one.true[known])[:NAMED_IN_LEGEND]
    names = ", ".join(task.classes[k] for k in there)
    panels = [
        Panel(one.pixels, f"A picture of {shown(names)}"),
        Panel(table[one.true], "The true class of each pixel, in colours"),
        Panel(overlay(colour, one.said, task.colours), "The picture under the classes that were answered"),
        Panel(differs, "The pixels whose class is wrong, in red"),
    ]
    caption = ("mean IoU ", Mark(percent(one.miou), "number"), "; shows ", Mark(names, "name"))
    return Picture(panels, [caption], one.name)


def calibration(result: Evaluation, task: Segmentation, chosen_on: str) -> Section:
    """Whether its confidences can be believed."""
    text = "Of the pixels about which it is 80 % sure, 80 % should be right: bars that end on the dashed "
    text += "diagonal. Orange is the gap. "
    fitted = f"A temperature of {task.temperature:.2f}, fitted on pixels of {chosen_on}, is built into the "
    text += f"{fitted}model." if chosen_on else NOTHING_HELD_OUT
    bins = result.reliability
    chart = Reliability("Reliability of the pixels", bins.counts, bins.confidence, bins.accuracy)
    figure = Figure(chart, "As in the model", f"error {percent(bins.ece)}")
    blocks: list[Block] = [Paragraph(text), Figures([figure])]
    if task.unsure is not None:
        rule = task.unsure
        blocks.append(
            Paragraph(
                f"Below {percent(rule.unsure_below)} a pixel is called unsure. On held-out pixels "
                f"{percent(rule.coverage, 0)} were above it."
            )
        )
    return Section("Can its confidences be believed?", "Calibration", "calibration", blocks)


def classes_by_split(
    task: Segmentation, counts: Mapping[str, NDArray[np.int64]], sizes: Mapping[str, int]
) -> Table:
    """How many pictures of each split show each class."""
    columns = [Column("class", "name"), *(Column(split_word(split)) for split in counts)]
    rows = [(name, *(count(int(of[k])) for of in counts.values())) for k, name in enumerate(task.classes)]
    footer = ("pictures in all", *(count(size) for size in sizes.values()))
    return Table("Pictures that show each class", columns, rows, footer)
