"""Schedules and horizons against hand-computed values."""

import math

import pytest

from foveate.errors import InputError
from foveate.training.schedule import StepHorizon, TimeHorizon, learning_rate_factor
from foveate.training.settings import OptimiserSettings, ScheduleSettings, TrainingSettings


def test_linear_triangle():
    schedule = ScheduleSettings(warmup_fraction=0.2, start_fraction=0.2, decay="linear")
    points = {0.0: 0.2, 0.1: 0.6, 0.2: 1.0, 0.6: 0.5, 1.0: 0.0}
    for progress, factor in points.items():
        assert learning_rate_factor(progress, schedule) == pytest.approx(factor)


def test_cosine_reaches_the_final_fraction():
    schedule = ScheduleSettings(decay="cosine", final_fraction=0.1)
    assert learning_rate_factor(0, schedule) == 1
    assert learning_rate_factor(0.5, schedule) == pytest.approx(0.1 + 0.9 * 0.5)
    assert learning_rate_factor(0.25, schedule) == pytest.approx(0.1 + 0.9 * (1 + math.cos(math.pi / 4)) / 2)
    assert learning_rate_factor(1, schedule) == pytest.approx(0.1)


def test_constant_stays():
    assert {learning_rate_factor(p / 10, ScheduleSettings()) for p in range(11)} == {1.0}


def test_a_step_horizon_counts_steps_and_tells_the_time_left():
    now = [100.0]
    horizon = StepHorizon(10, clock=lambda: now[0])
    assert horizon.progress(0) == 0
    assert horizon.progress(5) == 0.5
    assert horizon.seconds_left(2) is None
    now[0] = 104.0
    assert horizon.seconds_left(4) == pytest.approx(12)  # two steps took 4 s; six are left


def test_a_time_horizon_follows_the_clock_and_continues_after_a_resume():
    now = [50.0]
    horizon = TimeHorizon(60.0, clock=lambda: now[0])
    assert horizon.progress(123) == 0
    now[0] = 55.0
    assert horizon.progress(0) == 0.5
    assert horizon.seconds_left(0) == 5
    now[0] = 70.0
    assert horizon.progress(0) == 1
    now[0] = 50.0
    resumed = TimeHorizon(60.0, spent_seconds=10.0, clock=lambda: now[0])
    assert resumed.progress(0) == 0.5


def test_a_time_horizon_that_is_over_at_its_start_is_at_its_end():
    assert TimeHorizon(40.0, clock=lambda: 50.0).progress(0) == 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ScheduleSettings(warmup_fraction=1), "warm-up is a fraction"),
        (lambda: ScheduleSettings(decay="steps"), "constant, linear or cosine, not 'steps'"),
        (lambda: OptimiserSettings("adamax"), "adam, adamw or sgd, not 'adamax'"),
        (lambda: OptimiserSettings(learning_rate=0), "learning rate is positive"),
        (lambda: TrainingSettings(label_smoothing=1), "Label smoothing"),
        (lambda: TrainingSettings(non_finite="ignore"), "retry or stop"),
    ],
)
def test_wrong_settings_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()
