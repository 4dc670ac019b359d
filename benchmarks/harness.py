"""Contestants side by side: each in a process of its own, one at a time, in turn, many times over.

A contestant is a function that prepares its work and returns it as a callable. In a process of its own its
threads cannot disturb another's: while one computes, the others wait for a line on their standard input.

    timings = compete([Contestant("eager", "inference:eager", {"network": "resnet18"}), ...], turns=7)

A rival that is not installed raises ModuleNotFoundError, one that cannot work here `Skip`; both are named
in the results and left out of the ratios.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import foveate  # noqa: F401 -- before a rival imports ONNX Runtime: it keeps its telemetry off

HERE = Path(__file__).resolve().parent
SETTLE_SECONDS = 0.02  # threads of the one before, waiting for work with open eyes, fall asleep


class Skip(Exception):  # noqa: N818 -- no failure
    """This contestant cannot run on this machine; the message says why."""


@dataclass(frozen=True)
class Contestant:
    """One program to be timed: ``function`` is ``module:name`` in this folder, called with ``arguments``.

    warm: call once before each timed turn, as is right for work of milliseconds; not for a training.
    """

    name: str
    function: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    warm: bool = True


@dataclass(frozen=True)
class Timing:
    """Seconds a call: the median of the turns, the fastest, the slowest, and how many turns there were."""

    median: float
    low: float
    high: float
    turns: int

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Timing:
        return cls(statistics.median(seconds), min(seconds), max(seconds), len(seconds))


@dataclass
class Race:
    """What came of a competition, by the contestants' names.

    answers: what the calls returned, of every turn. skipped: who was left out, and why.
    """

    timings: dict[str, Timing] = field(default_factory=dict)
    answers: dict[str, list[Any]] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def compete(contestants: Sequence[Contestant], *, turns: int = 7, seconds: float = 0.3) -> Race:
    """Time all contestants in turn.

    turns: how often each comes to its turn, besides one to warm up, where it warms up. seconds: how long a
    turn lasts at least; where one call takes less, a turn is the mean of many.
    """
    race = Race()
    taken: dict[str, list[float]] = {}
    with contextlib.ExitStack() as stack:
        workers = {}
        for contestant in contestants:
            talk = stack.enter_context(_worker(contestant))
            first = talk({"prepare": True})
            if "skip" in first:
                race.skipped[contestant.name] = first["skip"]
            else:
                workers[contestant.name] = contestant.warm, talk
                taken[contestant.name], race.answers[contestant.name] = [], []
        for turn in range(-1, turns):
            for name, (warm, talk) in workers.items():
                if turn < 0 and not warm:
                    continue
                time.sleep(SETTLE_SECONDS)
                reply = talk({"seconds": seconds, "warm": warm})
                if turn >= 0:
                    taken[name].append(reply["seconds"])
                    race.answers[name].append(reply["answer"])
    race.timings = {name: Timing.of(spent) for name, spent in taken.items()}
    return race


@contextlib.contextmanager
def _worker(contestant: Contestant) -> Iterator[Callable[[dict[str, Any]], dict[str, Any]]]:
    """A process that does one contestant's work; gives a function to ask it."""
    command = [
        sys.executable,
        str(HERE / "harness.py"),
        contestant.function,
        json.dumps(contestant.arguments),
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        ask, answers = process.stdin, process.stdout
        assert ask is not None  # pipes were asked for
        assert answers is not None

        def talk(request: dict[str, Any]) -> dict[str, Any]:
            ask.write(json.dumps(request) + "\n")
            ask.flush()
            line = answers.readline()
            if not line:
                raise RuntimeError(f"{contestant.name}: its process ended; what it said stands above.")
            return dict(json.loads(line))

        try:
            yield talk
        finally:
            ask.close()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def _work(function: str, arguments: dict[str, Any]) -> None:
    """The worker's side: prepare, then time calls as asked, until the questions end."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the work prints must not stand among the replies

    def reply(document: dict[str, Any]) -> None:
        replies.write(json.dumps(document) + "\n")
        replies.flush()

    sys.stdin.readline()
    module, _, name = function.partition(":")
    try:
        call = getattr(importlib.import_module(module), name)(**arguments)
    except ModuleNotFoundError as error:
        reply({"skip": f"{error.name} is not installed"})
        return
    except Skip as error:
        reply({"skip": str(error)})
        return
    reply({})
    for line in sys.stdin:
        request = json.loads(line)
        if request["warm"]:
            call()  # the caches hold another contestant's data
        calls, began = 0, time.perf_counter()
        while (spent := time.perf_counter() - began) < request["seconds"] or not calls:
            answer = call()
            calls += 1
        reply({"seconds": spent / calls, "answer": answer})


if __name__ == "__main__":
    sys.modules["harness"] = sys.modules["__main__"]  # Skip is the same class for all
    _work(sys.argv[1], json.loads(sys.argv[2]))
