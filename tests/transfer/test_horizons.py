"""How a budget for fine-tuning is shared out; test_ways.py has whether it is spent on it."""

import time

import pytest

from foveate.transfer.finetune import LADDER, horizons


def test_each_rung_leaves_time_for_the_evaluation_that_follows_it():
    begin = horizons(epochs=1000, batches=1000, deadline=time.monotonic() + 100.0)
    first, last = (begin(rung, 10.0).seconds_left(1) for rung in LADDER)
    assert first == pytest.approx(90.0 * LADDER[0].time_share, abs=1.0)
    assert last == pytest.approx(90.0, abs=1.0)  # whatever the first one left, all of it


def test_epochs_end_a_rung_sooner_than_the_clock():
    begin = horizons(epochs=10, batches=20, deadline=time.monotonic() + 1000.0)
    horizon = begin(LADDER[0], 0.0)
    assert horizon.progress(40) == pytest.approx(40 / (10 * 20 * LADDER[0].time_share))


def test_without_a_budget_epochs_alone_count():
    horizon = horizons(epochs=10, batches=20, deadline=None)(LADDER[1], 5.0)
    assert horizon.progress(120) == pytest.approx(120 / (10 * 20 * LADDER[1].time_share))
