"""The sections of a multi-label network's report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from foveate.tasks.classification.calibration import Reliability
from foveate.tasks.multilabel.metrics import Evaluation
from foveate.tasks.multilabel.thresholds import UNKNOWN
from foveate.tasks.sections import (
    Block,
    Column,
    Figure,
    Figures,
    Gallery,
    Mark,
    Panel,
    Paragraph,
    Picture,
    Section,
    Table,
)
from foveate.tasks.sections import Reliability as ReliabilityChart
from foveate.tasks.telling import NOTHING_HELD_OUT, Explained, Explanations
from foveate.words import count, listed, percent, shown, split_word

TABLE_LABELS = 100  # of more labels, the table shows those with the lowest F1


def label_by_label(result: Evaluation, split: str, chosen_on: str) -> Section:
    """Every measure of a label: all in their order, or the weakest of many, weakest first."""
    support, order = result.counts.support, np.arange(len(result.labels))
    text: list[str | Mark] = [
        Mark("Precision", "strong"),
        ": of the pictures given this label, how many have it. ",
    ]
    text += [Mark("Recall", "strong"), ": of the pictures that have it, how many got it. "]
    text += [Mark("F1", "strong"), " is high only when both are. ", Mark("Average precision", "strong")]
    chosen = f"chosen for its F1 on {chosen_on}; where few of these have it, drawn towards that of all."
    text += [
        " asks only that it is surest of the pictures that have it. A label is given from its threshold on, "
        + (chosen if chosen_on else f"{UNKNOWN}, for no pictures were held out to choose it by.")
    ]
    if len(order) > TABLE_LABELS:
        order = np.lexsort((order, result.counts.f1, support == 0))[:TABLE_LABELS]
        text.append(f" The {len(order)} labels with the lowest F1 of {count(len(result.labels))}; ")
        text += ["all of them stand in the output of ", Mark("foveate evaluate --json", "code"), "."]
    headings = ("precision", "recall", "F1", "average precision", "threshold")
    columns = [Column("label", "name"), *map(Column, headings), Column("F1", "bar")]
    columns.append(Column(f"{split_word(split)} pictures"))
    rows = [_label_row(result, int(i)) for i in order]
    table = Table("Table of labels", columns, rows, wide=True)
    return Section("Label by label", "Labels", "labels", [Paragraph(text), table])


def _label_row(result: Evaluation, i: int) -> tuple[str | float | None, ...]:
    """Of a label without pictures nothing is known but its threshold."""
    counts, threshold = result.counts, percent(float(result.thresholds[i]))
    if not counts.support[i]:
        return (result.labels[i], None, None, None, None, threshold, None, count(0))
    scores = (counts.precision[i], counts.recall[i], counts.f1[i], result.average_precision[i])
    told = (percent(float(value)) for value in scores)
    return (result.labels[i], *told, threshold, float(counts.f1[i]), count(int(counts.support[i])))


def mistakes(pictures: list[Picture]) -> Section:
    """The mistakes of which the network was surest."""
    text = "Where the network was surest of a label and wrong. Look for labels that were forgotten, for "
    text += "things at the border, and for what the training pictures lack."
    return Section("Most confident mistakes", "Mistakes", "mistakes", [Paragraph(text), Gallery(pictures)])


def mistake(
    pixels: NDArray[np.uint8], name: str, label: str, has: Sequence[str], probability: float
) -> Picture:
    """A picture that was given a label that it has not, or not given one that it has."""
    missed = label in has
    said = (
        f"A picture of {listed(has) if has else 'nothing'} {'without' if missed else 'with'} {shown(label)}"
    )
    answer = (
        "missed " if missed else "given ",
        Mark(label, "wrong"),
        " ",
        Mark(percent(probability), "number"),
    )
    truth = ("has ", Mark(", ".join(has), "right")) if has else ("has no label",)
    return Picture([Panel(pixels, said)], (answer, truth), name)


def where_it_looked(found: Explanations, labels: tuple[str, ...]) -> Section:
    """Heat maps for the labels in question; can they be believed?"""
    told: list[str | Mark] = [
        f"What in a picture spoke for a label ({found.method} at layer ", Mark(found.layer, "code"),
        "): the brighter, the more. Bright beside the thing means that it goes by the surroundings; where "
        "all stays grey, no place spoke for the label. ", Mark("foveate explain", "code"),
        " shows more, of any picture.",
    ]  # fmt: skip
    believed = (
        f"Can these maps be believed? Hiding the brightest {percent(found.fraction)} of these pictures "
        f"lowers the probability of the label by {round(100 * found.drop, 1)} percentage points on average; "
        f"hiding as much elsewhere, by {round(100 * found.drop_elsewhere, 1)}."
    )
    if found.drop <= found.drop_elsewhere:
        believed += " Here they do not mark what mattered most: take them with care."
    gallery = Gallery([_explained(one, labels) for one in found.items])
    return Section("Where it looked", "Why", "why", [Paragraph(told), Paragraph(believed), gallery])


def _explained(one: Explained, labels: tuple[str, ...]) -> Picture:
    name = labels[one.subject.outputs[0]]
    panels = [
        Panel(one.subject.pixels, "A picture"),
        Panel(one.maps[0], f"The same picture, bright where it speaks for {shown(name)}"),
    ]
    return Picture(panels, [["what spoke for ", Mark(name)]], one.subject.name)


def calibration(bins: Reliability, temperature: float, chosen_on: str, limits: Sequence[str]) -> Section:
    """Whether its probabilities can be believed."""
    text = (
        "Of the labels to which it gives 80 %, 80 % should be there: bars that end on the dashed diagonal. "
    )
    text += "Orange is the gap. The small bars below tell how many labels of pictures stand behind each bar. "
    fitted = f"A temperature of {temperature:.2f} for all labels, fitted on {chosen_on}, is built into the "
    text += f"{fitted}model." if chosen_on else NOTHING_HELD_OUT
    text += " Training with balanced class weights makes rare labels likelier than they are."
    chart = ReliabilityChart("Reliability diagram", bins.counts, bins.confidence, bins.accuracy)
    figures = Figures([Figure(chart, "As in the model", f"error {percent(bins.ece)}")])
    blocks: list[Block] = [Paragraph(text), figures, *map(Paragraph, limits)]
    return Section("Can its probabilities be believed?", "Calibration", "calibration", blocks)


def labels_by_split(
    labels: tuple[str, ...], counts: Mapping[str, NDArray[np.int64]], sizes: Mapping[str, int]
) -> Table:
    """How many pictures have each label; of many labels only of the rarest and the most frequent."""
    columns = (Column("label", "name"), *(Column(split_word(split)) for split in counts))
    numbers = [of.tolist() for of in counts.values()]
    rows: list[tuple[str, ...]] = [
        (name, *map(count, of)) for name, *of in zip(labels, *numbers, strict=True)
    ]
    if len(labels) > TABLE_LABELS:
        rows = [("rarest label", *(count(min(n)) for n in numbers))]
        rows += [("most frequent label", *(count(max(n)) for n in numbers))]
    footer = ("pictures", *(count(size) for size in sizes.values()))
    return Table("Pictures by label and split", columns, rows, footer)
