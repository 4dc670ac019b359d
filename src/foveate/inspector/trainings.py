"""Designed networks in training: one at a time, in a thread, watched row by row, and stopped when asked.

How a network is trained is not known here: whoever starts the inspector hands in a `Train`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Protocol

from foveate.errors import FoveateError, InterruptedRunError, RequestError
from foveate.inspector import requests as asked
from foveate.inspector.newest import Shelf
from foveate.inspector.sums import plain
from foveate.models.blueprint import Blueprint, load_blueprint

logger = logging.getLogger("foveate.serve")

STEP_SECONDS = 0.3  # between two rows that are no epoch's end; more in a long training:
STEP_SHARE = 1 / 2000  # of the time it has taken so far, so that a day of it is some thousand rows
LONGEST_SECONDS = 24 * 3600
MOST_TRAININGS = 32
STOP_SECONDS = 10.0
COLUMNS = ("step", "epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy")


@dataclass(frozen=True)
class Job:
    """What is to be trained: a blueprint's text, on a data set by its name, for a time or for epochs.

    folder: where the model folder is made; it does not exist yet.
    """

    yaml: str
    data: str
    folder: Path
    seconds: float | None
    epochs: int | None


@dataclass(frozen=True)
class DataChoice:
    """A data set that may be trained on. input: (C, H, W) where all its pictures have one size.

    given: it is the one that the command was started with. whole_picture: its answers are about pictures as a
    whole, and not about their pixels.
    """

    name: str
    title: str
    pictures: int | None
    classes: int
    input: tuple[int, int, int] | None = None
    given: bool = False
    whole_picture: bool = True

    def why_not(self, blueprint: Blueprint) -> str | None:
        """Why a network cannot be trained on it, in a sentence; None where it can."""
        if blueprint.scores_pixels and self.whole_picture:
            return (
                f"This network scores each pixel, and {self.title} has one answer a picture; train it on "
                "pictures with masks, or end it with `global_avg_pool` and `dense: classes`."
            )
        if not blueprint.scores_pixels and not self.whole_picture:
            return (
                f"This network answers about the whole picture, and {self.title} has a class for each pixel; "
                "end it with a map of the input's size, one score a class, as the example `Every pixel` does."
            )
        return None


class Watcher(Protocol):
    """Who is told how a training goes."""

    def phase(self, name: str) -> None:
        """A phase begins: "read", "train", ..."""

    def progress(self, share: float) -> None:
        """How much of it is done, 0 to 1."""

    def row(self, row: dict[str, Any], *, epoch_end: bool) -> None:
        """Numbers by `COLUMNS`; at an epoch's end those of the validation too."""

    def note(self, sentence: str) -> None:
        """Something to know."""


Train = Callable[[Job, Watcher, Callable[[], bool]], Path]
"""Train a network, ask after every step whether to stop, return the model folder. Raises FoveateError;
InterruptedRunError where it was stopped."""


@dataclass
class Training:
    """One training and how it stands. Written by its own thread, read by others."""

    name: str
    kept_in: Path | None
    state: str = "reading"
    rows: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    message: str | None = None
    share: float | None = None
    net: str | None = None
    finished: bool = False
    stop: threading.Event = field(default_factory=threading.Event)
    _began: float = field(default_factory=time.monotonic)
    _last_row: float = 0.0

    # What a Watcher is told.

    def phase(self, name: str) -> None:
        if name == "train":
            self._began = time.monotonic()
        self.state = "reading" if name in ("read", "plan") else "training"
        self.message = PHASES.get(name)

    def progress(self, share: float) -> None:
        self.share = min(max(share, 0.0), 1.0)

    def row(self, row: dict[str, Any], *, epoch_end: bool) -> None:
        now = time.monotonic()
        pause = max(STEP_SECONDS, STEP_SHARE * (now - self._began))
        if epoch_end or now - self._last_row >= pause:
            self._last_row = now
            kept = {name: plain(row.get(name)) for name in COLUMNS}
            self.rows.append(kept | {"seconds": round(now - self._began, 3), "epoch_end": epoch_end})

    def note(self, sentence: str) -> None:
        self.notes.append(sentence)

    def end(self, state: str, message: str) -> None:
        self.state, self.message, self.finished = state, message, True

    def to_dict(self, after: int) -> dict[str, Any]:
        """`GET /api/trainings/ID`: the rows from number ``after`` on."""
        rows = self.rows[after:]
        return {
            "training": self.name,
            "state": self.state,
            "message": self.message,
            "notes": list(self.notes),
            "progress": self.share,
            "rows": rows,
            "next": after + len(rows),
            "net": self.net,
            "folder": str(self.kept_in) if self.kept_in and self.state == "done" else None,
        }


PHASES = {
    "read": "Reading the pictures.",
    "plan": "Settling how to train.",
    "train": "Training.",
    "calibrate": "Trained; calibrating the probabilities.",
    "export": "Trained; writing the network down.",
    "measure": "Trained; measuring what was written down.",
    "report": "Trained; writing the report.",
    "save": "Trained; saving the model folder.",
}


def _is_free(folder: Path) -> bool:
    """Whether neither a folder of this name is there nor the blueprint that is written beside it."""
    return not folder.exists() and not folder.with_name(f"{folder.name}.yaml").exists()


class Trainings:
    """All trainings of an inspector.

    Args:
        train: how; None where this inspector cannot.
        choices: what may be trained on, looked up when it is asked for.
        folder: where model folders go. kept: whether they stay there, so that people may be told.
        shortest_seconds: the least time that a training can be given.
        trained: takes a finished model folder, gives the id under which its network can be looked into.
    """

    def __init__(
        self,
        train: Train | None,
        choices: Callable[[], list[DataChoice]],
        folder: Path,
        *,
        kept: bool,
        shortest_seconds: float = 0.0,
        trained: Callable[[Path, str], str],
    ) -> None:
        self._train, self._choices, self._folder, self._trained = train, choices, folder, trained
        self._kept, self._shortest = kept, shortest_seconds
        self._all: Shelf[Training] = Shelf("training", MOST_TRAININGS)
        self._running: Training | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def describe(self) -> dict[str, Any]:
        """`GET /api/trainings`."""
        running = self._running
        return {
            "data": [
                {**vars(one), "input": None if one.input is None else list(one.input)}
                for one in (self._choices() if self._train else [])
            ],
            "shortest_seconds": self._shortest,
            "running": running.name if running is not None and not running.finished else None,
        }

    def start(self, document: dict[str, Any]) -> dict[str, Any]:
        """`POST /api/trainings`. Raises RequestError 409 while another one runs, InputError, RequestError."""
        yaml, data = asked.text(document, "yaml"), asked.text(document, "data")
        blueprint = load_blueprint(yaml if "\n" in yaml else f"{yaml}\n")
        seconds, epochs = document.get("seconds"), asked.whole(document, "epochs", 1, 100_000, None)
        if (seconds is None) == (epochs is None):
            raise RequestError(422, "Expected either `seconds` or `epochs`.")
        if seconds is not None and not self._shortest <= asked.number(seconds, "seconds") <= LONGEST_SECONDS:
            raise RequestError(422, f"seconds: expected {self._shortest:g} to {LONGEST_SECONDS:,}.")
        known = {one.name: one for one in self._choices()} if self._train else {}
        if data not in known:
            raise RequestError(
                422, f"data: expected one of {', '.join(known) or 'none'}; `foveate data get` fetches others."
            )
        if (reason := known[data].why_not(blueprint)) is not None:
            raise RequestError(422, reason)
        with self._lock:
            return self._begin(blueprint.name or "design", yaml, data, seconds, epochs)

    def _begin(
        self, title: str, yaml: str, data: str, seconds: float | None, epochs: int | None
    ) -> dict[str, Any]:
        if self._running is not None and not self._running.finished:
            raise RequestError(409, "Another network is in training; stop it first, or wait for it.")
        folder = next(place for i in count(1) if _is_free(place := self._folder / f"trained-{i}"))
        training = Training("", folder if self._kept else None)
        training.name = self._all.put(training)
        job = Job(yaml, data, folder, seconds, epochs)
        self._running = training
        self._thread = threading.Thread(
            target=self._work, args=(training, job, title), name="foveate-training", daemon=True
        )
        self._thread.start()
        return {"training": training.name}

    def _work(self, training: Training, job: Job, title: str) -> None:
        if self._train is None:
            return
        try:
            folder = self._train(job, training, training.stop.is_set)
            training.net = self._trained(folder, title)
            training.progress(1.0)
            training.end("done", "Trained; look into it.")
        except InterruptedRunError:
            training.end("stopped", "Stopped before the end; nothing was kept.")
        except FoveateError as error:
            training.end("failed", str(error))
        except Exception as error:  # a fault of ours must be told, and must not end anything else
            logger.exception("a training failed")
            training.end("failed", f"The training failed: {type(error).__name__}; the server's log says why.")

    def get(self, name: str) -> Training:
        """Raises RequestError 404."""
        return self._all.get(name)

    def stop(self, name: str) -> None:
        """Ask a training to stop; it does after the step at hand. Raises RequestError 404."""
        self.get(name).stop.set()

    def close(self) -> None:
        """Stop what runs, and wait a little for it."""
        if self._running is not None:
            self._running.stop.set()
        if self._thread is not None:
            self._thread.join(STOP_SECONDS)
