"""What happens while a network trains, as values: whoever runs the loop decides what to show of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# The columns of history.csv. Times stand last: all other columns repeat exactly when a run is repeated.
HISTORY_COLUMNS = (
    "epoch",
    "step",
    "lr",
    "train_loss",
    "train_accuracy",
    "val_loss",
    "val_accuracy",
    "val_macro_f1",
    "seconds",
)


@dataclass(frozen=True)
class StepDone:
    """One optimiser step. ``loss`` and ``accuracy`` are means over the epoch so far."""

    step: int
    epoch: int
    progress: float
    loss: float
    accuracy: float
    seconds_left: float | None


@dataclass(frozen=True)
class EpochDone:
    """An evaluation on the validation split: one row of the history (see HISTORY_COLUMNS).

    ``evaluation_seconds`` is what the evaluation itself took.
    """

    row: dict[str, Any]
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
