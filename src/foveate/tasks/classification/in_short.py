"""How good a classifier is, for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from foveate.tasks.sections import Column, Table
from foveate.words import listed

if TYPE_CHECKING:
    from foveate.tasks.classification.metrics import Evaluation

MAX_ROWS = 30  # classes in the table; of more, the worst
MAX_MATRIX = 12  # classes in the confusion table; of more, the most frequent mistakes
MAX_NAME = 24  # characters of a class name in a table


def in_lines(found: Evaluation, pictures: str) -> list[str]:
    """Accuracy with its interval, the other means, and the classes that did not occur."""
    low, high = found.accuracy_interval
    lines = [
        f"accuracy {found.accuracy:.2%} (95 % interval {low:.2%} to {high:.2%}): "
        f"{found.correct} of {found.samples} {pictures} right"
    ]
    if found.top5_accuracy is not None:
        lines.append(f"the right class is among the first five for {found.top5_accuracy:.2%}")
    lines.append(
        f"macro-F1 {found.macro_f1:.4f}, log-loss {found.nll:.4f}, Brier {found.brier:.4f}, "
        f"calibration error {found.ece:.4f}"
    )
    absent = [name for name, count in zip(found.classes, found.support, strict=True) if not count]
    if absent:
        lines.append(f"no picture of {listed(absent)}: macro-F1 runs over the classes that occur")
    return lines


def class_table(found: Evaluation) -> Table:
    """Precision, recall and F1 of each class; of many classes those with the lowest F1."""
    order, title = list(range(len(found.classes))), ""
    if len(order) > MAX_ROWS:
        order = sorted((i for i in order if found.support[i]), key=lambda i: float(found.f1[i]))[:MAX_ROWS]
        title = f"the {len(order)} classes with the lowest F1 (--json has all)"
    scores = (found.precision, found.recall, found.f1)
    rows = [
        (found.classes[i], str(found.support[i]), *(f"{values[i]:.3f}" for values in scores)) for i in order
    ]
    columns = [Column("class", "name", MAX_NAME), *map(Column, ("pictures", "precision", "recall", "F1"))]
    return Table("Classes", columns, rows, title=title)


def confusion_table(found: Evaluation) -> Table:
    """The confusion matrix of few classes, the most frequent mistakes of many."""
    if len(found.classes) <= MAX_MATRIX:
        numbers = [Column(str(i)) for i in range(len(found.classes))]
        names = Column("true \\ predicted", "name", MAX_NAME + len("0 "))
        counts = zip(found.classes, found.confusion.matrix().tolist(), strict=True)
        rows = [(f"{i} {name}", *map(str, row)) for i, (name, row) in enumerate(counts)]
        return Table("Confusion matrix", [names, *numbers], rows)
    mistakes = found.confusion.mistakes(10)
    pairs = [(str(n), found.classes[t], found.classes[p]) for t, p, n in mistakes]
    columns = [Column("pictures"), Column("true", "name", MAX_NAME), Column("predicted", "name", MAX_NAME)]
    title = "most frequent mistakes" if mistakes else "no mistakes"
    return Table("Mistakes", columns, pairs, title=title)
