"""Runs of ONNX Runtime in flight: each has a deadline, and a fork waits until there are none.

A run cannot be interrupted from Python, but ONNX Runtime asks between two operators whether it should end.
And a child process that is forked while a run holds a lock of the library's has that lock for ever: its own
first run would wait for it without end.
"""

from __future__ import annotations

import os
import threading
import time
from typing import Any

LOOK_SECONDS = 0.25  # between two looks at the clock
# After a run its threads look for more work for 0.2 ms (see `session`), and fall asleep; while they do, they
# hold locks of their own.
SETTLE_SECONDS = 0.005

# By thread, when it is to end and what to tell it. No lock: each step is one operation of the dictionary.
_running: dict[int, tuple[float, Any]] = {}
_may_run = threading.Event()
_may_run.set()
_forking = threading.Lock()
_watcher: threading.Thread | None = None


class InFlight:
    """Around a call of ONNX Runtime. options: its RunOptions, which are told to end after so many seconds."""

    def __init__(self, options: Any = None, seconds: float = float("inf")) -> None:
        self._options, self._seconds = options, seconds

    def __enter__(self) -> None:
        here, entry = threading.get_ident(), (time.monotonic() + self._seconds, self._options)
        _running[here] = entry
        while not _may_run.is_set():  # a fork is due, and waits for all that run
            del _running[here]
            _may_run.wait()
            _running[here] = entry
        if self._options is not None and (_watcher is None or not _watcher.is_alive()):
            _watch()

    def __exit__(self, *failure: object) -> None:
        del _running[threading.get_ident()]


def _watch() -> None:
    global _watcher  # noqa: PLW0603 -- one for the process
    _watcher = threading.Thread(target=_end_the_late, name="foveate-deadlines", daemon=True)
    _watcher.start()


def _end_the_late() -> None:
    while True:
        time.sleep(LOOK_SECONDS)
        now = time.monotonic()
        for end, options in list(_running.values()):
            if now > end and options is not None:
                options.terminate = True


def _before_fork() -> None:
    _forking.acquire()
    _may_run.clear()
    if threading.get_ident() not in _running:  # else it would wait for itself
        while _running:
            time.sleep(0.001)
        time.sleep(SETTLE_SECONDS)


def _after_fork_in_parent() -> None:
    _may_run.set()
    _forking.release()


def _after_fork_in_child() -> None:
    global _forking, _may_run, _watcher
    _forking, _may_run, _watcher = threading.Lock(), threading.Event(), None
    _running.clear()
    _may_run.set()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child
    )
