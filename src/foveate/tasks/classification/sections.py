"""The sections of a classifier's report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from foveate.tasks.classification.calibration import Reliability, apply_temperature, reliability
from foveate.tasks.classification.metrics import Confusion, Evaluation
from foveate.tasks.sections import (
    Beside,
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
    Section,
    Table,
)
from foveate.tasks.sections import Reliability as ReliabilityChart
from foveate.tasks.telling import NOTHING_HELD_OUT, Explained, Explanations
from foveate.words import count, percent, shown, split_word

TABLE_CLASSES = 100  # of more classes, the table shows those with the lowest F1
MATRIX_CLASSES = 50  # a bigger confusion matrix cannot be read
BESIDE_CLASSES = 16  # a matrix of more leaves no room beside it
PAIRS_SHOWN = 12


def class_by_class(result: Evaluation, split: str) -> Section:
    """Precision, recall and F1: all classes in their order, or the weakest of many, weakest first."""
    order = np.arange(len(result.classes))
    text: list[str | Mark] = [Mark("Precision", "strong"), ": of the pictures called this, how many are. "]
    text += [Mark("Recall", "strong"), ": of the pictures that are this, how many were found. "]
    text += [Mark("F1", "strong"), " is high only when both are."]
    if len(order) > TABLE_CLASSES:
        order = np.lexsort((order, result.f1, result.support == 0))[:TABLE_CLASSES]
        text.append(f" The {len(order)} classes with the lowest F1 of {count(len(result.classes))}; ")
        text += ["all of them stand in the output of ", Mark("foveate evaluate --json", "code"), "."]
    columns = [Column("class", "name"), Column("precision"), Column("recall"), Column("F1")]
    columns += [Column("F1", "bar"), Column(f"{split_word(split)} pictures")]
    rows = [_class_row(result, int(i)) for i in order]
    table = Table("Table of classes", columns, rows, wide=True)
    return Section("Class by class", "Classes", "classes", [Paragraph(text), table])


def _class_row(result: Evaluation, i: int) -> tuple[str | float | None, ...]:
    """A class without pictures last, and nothing known about it."""
    name, support = result.classes[i], int(result.support[i])
    if not support:
        return (name, None, None, None, None, count(0))
    f1 = float(result.f1[i])
    scores = (percent(float(result.precision[i])), percent(float(result.recall[i])), percent(f1))
    return (name, *scores, f1, count(support))


def confusions(result: Evaluation) -> Section:
    """What is taken for what: the matrix, and the pairs that are most often confused."""
    chosen = most_involved(result.confusion)
    pairs = result.confusion.mistakes(PAIRS_SHOWN)
    blocks: list[Block] = [Paragraph("Nothing: every picture was classified correctly.")]
    if pairs:
        text = "Rows are what a picture shows, columns what the network said. Blue is right, orange is "
        text += "wrong; the stronger, the larger the share of the row."
        if len(chosen) < len(result.classes):
            text += f" The {len(chosen)} classes most involved in mistakes, of {count(len(result.classes))}."
        blocks = [Paragraph(text)]
    charts: list[Matrix | Table] = [confusion_matrix(result.confusion, result.classes, chosen)]
    if pairs:
        charts.append(_pairs(result, pairs))
    blocks += [Beside(charts)] if len(chosen) <= BESIDE_CLASSES else charts
    return Section("What it confuses", "Confusion", "confusion", blocks)


def most_involved(confusion: Confusion) -> NDArray[np.int64]:
    """All classes, or of many the ``MATRIX_CLASSES`` most involved in mistakes, in their order."""
    if confusion.num_classes <= MATRIX_CLASSES:
        return np.arange(confusion.num_classes)
    wrong = confusion.support + confusion.predicted_count - 2 * confusion.hits
    return np.sort(np.argsort(-wrong, kind="stable")[:MATRIX_CLASSES])


def confusion_matrix(
    confusion: Confusion, classes: Sequence[str], chosen: NDArray[np.int64] | None = None
) -> Matrix:
    """The confusion matrix of all classes, or of those with the numbers ``chosen``."""
    kept = np.arange(confusion.num_classes) if chosen is None else chosen
    place = np.full(confusion.num_classes, -1)
    place[kept] = np.arange(len(kept))
    true, called = place[confusion.true], place[confusion.predicted]
    cells = (true >= 0) & (called >= 0)
    names = [classes[i] for i in kept]
    title = "Confusion matrix: rows are true classes, columns what the network said"
    return Matrix(title, names, true[cells], called[cells], confusion.count[cells], confusion.support[kept])


def _pairs(result: Evaluation, pairs: list[tuple[int, int, int]]) -> Table:
    support = result.confusion.support
    columns = [Column("it is", "name", 40), Column("but was called", "name", 40)]
    columns += [Column("times"), Column("share")]
    rows = [
        (result.classes[t], result.classes[p], count(n), percent(n / int(support[t]))) for t, p, n in pairs
    ]
    title = "Most frequent confusions"
    return Table(title, columns, rows, title=title)


def mistakes(pictures: list[Picture]) -> Section:
    """The mistakes of which the network was surest."""
    text = "Where the network was surest and wrong. Look for wrong labels, for pictures that show two "
    text += "things, and for what the training pictures lack."
    return Section("Most confident mistakes", "Mistakes", "mistakes", [Paragraph(text), Gallery(pictures)])


def mistake(pixels: NDArray[np.uint8], name: str, true: str, called: str, probability: float) -> Picture:
    """A picture that was called something else."""
    said = f"A picture of {shown(true)} that was called {shown(called)}"
    answer = (Mark(called, "wrong"), " ", Mark(percent(probability), "number"))
    caption = (answer, ("is ", Mark(true, "right")))
    return Picture([Panel(pixels, said)], caption, name)


def where_it_looked(found: Explanations, classes: tuple[str, ...]) -> Section:
    """Heat maps, for the class that the network named and for the right one; can they be believed?"""
    told: list[str | Mark] = [
        f"What in a picture spoke for a class ({found.method} at layer ", Mark(found.layer, "code"),
        "): the brighter, the more. Bright on the background means that it goes by the surroundings; where "
        "all stays grey, no place spoke for the class. ", Mark("foveate explain", "code"),
        " shows more, of any picture.",
    ]  # fmt: skip
    believed = (
        f"Can these maps be believed? Hiding the brightest {percent(found.fraction)} of these pictures "
        f"lowers the probability of the class it named by {round(100 * found.drop, 1)} percentage points on "
        f"average; hiding as much elsewhere, by {round(100 * found.drop_elsewhere, 1)}."
    )
    if found.drop <= found.drop_elsewhere:
        believed += " Here they do not mark what mattered most: take them with care."
    gallery = Gallery([_explained(one, classes) for one in found.items])
    return Section("Where it looked", "Why", "why", [Paragraph(told), Paragraph(believed), gallery])


def _explained(one: Explained, classes: tuple[str, ...]) -> Picture:
    """The picture and a map for each class in question, the named class first; one where it is right."""
    names = [classes[number] for number in one.subject.outputs]
    panels = [Panel(one.subject.pixels, f"A picture of {shown(names[-1])}")]
    caption: list[str | Mark] = []
    for i, (name, pixels) in enumerate(zip(names, one.maps, strict=True)):
        panels.append(Panel(pixels, f"The same picture, bright where it speaks for {shown(name)}"))
        caption += ["what spoke for " if i == 0 else "; and for ", Mark(name, _side(i, len(names)))]
    return Picture(panels, [caption], one.subject.name)


def _side(place: int, count: int) -> Literal["right", "wrong"]:
    return "right" if place == count - 1 else "wrong"


def calibration(
    after: Reliability, before: Reliability, temperature: float, chosen_on: str, limits: list[str]
) -> Section:
    """Whether its probabilities can be believed, and what it does where it is not sure."""
    text = "Of the pictures about which it is 80 % sure, 80 % should be right: bars that end on the dashed "
    text += "diagonal. Orange is the gap. The small bars below tell how many pictures stand behind each bar. "
    fitted = f"A temperature of {temperature:.2f}, fitted on {chosen_on}, is built into the model."
    text += fitted if chosen_on else NOTHING_HELD_OUT
    both = (("Before temperature scaling", before), ("After, as in the model", after))
    figures = Figures([_reliability(name, bins) for name, bins in both])
    blocks: list[Block] = [Paragraph(text), figures, *map(Paragraph, limits)]
    return Section("Can its probabilities be believed?", "Calibration", "calibration", blocks)


def _reliability(name: str, bins: Reliability) -> Figure:
    chart = ReliabilityChart(f"Reliability diagram. {name}", bins.counts, bins.confidence, bins.accuracy)
    return Figure(chart, name, f"error {percent(bins.ece)}")


def before_scaling(
    probabilities: NDArray[np.floating], labels: NDArray[np.int64], temperature: float
) -> Reliability:
    """How the same predictions would be calibrated had the temperature been left at 1."""
    with np.errstate(divide="ignore"):
        unscaled = apply_temperature(np.maximum(np.log(probabilities), -1e4), 1 / temperature)
    return reliability(unscaled.max(axis=1), unscaled.argmax(axis=1) == labels)


def classes_by_split(classes: tuple[str, ...], counts: Mapping[str, NDArray[np.int64]]) -> Table:
    """How many pictures of each class; of many classes only of the smallest and the largest."""
    columns = (Column("class", "name"), *(Column(split_word(split)) for split in counts))
    numbers = [of.tolist() for of in counts.values()]
    rows: list[tuple[str, ...]] = [
        (name, *map(count, of)) for name, *of in zip(classes, *numbers, strict=True)
    ]
    if len(classes) > TABLE_CLASSES:
        rows = [("smallest class", *(count(min(n)) for n in numbers))]
        rows += [("largest class", *(count(max(n)) for n in numbers))]
    footer = ("together", *(count(sum(n)) for n in numbers))
    return Table("Pictures by class and split", columns, rows, footer)
