"""How `foveate inspect` trains a designed network: `foveate train`, told to a page instead of a terminal."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from foveate.inspector.trainings import Job, Watcher
    from foveate.pipeline.listen import Listener


def train_design(job: Job, watcher: Watcher, should_stop: Callable[[], bool]) -> Path:
    """Train a blueprint and leave a model folder at ``job.folder``; returns it.

    Where it trains for a time and is stopped before, what was learnt until then is kept.

    Raises FoveateError; InterruptedRunError where it was stopped and there is nothing to keep.
    """
    from foveate.api.train import train
    from foveate.errors import InterruptedRunError
    from foveate.pipeline.request import TrainRequest

    job.folder.parent.mkdir(parents=True, exist_ok=True)
    blueprint = job.folder.with_name(f"{job.folder.name}.yaml")
    blueprint.write_text(job.yaml, encoding="utf-8")
    request = TrainRequest(model=str(blueprint))
    if job.seconds is not None:
        request = replace(request, budget=f"{job.seconds:g}s")
    else:
        request = replace(request, epochs=job.epochs)
    listener, began = _listener(watcher), time.monotonic()
    try:
        train(job.data, request, out=job.folder, listener=listener, should_stop=should_stop)
    except InterruptedRunError:
        if job.seconds is None or not (job.folder / "checkpoint").is_dir():
            raise
        # The run goes on with its time over: it ends at once, with the steps that were done.
        train(job.data, out=job.folder, resume=True, listener=listener, started=began - job.seconds)
    return job.folder


def _listener(watcher: Watcher) -> Listener:
    from foveate.pipeline.listen import Note, PhaseStarted, Reading
    from foveate.training.events import EpochDone, StepDone

    def listen(event: Any) -> None:
        if isinstance(event, PhaseStarted):
            watcher.phase(event.name)
        elif isinstance(event, Reading):
            watcher.progress(event.done / max(event.total, 1))
        elif isinstance(event, StepDone):
            watcher.progress(event.progress)
            row = {"step": event.step, "epoch": event.epoch}
            shown = {"train_loss": event.loss, f"train_{event.metric.name}": event.value}
            watcher.row(row | shown, epoch_end=False)
        elif isinstance(event, EpochDone):
            watcher.row(event.row, epoch_end=True)
        elif isinstance(event, Note):
            watcher.note(event.text)

    return listen
