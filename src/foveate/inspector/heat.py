"""Heat maps over the picture of a run: what spoke for a label, and how far that can be believed."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from foveate.errors import RequestError, UnknownNameError
from foveate.explanation.faithfulness import hiding
from foveate.explanation.methods import METHODS, HeatMap, heat_map
from foveate.explanation.part import Grid, Part
from foveate.explanation.render import heat_layer, signed_layer
from foveate.inspector.drawing import to_png
from foveate.inspector.requests import flag, node_number, text, whole
from foveate.inspector.runs import Run, swapped
from foveate.words import encodable

ALIASES = {"smooth-grad": "saliency"}


def explain(run: Run, document: dict[str, Any]) -> tuple[bytes, dict[str, Any]]:
    """The map as a PNG (RGBA, of the picture's size: the weaker, the more transparent), and facts as JSON.

    ``document`` names the ``method``, the ``class`` (without one the first of `Run.top`), the ``pixel`` of
    which alone it is to speak, and, for Grad-CAM, the ``node`` whose maps are weighed. The facts include what
    hiding the marked part does, which takes 41 passes of the network, unless ``hiding`` is false. Raises
    RequestError, InputError.
    """
    method = text(document, "method", "grad-cam")
    method = ALIASES.get(method, method)
    if method not in METHODS:
        raise UnknownNameError("method", method, [*METHODS, *ALIASES])
    part, task = _part(run, document.get("pixel")), run.net.task
    values = run.values if part.region is None else part.values(run.outputs[None])[0].numpy()
    target = whole(document, "class", 0, len(values) - 1, None)
    target = int(task.order(values)[0]) if target is None else target
    layer = _layer(run, document.get("node"))
    module = run.net.module
    with swapped(module, run.weights):
        found = heat_map(module, run.x, target, method, layer=layer, watched=part.watched)
        test = None
        if flag(document, "hiding", True):
            heat = torch.from_numpy(found.values)
            test = hiding(module, run.x, target, heat, score=part.value)
    facts = {
        "method": method,
        "class": target,
        "label": encodable(run.net.labels[target]),
        "probability": float(values[target]),
        "signed": found.signed,
        "hiding": test.to_dict() if test else None,
        "drop_hiding": test.drop if test else None,
        "facts": found.facts,
    }
    return to_png(_rgba(found)), facts


def _part(run: Run, pixel: Any) -> Part:
    """What is spoken of: all that is said, or what is said of a pixel. Raises RequestError."""
    if pixel is None:
        return Part(run.learner)
    if run.net.task.whole_picture:
        raise RequestError(422, "pixel: this network's answer is about the whole picture.")
    _, height, width = run.outputs.shape
    row, column = whole(pixel, "row", 0, height - 1), whole(pixel, "column", 0, width - 1)
    return Part(run.learner, Grid(row, row + 1, column, column + 1))


def _layer(run: Run, node: Any) -> str | None:
    """The module whose maps Grad-CAM weighs; None lets it choose. Raises RequestError."""
    if node is None:
        return None
    number = node_number(node)
    if number >= len(run.recording.steps):
        raise RequestError(404, f"This network has the nodes n0 to n{len(run.recording.steps) - 1}.")
    step = run.step(number)
    if step.module is None or len(step.shape) != 3:
        raise RequestError(422, f"node: Grad-CAM needs a layer with maps, and {node} ({step.label}) is none.")
    return step.module


def _rgba(found: HeatMap) -> np.ndarray:
    colours, cover = signed_layer(found.values) if found.signed else heat_layer(found.values)
    alpha = np.rint(255 * cover).astype(np.uint8)
    return np.concatenate([colours, alpha[..., None]], axis=2)
