"""Signals, so that a command's exit code says what became of it, whenever they come.

SIGTERM ends a command as Ctrl-C does: what is half written is removed, and the exit code is 130. Training
finishes its step and saves first. Once the outcome stands, and Python only has to end, signals are ignored:
they could turn a success into a failure, and have nothing left to stop.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

_NUMBERS = (signal.SIGINT, signal.SIGTERM)
_owned = [False]  # whether this process is the command's own, and not one that called `main` from Python


def own_process() -> None:
    """Say that the process ends with the command, and let SIGTERM interrupt it as Ctrl-C does."""
    _owned[0] = True
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, signal.default_int_handler)


def is_own_process() -> bool:
    """Whether the process ends with the command."""
    return _owned[0]


def settle() -> None:
    """The outcome stands: from here on to the end of the command's own process, signals are ignored."""
    if _owned[0]:
        for number in _NUMBERS:
            signal.signal(number, signal.SIG_IGN)


class StopFlag:
    """Whether a signal has asked the run to stop."""

    def __init__(self) -> None:
        self._set = False

    def set(self) -> None:
        self._set = True

    def is_set(self) -> bool:
        return self._set


@contextmanager
def stop_on_signal() -> Iterator[StopFlag]:
    """SIGINT and SIGTERM finish the step, save and leave with 130; the second one leaves at once.

    What comes out of it is the command's outcome; in a process of its own, later signals change nothing.
    """
    flag = StopFlag()

    def handle(number: int, frame: object) -> None:
        if flag.is_set():
            os._exit(130)
        flag.set()
        os.write(2, b"\nfoveate: stopping after this step and saving; once more to leave at once.\n")

    before = {number: signal.signal(number, handle) for number in _NUMBERS}
    try:
        yield flag
    finally:
        if _owned[0]:
            settle()
        else:
            for number, handler in before.items():
                signal.signal(number, handler)
