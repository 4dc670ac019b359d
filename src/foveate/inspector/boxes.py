"""Of a network that finds objects: its boxes, where it looked for them, and why one is what it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import torch
from torch import Tensor

from foveate.errors import InputError, RequestError
from foveate.explanation.ground import answered
from foveate.graph.arithmetic import explain_value
from foveate.inspector import sums
from foveate.inspector.runs import Run, swapped
from foveate.models.detector import Detector, Origin, Where
from foveate.words import encodable

MOST_REGIONS = 300
MOST_SUMS = 12  # from a number back to the map that it was read from
SCORE = "score"
# What a dense layer's number goes back through, with as many numbers a region.
_DENSE = {"linear", "relu", "dropout", "identity", "hardswish", "gelu"}


def describe(run: Run) -> dict[str, Any]:
    """The answer of `GET .../boxes`: boxes in pixels of the network's picture, the surest first.

    told: how many of them are at the model's threshold. anchors: of each level, coarser and coarser, (width,
    height) of what is tried at every place. regions: what was looked at, the likeliest first, with its score.
    Raises RequestError 404 for a network that finds no boxes.
    """
    network, found = _detector(run), _answer(run)
    with torch.inference_mode(), swapped(network, run.weights):
        regions = network.looked_at(run.x)[:MOST_REGIONS].numpy()
    return {
        "told": found.told,
        "threshold": found.threshold,
        "boxes": [
            {
                "class": int(label),
                "label": encodable(run.net.labels[int(label)]),
                "score": float(score),
                "box": sums.plain(box),
            }
            for box, score, label in zip(found.boxes, found.scores, found.labels, strict=True)
        ],
        "anchors": [[list(shape) for shape in level] for level in getattr(network, "anchor_shapes", [])],
        "regions": sums.plain(regions.astype(float)),
    }


def why(run: Run, number: int, what: str) -> dict[str, Any]:
    """The answer of `GET .../boxes/N`: the sums behind a box's score or one of its four numbers.

    what: "score", or one of the names that the answer's ``of`` lists. Behind each sum stands that of its
    largest part, back to what was read from a map. region: what was looked at, if it was proposed; points:
    where the map was read. Raises RequestError 404, 422.
    """
    network, found = _detector(run), _answer(run)
    if number >= len(found.boxes):
        raise RequestError(404, f"There are the boxes 0 to {len(found.boxes) - 1}.")
    label = int(found.labels[number])
    try:
        with torch.inference_mode(), swapped(network, run.weights):
            origin = network.origin(run.x, _candidate(run, found.boxes[number], label))
    except InputError as error:
        raise RequestError(422, str(error)) from None
    known = {SCORE: origin.score, **origin.sides}
    if what not in known:
        raise RequestError(422, f"of: expected one of {', '.join(known)}.")
    return {
        "number": number,
        "class": label,
        "label": encodable(run.net.labels[label]),
        "of": list(known),
        "what": what,
        **_read(origin),
        "sums": list(_way(run, known[what])),
    }


def _detector(run: Run) -> Detector:
    module = run.net.module
    if not isinstance(module, Detector):
        raise RequestError(404, "This network finds no boxes.")
    return module


def _answer(run: Run) -> Any:
    (told,) = run.net.task.predictions(answered(run.net.task, run.outputs[None]))
    return told


def _candidate(run: Run, box: Any, label: int) -> Tensor:
    """(6,) the network's own, of which an answer was made: the surest with its box and class."""
    apart = (run.outputs[:, :4] - torch.tensor(box, dtype=run.outputs.dtype)).abs().amax(dim=1)
    return run.outputs[int(apart.masked_fill(run.outputs[:, 5] != label, float("inf")).argmin())]


def _read(origin: Origin) -> dict[str, Any]:
    """Where it was read, in pixels."""
    region: Tensor | None = origin.region
    return {
        "region": None if region is None else sums.plain(region.double().numpy()),
        "points": sums.plain(origin.points.double().numpy()),
        "stride": origin.stride,
    }


def _way(run: Run, where: Where) -> Iterator[dict[str, Any]]:
    """The sum of a number, and behind it those of the largest parts, while these are of the same region."""
    recording = run.recording
    ran = [i for i, step in enumerate(recording.steps) if step.module == where.layer]
    number, place = ran[where.run], where.place
    for _ in range(MOST_SUMS):
        yield sums.describe(run, number, *place)
        step = recording.steps[number]
        if step.op not in _DENSE or (step.op == "linear" and len(step.shape) != 3):
            return
        part = sums.largest_part(explain_value(recording, number, *place))
        if part is None:
            return
        number, sizes = cast(int, part[0].step), part[1].reshape(-1)
        shape = recording.steps[number].shape
        if len(shape) != 3 or shape[:2] != step.shape[:2]:
            return
        place = (place[0], place[1], int(sizes.argmax()) if len(sizes) > 1 else place[2])
