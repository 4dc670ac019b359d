"""What the inspector wants to know of a `Model`: its steps, what a run takes, how it is told on a page."""

from __future__ import annotations

import math
from dataclasses import replace
from weakref import WeakKeyDictionary

import torch

from foveate.errors import InputError
from foveate.graph.recording import record
from foveate.models.model import Model
from foveate.models.registry import model_info
from foveate.operators.sums import Recording, Step
from foveate.tasks.classification.labels import are_numbered
from foveate.words import encodable

_STEPS: WeakKeyDictionary[Model, tuple[Step, ...]] = WeakKeyDictionary()


def title_of(model: Model) -> str:
    """What stands beside a network's name."""
    name = model.architecture.get("name")
    if name is None:
        return "its own blueprint" if model.weights == "trained" else "a blueprint"
    if model.weights == "trained":
        return str(name)
    info = model_info(name)
    return f"{info.family}, {info.year}"


def steps_of(model: Model) -> tuple[Step, ...]:
    """The network's structure, the probabilities as its last step: what a run on zeros went through."""
    if model not in _STEPS:
        x = torch.zeros(1, *model.input_shape)
        _STEPS[model] = with_softmax(record(model.module, x), model.task.temperature).steps
    return _STEPS[model]


def run_bytes(model: Model) -> int:
    """Memory of all values of one run."""
    return sum(4 * math.prod(step.shape) for step in steps_of(model))


def class_names(model: Model) -> list[str] | None:
    """Its classes as every page can show them, or None where they have no names."""
    return None if are_numbered(model.labels) else [encodable(name) for name in model.labels]


def with_softmax(recording: Recording, temperature: float) -> Recording:
    """The recording with the probabilities as its last step: softmax(scores / temperature)."""
    scores, last = recording.values[-1], len(recording.steps) - 1
    if scores.ndim != 1:
        raise InputError(f"The network must give one score a class, and gives {tuple(scores.shape)}.")
    step = replace(
        recording.steps[-1],
        op="softmax",
        label="softmax",
        function="softmax",
        module=None,
        inputs=(last,),
        settings={"temperature": float(temperature)},
        tensors={},
        parameters={},
        fresh=0,
        macs=0,
    )
    values = (*recording.values, torch.softmax(scores / temperature, dim=0))
    return Recording((*recording.steps, step), values)
