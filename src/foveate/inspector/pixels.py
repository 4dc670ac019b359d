"""Answers that have a place in the picture: drawn over it, and why one pixel has the answer that it has."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from foveate.errors import RequestError
from foveate.explanation.ground import answered
from foveate.graph.arithmetic import explain_value
from foveate.inspector import sums
from foveate.inspector.runs import Run
from foveate.operators.sums import Arithmetic, Step, Term
from foveate.tasks.prediction import Drawn
from foveate.words import encodable

TOP = 5  # likeliest labels of a pixel
MOST_STEPS = 12  # from a pixel's score back to the layer that made it


def drawn_facts(run: Run, url: str) -> dict[str, Any] | None:
    """What the page needs to draw an answer: where it is as a picture, and what its colours mean.

    shares: {class, label, share}, the largest first. None for a task that does not draw.
    """
    if not run.net.task.draws:
        return None
    labels = run.net.labels
    shares = [
        {"class": number, "label": encodable(labels[number]), "share": share}
        for number, share in _drawn(run).shares()
    ]
    return {"url": url, "shares": shares}


def drawn_png(run: Run) -> bytes:
    """The answer as the network sees the picture, a PNG of its size. Raises RequestError 404."""
    if not run.net.task.draws:
        raise RequestError(404, "This network's answers are no pictures.")
    return _drawn(run).png()


def _drawn(run: Run) -> Drawn:
    (told,) = run.net.task.predictions(answered(run.net.task, run.outputs[None]))
    return cast(Drawn, told)


def describe(run: Run, row: int, column: int, label: int | None) -> dict[str, Any]:
    """The answer of `GET .../pixel`: what is said of one pixel of the network's picture, and why.

    label: which score is taken apart; None: that of the pixel's own class.

    Returns top: the likeliest labels with their scores; sums: of that score, and, step by step, of the
    largest part of each sum before it, up to the layer whose weights made it. Raises RequestError.
    """
    if run.outputs.ndim != 3:
        raise RequestError(422, "This network's answer is about the whole picture, not about its pixels.")
    count, height, width = run.outputs.shape
    if not (row < height and column < width):
        raise RequestError(422, f"row and column: the picture has {height} rows and {width} columns.")
    here = run.outputs[:, row : row + 1, column : column + 1]
    values = run.learner.values(here[None])[0].numpy()
    order = [int(number) for number in run.net.task.order(values)]
    chosen = order[0] if label is None else label
    if chosen >= count:
        raise RequestError(422, f"class: expected 0 to {count - 1}.")
    told = order[:TOP] if chosen in order[:TOP] else [*order[: TOP - 1], chosen]
    way = _way(run, chosen, row, column)
    return {
        "row": row,
        "column": column,
        "class": order[0],
        "label": encodable(run.net.labels[order[0]]),
        "chosen": chosen,
        "top": [
            {
                "class": number,
                "label": encodable(run.net.labels[number]),
                "score": float(here[number, 0, 0]),
                "probability": float(values[number]),
            }
            for number in told
        ],
        "field": way[0]["field"],
        "sums": way,
    }


def _way(run: Run, channel: int, row: int, column: int) -> list[dict[str, Any]]:
    """The sum of a score, and before it those of the largest parts, until one has weights of its own.

    Between the scores of a pixel and the layer that made them stand only resizing and sums of scores.
    """
    recording = run.recording
    number, place = len(recording.steps) - 1, (channel, row, column)
    way: list[dict[str, Any]] = []
    while len(way) < MOST_STEPS:
        way.append(sums.describe(run, number, *place))
        if recording.steps[number].parameters:
            break
        found = explain_value(recording, number, *place)
        terms = [term for term in found.terms if term.step is not None and term.channel is not None]
        if not terms:
            break
        largest = max(terms, key=lambda term: abs(term.sum))
        source = cast(int, largest.step)
        before = _place(found, largest, recording.steps[source], place)
        if before is None:
            break
        number, place = source, before
    return way


def _place(
    found: Arithmetic, term: Term, source: Step, place: tuple[int, int, int]
) -> tuple[int, int, int] | None:
    """Where on its map the largest part of a term lies; None where that is no map."""
    if len(source.shape) != 3 or term.channel is None:
        return None
    if found.window is None:
        rows, columns = source.shape[1:]
        return term.channel, min(place[1], rows - 1), min(place[2], columns - 1)
    parts = np.abs(np.nan_to_num(np.asarray(term.weight) * np.asarray(term.input)))
    if parts.shape != (len(found.window.rows), len(found.window.columns)):
        return None
    i, j = np.unravel_index(int(parts.argmax()), parts.shape)
    before = term.channel, found.window.rows[i], found.window.columns[j]
    inside = all(0 <= at < side for at, side in zip(before, source.shape, strict=True))
    return before if inside else None  # beyond the border where all parts are 0
