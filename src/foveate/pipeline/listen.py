"""What a run tells while it goes on, beside the training loop's own events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from foveate.tasks.sections import Table
from foveate.training.events import Event


@dataclass(frozen=True)
class PhaseStarted:
    """A phase begins: "read", "plan", "features", "train", "calibrate", "export", "measure" or "report"."""

    name: str


@dataclass(frozen=True)
class Reading:
    """Pictures of a split are being read: ``done`` of ``total``."""

    split: str
    done: int
    total: int


@dataclass(frozen=True)
class Looking:
    """The backbone looks at the training pictures: ``done`` of ``total`` views."""

    done: int
    total: int


@dataclass(frozen=True)
class Planned:
    """What is going to be trained; the reasons are sentences for the user."""

    network: str
    recipe: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Note:
    """Something the user should know, in one sentence."""

    text: str


@dataclass(frozen=True)
class Shares:
    """What the answers that are learnt from are made of, as `Task.shares` tells it."""

    table: Table


RunEvent = Event | PhaseStarted | Reading | Looking | Planned | Note | Shares
Listener = Callable[[RunEvent], None]
