"""A run as trackers are told of it, and what stands between them and the training."""

from __future__ import annotations

import contextlib
import importlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from foveate.errors import InputError, MissingExtraError, UnknownNameError
from foveate.pipeline.listen import Listener, Note, RunEvent
from foveate.training.events import EpochDone
from foveate.words import first_line, setting

if TYPE_CHECKING:
    from foveate.pipeline.finish import Finished

PROJECT = "foveate"  # where runs stand that the tracker's own settings put nowhere else
# Name -> where its class is; each is imported when it is asked for.
TRACKERS = {
    "mlflow": "foveate.tracking.mlflow:MLflow",
    "wandb": "foveate.tracking.boards:WeightsAndBiases",
    "trackio": "foveate.tracking.boards:Trackio",
}


@dataclass(frozen=True)
class Run:
    """What is known of a run when it begins: its folder's name, and its settings as config.json has them."""

    name: str
    settings: Mapping[str, Any]


class Tracker(Protocol):
    """Another program's account of one run. Made with a `Run`; importing its module may raise ImportError."""

    def epoch(self, step: int, values: Mapping[str, float]) -> None:
        """One evaluation: ``train_loss``, ``val_accuracy``, ... , the columns of history.csv."""

    def finish(self, values: Mapping[str, float], folder: Path) -> None:
        """What the finished model measured on which pictures, ``test_accuracy``, and the model folder."""

    def close(self, *, failed: bool) -> None:
        """The end, in any case."""


class Tracked:
    """A listener that tells trackers, too. One that fails is left out from there on: training goes on."""

    def __init__(self, listener: Listener) -> None:
        self._trackers: dict[str, Tracker] = {}
        self._listener = listener

    def begin(self, name: str, run: Run) -> None:
        """Tell the tracker of this name, too. Raises as `tracked` does."""
        if name not in self._trackers:
            self._trackers[name] = _begun(name, run)

    def __call__(self, event: RunEvent) -> None:
        if isinstance(event, EpochDone):
            values = numbers(event.row)
            self._each(lambda tracker: tracker.epoch(int(event.row["step"]), values))
        self._listener(event)

    def finished(self, run: Finished) -> None:
        """Tell what came out."""
        values = {f"{run.evaluated_on}_{k}": v for k, v in numbers(run.evaluation.scores()).items()}
        self._each(lambda tracker: tracker.finish(values, run.folder))

    def close(self, *, failed: bool) -> None:
        self._each(lambda tracker: tracker.close(failed=failed))

    def _each(self, tell: Callable[[Tracker], None]) -> None:
        for name, tracker in list(self._trackers.items()):
            try:
                tell(tracker)
            except Exception as error:  # whatever another program's client raises is no reason to lose a run
                del self._trackers[name]
                self._listener(Note(f"{name} is told no more of this run: {first_line(error)}."))


@contextlib.contextmanager
def tracked(names: Sequence[str], run: Run, listener: Listener) -> Iterator[Tracked]:
    """The listener that tells ``listener`` and the trackers of these names.

    Raises UnknownNameError; MissingExtraError for one that is not installed; InputError for one that cannot
    begin: nothing is lost yet, and those that have begun are closed as of a run that failed.
    """
    told, failed = Tracked(listener), True
    try:
        for name in [names] if isinstance(names, str) else names:
            told.begin(name, run)
        yield told
        failed = False
    finally:
        told.close(failed=failed)


def _begun(name: str, run: Run) -> Tracker:
    if name not in TRACKERS:
        raise UnknownNameError("tracker", name, TRACKERS)
    module, _, kind = TRACKERS[name].partition(":")
    try:
        begun: Tracker = getattr(importlib.import_module(module), kind)(run)
    except ModuleNotFoundError as error:
        raise MissingExtraError(setting("track", name), name) from error
    except Exception as error:  # the client of another program: anything
        raise InputError(
            f"{setting('track', name)}: it did not begin: {first_line(error)}. Mend that, or leave it out."
        ) from error
    return begun


def numbers(row: Mapping[str, Any]) -> dict[str, float]:
    """The finite numbers of a row; booleans are none."""
    found = {k: v for k, v in row.items() if isinstance(v, int | float) and not isinstance(v, bool)}
    return {name: float(value) for name, value in found.items() if math.isfinite(value)}
