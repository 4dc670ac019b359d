"""What happens while a network trains, as values: whoever runs the loop decides what to show of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from foveate.tasks.base import Task
from foveate.tasks.measures import Metric


def history_columns(task: Task) -> tuple[str, ...]:
    """The columns of history.csv.

    Times stand last: all other columns repeat exactly when a run is repeated.
    """
    measured = (f"val_{metric.name}" for metric in task.metrics)
    shown = f"train_{task.shown.name}"
    return ("epoch", "step", "lr", "train_loss", shown, "val_loss", *measured, "seconds")


@dataclass(frozen=True)
class StepDone:
    """One optimiser step. ``loss`` and ``value``, of `Task.shown`, are means over the epoch so far."""

    step: int
    epoch: int
    progress: float
    loss: float
    metric: Metric
    value: float
    seconds_left: float | None


@dataclass(frozen=True)
class EpochDone:
    """An evaluation on the validation split: one row of the history (see `history_columns`).

    ``metric`` is the one to show; ``evaluation_seconds`` is what the evaluation itself took.
    """

    row: dict[str, Any]
    metric: Metric
    is_best: bool
    evaluation_seconds: float = 0.0


@dataclass(frozen=True)
class Retried:
    """The loss was not finite; the epoch starts again with a smaller learning rate."""

    epoch: int
    learning_rate_scale: float


@dataclass(frozen=True)
class CheckpointSaved:
    """The run can go on from here after any interruption."""

    step: int


@dataclass(frozen=True)
class StoppedEarly:
    """No better epoch for as long as the patience allows."""

    epoch: int
    best_epoch: int


Event = StepDone | EpochDone | Retried | CheckpointSaved | StoppedEarly
