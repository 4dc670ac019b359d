"""A confusion table for a terminal: small, aligned, and safe whatever the classes are called."""

from __future__ import annotations

import numpy as np

from foveate.tasks.sections import Matrix
from foveate.words import columns, pad, percent, shown

PAIRS_LISTED = 8
_NAME_COLUMNS = 20
_CORNER = "true \\ predicted"


def terminal_matrix(matrix: Matrix, width: int = 80) -> str:
    """The matrix as text, rows true and columns predicted, where it fits in ``width`` columns.

    Columns carry the numbers of the rows. Of too many names, the most frequent confusions are listed
    instead. Lines are not longer than ``width``, but at least 40 columns are used. Ends without a newline.
    """
    whole = _whole(matrix)
    fits = whole and max(columns(line) for line in whole) <= max(width, 40)
    return "\n".join(whole if fits else _pairs(matrix, max(width, 40)))


def _whole(matrix: Matrix) -> list[str]:
    """The lines of the whole matrix; none where it cannot fit any terminal."""
    size = len(matrix.names)
    if size > 40:
        return []
    counts = np.zeros((size, size), np.int64)
    counts[matrix.true, matrix.called] = matrix.counts
    names = [_fit(name, _NAME_COLUMNS) for name in matrix.names]
    number = len(str(size - 1))
    left = max([columns(name) for name in names] + [len(_CORNER) - number - 1])
    cell = max(len(f"{counts.max(initial=0)}"), number) + 2
    head = _CORNER.ljust(number + 1 + left) + "".join(f"{i:>{cell}}" for i in range(size))
    lines = [head]
    for i, (name, row) in enumerate(zip(names, counts.tolist(), strict=True)):
        cells = "".join(f"{n if n else '.':>{cell}}" for n in row)
        lines.append(f"{i:>{number}} {pad(name, left)}{cells}")
    return lines


def _pairs(matrix: Matrix, width: int) -> list[str]:
    wrong = np.flatnonzero(matrix.true != matrix.called)
    if not len(wrong):
        return ["No mistakes."]
    room = min(_NAME_COLUMNS + 10, (width - len(" called ") - 22) // 2)
    rows = []
    for i in wrong[np.argsort(-matrix.counts[wrong], kind="stable")][:PAIRS_LISTED]:
        true, called = (_fit(matrix.names[of[i]], room) for of in (matrix.true, matrix.called))
        often, total = int(matrix.counts[i]), int(matrix.totals[matrix.true[i]])
        rows.append((true, called, f"{often:,} of {total:,}", percent(often / total)))
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
