"""How good a multi-label network is, for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from foveate.tasks.sections import Column, Table
from foveate.words import listed

if TYPE_CHECKING:
    from foveate.tasks.multilabel.metrics import Evaluation

MAX_ROWS = 30  # labels in the table; of more, the worst
MAX_NAME = 24  # characters of a label in a table


def in_lines(found: Evaluation, pictures: str) -> list[str]:
    """The mean average precision with its interval, F1, exact match, and the labels that do not occur."""
    low, high = found.interval
    lines = [
        f"mean average precision {found.mean_average_precision:.2%} (95 % interval {low:.2%} to {high:.2%}) "
        f"on {found.samples} {pictures}",
        f"macro-F1 {found.macro_f1:.4f}, micro-F1 {found.micro_f1:.4f}, log-loss {found.nll:.4f}, "
        f"calibration error {found.ece:.4f}",
        f"every label right: {found.exact} pictures ({found.exact_match:.2%})",
    ]
    if found.without:
        lines.append(f"{found.without} pictures have no label")
    absent = [name for name, count in zip(found.labels, found.counts.support, strict=True) if not count]
    if absent:
        lines.append(
            f"no picture has {listed(absent)}: the average precision runs over the labels that occur"
        )
    return lines


def label_table(found: Evaluation) -> Table:
    """Precision, recall, F1, average precision and threshold of each label; of many those of lowest F1."""
    counts, order, title = found.counts, list(range(len(found.labels))), ""
    if len(order) > MAX_ROWS:
        order = sorted((i for i in order if counts.support[i]), key=lambda i: float(counts.f1[i]))[:MAX_ROWS]
        title = f"the {len(order)} labels with the lowest F1 (--json has all)"
    average = ["-" if np.isnan(value) else f"{value:.3f}" for value in found.average_precision]
    rows = [
        (
            found.labels[i],
            str(counts.support[i]),
            *(f"{values[i]:.3f}" for values in (counts.precision, counts.recall, counts.f1)),
            average[i],
            f"{found.thresholds[i]:.3f}",
        )
        for i in order
    ]
    headings = ("pictures", "precision", "recall", "F1", "average precision", "threshold")
    return Table("Labels", [Column("label", "name", MAX_NAME), *map(Column, headings)], rows, title=title)
