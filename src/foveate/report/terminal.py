"""A confusion table for a terminal: small, aligned, and safe whatever the classes are called."""

from __future__ import annotations

from collections.abc import Sequence

from foveate.tasks.classification.metrics import Confusion
from foveate.words import columns, pad, percent, shown

PAIRS_LISTED = 8
_NAME_COLUMNS = 20
_CORNER = "true \\ predicted"


def terminal_confusion(confusion: Confusion, classes: Sequence[str], width: int = 80) -> str:
    """The matrix as text, rows true and columns predicted, where it fits in ``width`` columns.

    Columns carry the numbers of the rows. Of too many classes, the most frequent confusions are listed
    instead. Lines are not longer than ``width``, but at least 40 columns are used. Ends without a newline.
    """
    matrix = _matrix(confusion, classes)
    fits = matrix and max(columns(line) for line in matrix) <= max(width, 40)
    return "\n".join(matrix if fits else _pairs(confusion, classes, max(width, 40)))


def _matrix(confusion: Confusion, classes: Sequence[str]) -> list[str]:
    """The lines of the whole matrix; none where it cannot fit any terminal."""
    if confusion.num_classes > 40:
        return []
    counts = confusion.matrix()
    names = [_fit(name, _NAME_COLUMNS) for name in classes]
    number = len(str(confusion.num_classes - 1))
    left = max([columns(name) for name in names] + [len(_CORNER) - number - 1])
    cell = max(len(f"{counts.max(initial=0)}"), number) + 2
    head = _CORNER.ljust(number + 1 + left) + "".join(f"{i:>{cell}}" for i in range(len(names)))
    lines = [head]
    for i, (name, row) in enumerate(zip(names, counts.tolist(), strict=True)):
        cells = "".join(f"{n if n else '.':>{cell}}" for n in row)
        lines.append(f"{i:>{number}} {pad(name, left)}{cells}")
    return lines


def _pairs(confusion: Confusion, classes: Sequence[str], width: int) -> list[str]:
    mistakes = confusion.mistakes(PAIRS_LISTED)
    if not mistakes:
        return ["No mistakes."]
    support = confusion.support
    room = min(_NAME_COLUMNS + 10, (width - len(" called ") - 22) // 2)
    rows = [
        (_fit(classes[t], room), _fit(classes[p], room), f"{n:,} of {support[t]:,}", percent(n / support[t]))
        for t, p, n in mistakes
    ]
    wide = [max(columns(row[i]) for row in rows) for i in range(3)]
    return [
        f"{pad(true, wide[0])} called {pad(said, wide[1])}  {often:>{wide[2]}}  {share:>7}"
        for true, said, often, share in rows
    ]


def _fit(name: str, room: int) -> str:
    """The name in at most ``room`` terminal columns."""
    text = shown(name)
    while columns(text) > room:
        text = text.rstrip("…")[:-1] + "…"
    return text
