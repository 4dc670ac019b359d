"""What an answer is: one folder for each kind. Every room asks the task; no room asks which task."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from numpy.typing import NDArray

from foveate.errors import InputError, UnknownNameError
from foveate.plugins import Registry
from foveate.strict_json import need
from foveate.tasks.base import Task
from foveate.tasks.measures import Metric
from foveate.tasks.targets import Targets

# Imported when first asked for, so that predicting a class loads no other task. In the order in which they
# are asked what a table or an array holds: those that look at the values before the one that takes any label.
_TASKS: Registry[str | type[Task]] = Registry(
    {
        "regression": "foveate.tasks.regression.task:Regression",
        "classification": "foveate.tasks.classification.task:Classification",
        "multilabel": "foveate.tasks.multilabel.task:Multilabel",
        "segmentation": "foveate.tasks.segmentation.task:Segmentation",
        "detection": "foveate.tasks.detection.task:Detection",
        "captioning": "foveate.tasks.captioning.task:Captioning",
    }
)


Measure = Callable[[NDArray[Any], Targets], float]
_ADDED: dict[str, dict[str, Measure]] = {}


def register_task(task: type[Task]) -> type[Task]:
    """Make a kind of answer known under its ``name``; usable as a decorator.

    Raises InputError for a name that another task has.
    """
    known = _TASKS.peek(task.name) or task
    if known not in (task, f"{task.__module__}:{task.__qualname__}"):
        raise InputError(f"There is a task {task.name!r} already; give yours another name.")
    _TASKS[task.name] = task
    return task


def register_metric(task: str, metric: Metric) -> Callable[[Measure], Measure]:
    """Add a number by which training may select to a task; a decorator for the function that measures it.

    It takes what a network gives for the N pictures of a split, (N, K) float32 before any softmax, and their
    `Targets`. The number stands in history.csv as ``val_<name>``, which ``select`` may name.

    Raises InputError for a name that the task has.
    """

    def tie(measure: Measure) -> Measure:
        kind, added = task_type(task), added_metrics(task)
        if metric.name not in added:
            if metric.name in {"loss", *(known.name for known in kind.metrics)}:
                raise InputError(f"{task} has a metric {metric.name!r} already; give yours another name.")
            kind.metrics = (*kind.metrics, metric)
        added[metric.name] = measure
        return measure

    return tie


def added_metrics(task: str) -> dict[str, Measure]:
    """What was registered for a task beyond its own: name to function."""
    return _ADDED.setdefault(task, {})


def list_tasks() -> list[str]:
    """The names of all tasks."""
    return sorted(_TASKS)


def task_type(name: str) -> type[Task]:
    """The task of this name. Raises UnknownNameError."""
    if name not in _TASKS:
        raise UnknownNameError("task", name, _TASKS)
    found = _TASKS[name]
    if isinstance(found, str):
        module, _, attribute = found.partition(":")
        found = _TASKS[name] = getattr(import_module(module), attribute)
    return found


def read_task(document: Any) -> Task:
    """The task that `written_task` wrote. Raises InputError, naming the field."""
    need(isinstance(document, Mapping), "task", "an object", document)
    name = document.get("name")
    if not isinstance(name, str):  # only then are there to be listed: that looks for plugins
        need(False, "task.name", f"one of {', '.join(list_tasks())}", name)
    return task_type(name).from_dict({key: value for key, value in document.items() if key != "name"})


def written_task(task: Task) -> dict[str, Any]:
    """A task as plain JSON values, with its name."""
    return {"name": task.name, **task.to_dict()}


def task_of_array(array: NDArray[Any], name: str = "auto") -> type[Task] | None:
    """The task whose answers an array holds, by the same rule; None for one class a picture."""
    names = list(_TASKS) if name == "auto" else [name]
    kinds = map(task_type, names)
    return next((kind for kind in kinds if kind.holds_array(array, asked=name != "auto")), None)


def task_of_columns(columns: Mapping[str, Sequence[Any]], name: str = "auto") -> type[Task] | None:
    """The task of this name; for "auto" the one whose answers a table's columns hold, None for none."""
    if name != "auto":
        return task_type(name)
    kinds = (task_type(known) for known in _TASKS)
    return next((kind for kind in kinds if kind.answer_columns(columns)), None)
