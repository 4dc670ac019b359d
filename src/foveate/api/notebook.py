"""A run shown below the notebook cell that started it: what it does, how far it is, its epochs."""

from __future__ import annotations

import sys
import time
from html import escape
from typing import Any

from foveate.pipeline.listen import Listener, PhaseStarted, RunEvent, Shares
from foveate.pipeline.telling import PHASE_WORDS, sentence, step
from foveate.tasks.notebooks import html_of
from foveate.training.events import EpochDone
from foveate.words import duration, html_lines, html_table

LEAST_SECONDS = 0.25  # between two pictures of it: a notebook keeps up with no more
SHOWN = 10  # epochs: the last of them


def shown_here() -> Listener:
    """Shows the events of a run below the cell where this is a notebook, else nothing.

    >>> from foveate.api.notebook import shown_here
    >>> shown_here()("an event, of which nothing is shown outside a notebook")

    IPython is never imported: in a notebook it has been.
    """
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if not hasattr(shell, "kernel"):  # IPython on a terminal has none
        return lambda event: None
    from IPython.display import HTML, display

    cell = display(HTML(""), display_id=True)
    return ShownRun(lambda text: cell.update(HTML(text)))


class ShownRun:
    """Gives a run's events as one piece of HTML, again whenever there is news. show: takes that HTML."""

    def __init__(self, show: Any) -> None:
        self._show = show
        self._phase, self._words = "starting", ""
        self._share: float | None = None
        self._before: list[str] = []
        self._epochs: list[list[str]] = []
        self._last = 0.0

    def __call__(self, event: RunEvent) -> None:
        news = self._taken(event)
        if news or time.monotonic() - self._last > LEAST_SECONDS:
            self._show(self.html())
            self._last = time.monotonic()

    def _taken(self, event: RunEvent) -> bool:
        """Keep what an event tells; whether it is more than a step of something."""
        match event:
            case PhaseStarted(name=name):
                self._phase, self._words, self._share = PHASE_WORDS.get(name, ""), "", None
            case EpochDone():
                self._epochs.append(_epoch(event))
            case Shares(table=table):
                self._before.append(html_of(table))
            case _ if (taken := step(event)) is not None:
                self._share, self._words = taken
                return False
            case _:
                self._before.append(html_lines((sentence(event) or "").splitlines()))
        return True

    def html(self) -> str:
        """All of it."""
        if not self._phase:  # it is done
            return "".join([*self._before, *self._table()])
        value = "" if self._share is None else f' value="{self._share:.4f}"'
        bar = f'<div>{escape(self._phase)} <progress max="1"{value}></progress> {escape(self._words)}</div>'
        return "".join([*self._before, *self._table(), bar])

    def _table(self) -> list[str]:
        header = ["epoch", "loss", "validation loss", "validation", "time", ""]
        return [html_table(header, self._epochs[-SHOWN:], range(5))] if self._epochs else []


def _epoch(event: EpochDone) -> list[str]:
    row, metric = event.row, event.metric
    losses = ["" if row[name] is None else f"{row[name]:.3f}" for name in ("train_loss", "val_loss")]
    value = row.get(f"val_{metric.name}")
    found = "" if value is None else f"{metric.words} {metric.plain(value)}"
    best = "best so far" if event.is_best else ""
    return [str(row["epoch"]), *losses, found, duration(row["seconds"]), best]
