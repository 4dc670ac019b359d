"""The learning rate as a function of progress, and what progress is: steps of a plan, or time of a budget.

Schedules here know nothing of steps or seconds. A run of N epochs and a run of 60 seconds follow the same
curve from 0 to 1; the horizon says where on it the run is.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from foveate.training.settings import ScheduleSettings


def learning_rate_factor(progress: float, schedule: ScheduleSettings) -> float:
    """The factor on the peak learning rate at ``progress`` in 0..1."""
    progress = min(max(progress, 0.0), 1.0)
    if progress < schedule.warmup_fraction:
        risen = progress / schedule.warmup_fraction
        return schedule.start_fraction + (1 - schedule.start_fraction) * risen
    rest = (progress - schedule.warmup_fraction) / (1 - schedule.warmup_fraction)
    if schedule.decay == "constant":
        return 1.0
    shape = 1 - rest if schedule.decay == "linear" else (1 + math.cos(math.pi * rest)) / 2
    return schedule.final_fraction + (1 - schedule.final_fraction) * shape


class Horizon(Protocol):
    """When the run ends. ``timed`` runs end at a moment of the clock, others after a number of steps."""

    timed: bool

    def progress(self, step: int) -> float:
        """How far the run is before its step number ``step``: 0 at the start, 1 at the end."""
        ...

    def seconds_left(self, step: int) -> float | None:
        """Time to the end of training, if it is known."""
        ...


@dataclass
class StepHorizon:
    """The run ends after a number of steps: deterministic."""

    total_steps: int
    clock: Callable[[], float] = time.monotonic
    timed: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._started: tuple[float, int] | None = None

    def progress(self, step: int) -> float:
        return step / self.total_steps

    def seconds_left(self, step: int) -> float | None:
        if self._started is None:
            self._started = (self.clock(), step)
            return None
        seconds, done = self.clock() - self._started[0], step - self._started[1]
        return seconds / done * (self.total_steps - step) if done else None


@dataclass
class TimeHorizon:
    """The run ends at a moment of the clock: training is spread over the seconds that are left.

    Args:
        end_seconds: the clock's reading at which the last step should be done.
        spent_seconds: training time of an interrupted run that this one goes on from.
    """

    end_seconds: float
    spent_seconds: float = 0.0
    clock: Callable[[], float] = time.monotonic
    timed: bool = field(default=True, init=False)

    def __post_init__(self) -> None:
        self._start = self.clock()

    def spent(self) -> float:
        """Training time so far, the interrupted run's included."""
        return self.spent_seconds + self.clock() - self._start

    def progress(self, step: int) -> float:
        total = self.spent_seconds + self.end_seconds - self._start
        return min(self.spent() / total, 1.0) if total > 0 else 1.0

    def seconds_left(self, step: int) -> float | None:
        return max(self.end_seconds - self.clock(), 0.0)


class SoonerHorizon:
    """The run ends after so many steps or at a moment of the clock, whichever comes sooner."""

    timed = True

    def __init__(self, steps: StepHorizon, clock: TimeHorizon) -> None:
        self.steps, self.clock = steps, clock

    def progress(self, step: int) -> float:
        return max(self.steps.progress(step), self.clock.progress(step))

    def seconds_left(self, step: int) -> float | None:
        by_steps, by_clock = self.steps.seconds_left(step), self.clock.seconds_left(step)
        return by_clock if by_steps is None or by_clock is None else min(by_steps, by_clock)
