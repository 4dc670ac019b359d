"""What the inspector wants to know of a `Model`: its steps, what a run takes, how it is told on a page."""

from __future__ import annotations

import math
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from foveate.errors import InputError
from foveate.graph.recording import followed_by, record
from foveate.models.model import Model
from foveate.models.registry import model_info
from foveate.operators.sums import Recording, Step
from foveate.tasks.base import Task
from foveate.tasks.labels import are_numbered
from foveate.tasks.learning import learner_of
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
    return f"{info.family}, {info.year}" if info.year else info.title


def steps_of(model: Model) -> tuple[Step, ...]:
    """The network's structure, its answer as the last steps: what a run on zeros went through."""
    if model not in _STEPS:
        x = torch.zeros(1, *model.input_shape)
        _STEPS[model] = answered(record(model.module, x), model.task).steps
    return _STEPS[model]


def run_bytes(model: Model) -> int:
    """Memory of all values of one run."""
    return sum(4 * math.prod(step.shape) for step in steps_of(model))


def class_names(model: Model) -> list[str] | None:
    """Its labels as every page can show them, or None where they have no names."""
    return None if are_numbered(model.labels) else [encodable(name) for name in model.labels]


def outputs_of(recording: Recording, task: Task) -> Tensor:
    """What the network gave, without the batch, in the shape that the task takes. Raises InputError."""
    outputs = recording.values[-1]
    wanted = task.raw_shape(*recording.steps[0].shape[1:])
    if len(wanted) == 2 and outputs.ndim == 3 and len(outputs) == 1:
        return outputs[0]  # rows are kept as one map
    if outputs.ndim != len(wanted):
        what = "one number" if len(wanted) == 1 else "a map of numbers"
        raise InputError(f"The network must give {what} a label, and gives {tuple(outputs.shape)}.")
    return outputs


def answered(recording: Recording, task: Task) -> Recording:
    """The recording of a network with its answer as the last steps; where each place has one, without.

    Raises InputError for outputs that the task does not take.
    """
    outputs_of(recording, task)
    if not task.whole_picture:
        return recording
    return followed_by(recording, learner_of(task)(task).answer())
