"""What the events of a run are in words, for whoever shows them: a terminal, a notebook."""

from __future__ import annotations

import math
from typing import NamedTuple

from foveate.pipeline.listen import Looking, Note, Planned, Reading, RunEvent
from foveate.tasks.measures import Metric
from foveate.training.events import EpochDone, Retried, StepDone, StoppedEarly
from foveate.words import duration, printable

PHASE_WORDS = {
    "read": "reading the pictures",
    "plan": "choosing network and recipe",
    "features": "looking at the pictures with the learnt network",
    "train": "training",
    "calibrate": "calibrating",
    "export": "exporting to ONNX and checking that it computes the same",
    "measure": "measuring the finished model",
    "report": "writing the report",
    "save": "writing the report",
}


def sentence(event: RunEvent) -> str | None:
    """What an event is in words, or None where it is only a step of something, or a table."""
    match event:
        case Planned(reasons=reasons):
            return "\n".join(printable(reason) for reason in reasons)
        case Note(text=text):
            return f"note: {printable(text)}"
        case EpochDone():
            return epoch_line(event)
        case Retried(epoch=epoch, learning_rate_scale=scale):
            return f"The loss was not finite: epoch {epoch + 1} starts again with {scale:g} of the rate."
        case StoppedEarly(best_epoch=best_epoch):
            return f"No better epoch since epoch {best_epoch}: stopped early."
    return None


class Step(NamedTuple):
    """How far a phase is. share: of it that is done, 0 to 1; words: such as ``epoch 3  loss 0.412``."""

    share: float
    words: str


def step(event: RunEvent) -> Step | None:
    """What an event tells of the phase at hand, or None where it is more than a step of it."""
    match event:
        case Reading(split=split, done=done, total=total):
            return Step(done / max(total, 1), f"{split}: {done:,} of {total:,}")
        case Looking(done=done, total=total):
            return Step(done / max(total, 1), f"{done:,} of {total:,} views")
        case StepDone(progress=progress, loss=loss, seconds_left=left):
            shown = "" if math.isnan(loss) else f"loss {loss:.3f}{measured(event.metric, event.value)}  "
            remaining = "" if left is None else f"{duration(left)} left"
            return Step(progress, f"epoch {event.epoch + 1}  {shown}{remaining}")
    return None


def epoch_line(event: EpochDone) -> str:
    """One evaluation in words."""
    row, metric = event.row, event.metric
    parts = [f"epoch {row['epoch']:>5}"]
    if row["train_loss"] is not None:
        parts.append(f"loss {row['train_loss']:.3f}{measured(metric, row.get(f'train_{metric.name}'))}")
    if row["val_loss"] is not None:
        parts.append(f"validation loss {row['val_loss']:.3f}{measured(metric, row[f'val_{metric.name}'])}")
    parts.append(duration(row["seconds"]))
    return "  |  ".join(parts) + ("  *best so far" if event.is_best else "")


def measured(metric: Metric, value: float | None) -> str:
    """A metric with its value, after a loss; nothing where it was not measured."""
    return "" if value is None else f"  {metric.words} {metric.plain(value)}"
