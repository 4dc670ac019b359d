"""The sections of a detection's report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from foveate.tasks.detection.drawing import drawn
from foveate.tasks.detection.metrics import AT_50, Evaluation
from foveate.tasks.detection.targets import BoxTargets
from foveate.tasks.prediction import Colour
from foveate.tasks.sections import (
    Block,
    Column,
    Figure,
    Figures,
    Gallery,
    Lines,
    Mark,
    Panel,
    Paragraph,
    Picture,
    Reliability,
    Section,
    Table,
)
from foveate.tasks.targets import Targets
from foveate.tasks.telling import NOTHING_HELD_OUT
from foveate.words import count, percent, plural, split_word

if TYPE_CHECKING:
    from foveate.tasks.detection.task import Detection

CURVES = 12  # classes whose curve is drawn, those with most boxes
TRUE, MISSED, IMAGINED = (90, 90, 90), (20, 90, 200), (205, 40, 40)
_COLOURS: tuple[Colour, ...] = (TRUE, MISSED, IMAGINED)
_LEAST_SIDE_PX = 320  # of a picture that boxes are drawn over


class Shown(NamedTuple):
    """A picture as the network saw it (h, w, C) with true boxes and answers, all in pixels of it.

    missed: numbers of true boxes that no answer met. imagined: numbers of answers that met none, of the
    first ``told``, which are at the threshold or above.
    """

    pixels: NDArray[np.uint8]
    name: str
    true: NDArray[np.float32]
    true_labels: NDArray[np.int64]
    missed: NDArray[np.int64]
    said: NDArray[np.float64]
    scores: NDArray[np.float64]
    labels: NDArray[np.int64]
    imagined: NDArray[np.int64]
    told: int


def class_by_class(result: Evaluation, split: str) -> Section:
    """Every class and every size with its precision."""
    text: list[str | Mark] = [
        Mark("AP50", "strong"), ": how right its answers are while more and more of the boxes are found. ",
        Mark("AP", "strong"), ": the mean of the same at ten overlaps, from 50 to 95 %. ",
        Mark("Found, missed, imagined", "strong"),
        f": from a score of {result.threshold:.2f} on.",
    ]  # fmt: skip
    classes, sizes = result.tables()
    ap50 = result.per_class(AT_50)
    columns = [*classes.columns, Column("AP50", "bar")]
    rows = [
        (*row, 0.0 if np.isnan(value) else float(value))
        for row, value in zip(classes.rows, ap50, strict=True)
    ]
    title = f"Boxes in {count(result.samples)} {split_word(split)} pictures"
    table = Table("Table of classes", columns, rows, title=title, wide=True)
    return Section("Class by class", "Classes", "classes", [Paragraph(text), table, sizes])


def precision_and_recall(result: Evaluation) -> Section:
    """The curve of each class at an overlap of a half."""
    text = (
        "Read from the left: of the surest answers nearly all are right (high), and few boxes are found "
        "(left). Going down in the scores finds more and imagines more. A curve that ends early "
        "never finds the rest."
    )
    order = np.argsort(-result.true[:, 0], kind="stable")[:CURVES]
    figures = []
    for k in order.tolist():
        if not result.true[k, 0]:
            continue
        name = result.names[k]
        chart = Lines(
            f"Precision of {name}",
            {"precision": result.curve(k)},
            unit="percent",
            across="recall",
            across_unit="percent",
        )
        found = percent(float(result.per_class(AT_50)[k]))
        boxes = plural(int(result.true[k, 0]), "box", "boxes")
        figures.append(Figure(chart, f"{name}: AP50 {found}", boxes))
    blocks: list[Block] = [Paragraph(text), Figures(figures)]
    if len(result.names) > CURVES:
        blocks.append(Paragraph(f"Shown are the {CURVES} classes with most boxes."))
    return Section("Precision and recall", "Curves", "curves", blocks)


def missed(task: Detection, pictures: Sequence[Shown]) -> Section:
    """The pictures with most boxes that were not found."""
    text = (
        "The pictures in which most boxes were missed: true boxes in grey, those that no answer met in blue. "
    )
    text += "Look for boxes that are drawn loosely, and for things too small or too close together."
    shown = [one for one in pictures if len(one.missed)]
    blocks: list[Block] = [Paragraph(text), Gallery([_missed(task, one) for one in shown])]
    if not shown:
        blocks = [Paragraph("No box was missed.")]
    return Section("What was missed", "Missed", "missed", blocks)


def _missed(task: Detection, one: Shown) -> Picture:
    lost = set(one.missed.tolist())
    boxes = [
        (
            one.true[i].tolist(),
            1 if i in lost else 0,
            task.classes[int(one.true_labels[i])] if i in lost else "",
        )
        for i in range(len(one.true))
    ]
    names = _counted(task, one.true_labels[one.missed])
    caption = ("missed ", Mark(str(len(lost)), "number"), f" of {len(one.true)}: ", Mark(names, "name"))
    panel = Panel(_over(one.pixels, boxes), f"A picture with the boxes that were missed: {names}")
    return Picture([panel], [caption], one.name)


def imagined(task: Detection, pictures: Sequence[Shown]) -> Section:
    """The pictures with most answers that are of nothing."""
    text = "The pictures with most answers that met no true box, in red; true boxes in grey. Look for things "
    text += "that nobody has annotated: those are mistakes of the data."
    shown = [one for one in pictures if len(one.imagined)]
    blocks: list[Block] = [Paragraph(text), Gallery([_imagined(task, one) for one in shown])]
    if not shown:
        blocks = [Paragraph("No box was imagined.")]
    return Section("What was imagined", "Imagined", "imagined", blocks)


def _imagined(task: Detection, one: Shown) -> Picture:
    wrong = [
        (one.said[i].tolist(), 2, f"{task.classes[int(one.labels[i])]} {one.scores[i]:.0%}")
        for i in one.imagined.tolist()
    ]
    boxes = [*wrong, *((box.tolist(), 0, "") for box in one.true)]
    names = _counted(task, one.labels[one.imagined])
    caption = ("imagined ", Mark(str(len(wrong)), "number"), f" of {one.told}: ", Mark(names, "name"))
    panel = Panel(_over(one.pixels, boxes), f"A picture with the boxes that were imagined: {names}")
    return Picture([panel], [caption], one.name)


def _counted(task: Detection, labels: NDArray[np.int64]) -> str:
    counts = np.bincount(labels, minlength=len(task.classes))
    return ", ".join(
        f"{counts[k]} {task.classes[k]}" for k in np.argsort(-counts, kind="stable") if counts[k]
    )


def _over(pixels: NDArray[np.uint8], boxes: Sequence[tuple[list[float], int, str]]) -> NDArray[np.uint8]:
    """Boxes over a picture, which is enlarged where it is too small for their lines."""
    colour = np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels
    times = max(1, -(-_LEAST_SIDE_PX // max(colour.shape[:2])))
    larger = np.ascontiguousarray(colour.repeat(times, axis=0).repeat(times, axis=1))
    scaled = [([side * times for side in box], number, text) for box, number, text in boxes]
    return np.asarray(drawn(larger, scaled, _COLOURS))


def threshold(result: Evaluation, task: Detection) -> Section:
    """From which score on boxes are told of, and what that costs."""
    if task.rule is None:
        text = f"Boxes are told of from a score of {task.threshold:.2f} on; no held-out pictures could tell "
        text += "better."
        return Section("From which score on?", "Threshold", "threshold", [Paragraph(text)])
    rule = task.rule
    text = (
        f"Boxes are told of from a score of {rule.threshold:.2f} on: there the harmonic mean of precision "
        f"and recall (F1) is highest on held-out pictures, {percent(rule.f1)}, where "
        f"{percent(rule.precision)} of the answers were right and {percent(rule.recall)} of "
        f"{count(rule.boxes)} boxes were found. Another threshold can be chosen with each prediction."
    )
    columns = [Column("class", "name"), Column("precision"), Column("recall")]
    precision, recall = result.counts.precision, result.counts.recall
    rows = [(name, _told(precision[k]), _told(recall[k])) for k, name in enumerate(result.names)]
    table = Table("Precision and recall at the threshold", columns, rows, title="At the threshold, here")
    return Section("From which score on?", "Threshold", "threshold", [Paragraph(text), table])


def _told(value: float) -> str:
    return "none" if np.isnan(value) else percent(float(value))


def calibration(result: Evaluation, task: Detection, chosen_on: str) -> Section:
    """Whether its scores can be believed."""
    slope, offset = task.calibration
    text = (
        "Of the boxes with a score of 0.8, four in five should meet a true one: bars that end on the dashed "
    )
    text += "diagonal. Orange is the gap. "
    fitted = f"The logits of the scores were multiplied by {slope:.2f} and moved by {offset:.2f}, fitted on "
    text += f"{fitted}{chosen_on}; that is built into the model." if chosen_on else NOTHING_HELD_OUT
    bins = result.reliability
    chart = Reliability("Reliability of the scores", bins.counts, bins.confidence, bins.accuracy)
    figure = Figure(chart, "As in the model", f"error {percent(bins.ece)}")
    blocks: list[Block] = [Paragraph(text), Figures([figure])]
    return Section("Can its scores be believed?", "Calibration", "calibration", blocks)


def boxes_by_split(task: Detection, targets: Mapping[str, Targets]) -> Table:
    """How many boxes of each class each split has."""
    own = {key: of for key, of in targets.items() if isinstance(of, BoxTargets)}
    boxes = {key: of.box_counts.sum(axis=0) for key, of in own.items()}
    columns = [Column("class", "name"), *(Column(split_word(split)) for split in own)]
    rows = [(name, *(count(int(of[k])) for of in boxes.values())) for k, name in enumerate(task.classes)]
    footer = ("pictures in all", *(count(len(of)) for of in own.values()))
    return Table("Boxes of each class", columns, rows, footer)
