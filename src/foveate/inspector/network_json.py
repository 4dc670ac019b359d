"""A network as JSON: its nodes, what feeds what, and what people want to know of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from foveate.geometry import worked, worked_transposed
from foveate.inspector import tokens
from foveate.inspector.networks import class_names, steps_of, title_of
from foveate.models.captioner import Captioner
from foveate.models.detector import Detector
from foveate.models.model import Model
from foveate.operators.sums import Step
from foveate.words import encodable

LARGE_GROUP = 30  # nodes; a larger group of the network is parted further


def describe(net_id: str, net: Model) -> dict[str, Any]:
    """The answer of `GET /api/network`."""
    steps = steps_of(net)
    channels, height, width = net.input_shape
    stages = _stages(steps)
    nodes = [_node(number, steps, stages[number]) for number in range(len(steps))]
    return {
        "net": net_id,
        "name": encodable(net.name),
        "title": title_of(net),
        "weights": net.weights,
        "classes": class_names(net),
        "class_count": steps[-1].shape[0],
        "says": net.task.says.name,
        "whole_picture": len(net.task.raw_shape(height, width)) != 3,
        "writes": isinstance(net.module, Captioner),
        "finds_boxes": isinstance(net.module, Detector),
        "palette": [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in net.task.palette],
        "input": {"channels": channels, "height": height, "width": width},
        "preprocessing": net.preprocessing.describe(),
        "parameters": sum(step.fresh for step in steps),
        "macs": sum(step.macs for step in steps),
        "nodes": nodes,
        "tokens": tokens.describe(net, steps),
    }


def _node(number: int, steps: Sequence[Step], stage: str | None) -> dict[str, Any]:
    step = steps[number]
    given = step.settings
    rows, columns = step.seen.axes
    window = "kernel" in given
    return {
        "id": f"n{number}",
        "op": step.op,
        "label": step.label,
        "module": step.module,
        "stage": stage,
        "inputs": [f"n{source}" for source in step.inputs],
        "shape": list(step.shape),
        "parameters": step.fresh,
        "macs": step.macs,
        "kernel": list(given["kernel"]) if window else None,
        "stride": list(given["stride"]) if window else None,
        "padding": [list(side) for side in given["around"]] if "around" in given else None,
        "padding_mode": given.get("fill"),
        "dilation": list(given["dilation"]) if window else None,
        "groups": given.get("groups"),
        "receptive_field": None if None in (rows.size, columns.size) else [rows.size, columns.size],
        "jump": None if None in (rows.jump, columns.jump) else [rows.jump, columns.jump],
        "formula": _formula(step, steps),
        "editable": step.op == "conv2d" and "weight" in step.parameters,
    }


def _formula(step: Step, steps: Sequence[Step]) -> str | None:
    """The size formula with its numbers, once where rows and columns are alike."""
    if "kernel" not in step.settings:
        return None
    source, given = steps[step.inputs[0]].shape, step.settings
    texts = []
    for i in (0, 1):
        n, kernel, stride, around, dilation = (
            source[i + 1],
            given["kernel"][i],
            given["stride"][i],
            given["around"][i],
            given["dilation"][i],
        )
        if "output_padding" in given:
            more = given["output_padding"][i]
            texts.append(
                worked_transposed(n, kernel, stride, around[0], output_padding=more, dilation=dilation)
            )
            continue
        words = worked(n, kernel, stride, around, dilation)
        if given.get("ceil_mode"):
            words = f"{words.replace('floor', 'ceil').rpartition(' = ')[0]} = {step.shape[i + 1]}"
        texts.append(words)
    return texts[0] if texts[0] == texts[1] else f"rows {texts[0]}; columns {texts[1]}"


def _stages(steps: Sequence[Step]) -> list[str | None]:
    """A group for each step, to look at the whole from afar: parts of the module tree of a handy size.

    A group that is large and flat, as VGG's features are, is cut behind each pooling.
    """
    paths = [(step.module or "").split(".") if step.module else [] for step in steps]
    names: list[str | None] = [path[0] if path else None for path in paths]
    for group in dict.fromkeys(name for name in names if name):
        members = [i for i, name in enumerate(names) if name == group]
        if len(members) <= LARGE_GROUP or len(paths) - len(members) > LARGE_GROUP:
            continue
        if max(len(paths[i]) for i in members) <= 2:
            part = 1
            for i in members:
                names[i] = f"{group} {part}"
                part += "kernel" in steps[i].settings and not steps[i].tensors
        else:
            for i in members:
                names[i] = ".".join(paths[i][:2])
    return _continued(names, steps)


def _continued(names: list[str | None], steps: Sequence[Step]) -> list[str | None]:
    """What belongs to no module goes with what feeds it, but the input and the result stand alone."""
    last = len(names) - 1
    for i, step in enumerate(steps):
        if names[i] is None and step.inputs and i < last and step.op not in ("flatten", "softmax"):
            names[i] = names[step.inputs[0]]
    return names
