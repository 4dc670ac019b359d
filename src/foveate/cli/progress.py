"""How a run looks: a live bar on a terminal, plain lines everywhere else; all on standard error."""

from __future__ import annotations

import math
import time
from contextlib import AbstractContextManager, suppress
from types import TracebackType
from typing import Any, Protocol

from foveate.cli.console import interactive, note
from foveate.cli.evaluate import drawn
from foveate.pipeline import telling
from foveate.pipeline.listen import Looking, PhaseStarted, Reading, RunEvent, Shares
from foveate.pipeline.telling import PHASE_WORDS
from foveate.training.events import StepDone
from foveate.words import duration


class Display(Protocol):
    """Shows a run's events; a context manager around the run."""

    def __call__(self, event: RunEvent) -> None: ...
    def __enter__(self) -> Display: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def display(*, quiet: bool = False) -> AbstractContextManager[Any]:
    """A live bar where standard error is a terminal, lines otherwise; nothing if ``quiet``."""
    if quiet:
        return _Silent()
    return _Bar() if interactive() else _Lines()


def sentence(event: RunEvent) -> str | None:
    """What an event is in words, or None where it is only a step of something."""
    return drawn(event.table) if isinstance(event, Shares) else telling.sentence(event)


class _Silent:
    def __call__(self, event: RunEvent) -> None:
        pass

    def __enter__(self) -> _Silent:
        return self

    def __exit__(self, *unused: object) -> None:
        pass


class _Lines(_Silent):
    """For files, pipes and notebooks: a line an evaluation, and a sign of life every ten seconds."""

    SIGN_OF_LIFE_SECONDS = 10.0

    def __init__(self) -> None:
        self._last = time.monotonic()
        self._phase = ""

    def __call__(self, event: RunEvent) -> None:
        text = sentence(event)
        if isinstance(event, PhaseStarted) and PHASE_WORDS.get(event.name) not in {None, self._phase}:
            self._phase = PHASE_WORDS[event.name]
            text = self._phase
        elif text is None and time.monotonic() - self._last > self.SIGN_OF_LIFE_SECONDS:
            text = self._alive(event)
        if text is not None:
            note(text)
            self._last = time.monotonic()

    def _alive(self, event: RunEvent) -> str | None:
        if isinstance(event, Reading):
            return f"  {event.split}: {event.done:,} of {event.total:,} pictures read"
        if isinstance(event, Looking):
            return f"  {event.done:,} of {event.total:,} views"
        if isinstance(event, StepDone) and not math.isnan(event.loss):
            left = "" if event.seconds_left is None else f", {duration(event.seconds_left)} left"
            value = event.metric.plain(event.value)
            return f"  {event.progress:.0%}: loss {event.loss:.3f}, {event.metric.words} {value}{left}"
        return None


class _Bar(_Silent):
    """A live line with loss, accuracy and the time that is left."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[words]}"),
            console=Console(stderr=True, highlight=False),
            transient=True,
        )
        self._task = self._progress.add_task("starting", total=None, words="")

    def __enter__(self) -> _Bar:
        self._progress.start()
        return self

    def __exit__(self, *unused: object) -> None:
        with suppress(OSError):
            self._progress.stop()

    def __call__(self, event: RunEvent) -> None:
        with suppress(OSError):  # a terminal that is gone does not end the run
            self._show(event)

    def _show(self, event: RunEvent) -> None:
        text = sentence(event)
        if text is not None:
            self._progress.console.print(text, markup=False)
        if isinstance(event, PhaseStarted) and event.name in PHASE_WORDS:
            self._progress.reset(self._task, total=None, description=PHASE_WORDS[event.name], words="")
        elif (step := telling.step(event)) is not None:
            self._progress.update(self._task, completed=step.share, total=1.0, words=step.words)
