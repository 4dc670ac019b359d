"""What a budget keeps back for the steps after training, by hand and with speeds that are made up."""

import dataclasses
import time

import pytest
import torch

from foveate import TrainRequest, train
from foveate.batches.loader import Normaliser, Pixels, TrainingBatches
from foveate.errors import InterruptedRunError
from foveate.pipeline.listen import Note
from foveate.pipeline.plan import horizon_of, make_plan, reserve_for
from foveate.tasks.classification.metrics import ACCURACY
from foveate.training.events import EpochDone, StepDone
from foveate.training.schedule import StepHorizon
from foveate.training.speed import Speed, measure_speed

from .conftest import bands, prepared_bands

GPU = Speed(step_seconds=1e-3, forward_seconds_per_image=1e-5, processor_seconds_per_image=0.05)


@pytest.mark.parametrize(
    ("val", "test", "device", "processor", "seconds"),
    [
        # export and report, explaining, evaluating on the device, measuring on the processor
        (0, 50, 1e-9, 0.01, 1.5 + 1.6 + 0 + 0.5),
        (100, 50, 1e-3, 0.1, 1.5 + 2.0 + 0.1 + 15.0),
        (100, 0, 0.1, 0.1, 1.5 + 2.0 + 10.0 + 10.0),
        (0, 0, 1e-9, 0.01, 1.5 + 1.6 + 2.0),  # then the 200 training pictures are measured
    ],
)
def test_each_pass_is_reckoned_where_it_runs(val, test, device, processor, seconds):
    prepared = prepared_bands(200, val=val, test=test)
    reserve = reserve_for(prepared, make_plan(TrainRequest(model="tinyvgg"), prepared), 1000.0)
    assert reserve.seconds(device, processor) == pytest.approx(seconds)


def on_an_accelerator(prepared):
    """A plan whose pictures lie on a device that is not the processor, with speeds to match."""
    plan = make_plan(TrainRequest(model="tinyvgg"), prepared)
    split = prepared.splits["train"]
    pixels = Pixels(split.pixels, split.targets, "meta")
    batches = TrainingBatches(pixels, Normaliser(prepared.preprocessing), batch_size=8)
    return dataclasses.replace(plan, batches=batches, speed=GPU)


def test_a_fast_device_does_not_hurry_the_processor():
    prepared = prepared_bands(40, val=100, test=100)
    plan = on_an_accelerator(prepared)
    reserve = reserve_for(prepared, plan, 1000.0)
    horizon = reserve.horizon(spent=0.0)
    after = 1.5 + 2.0 + 200 * 0.05
    assert horizon.end_seconds == pytest.approx(1000.0 - after, abs=0.01)
    reserve.keep(horizon, EpochDone({}, ACCURACY, True, evaluation_seconds=3.0))
    assert horizon.end_seconds == pytest.approx(1000.0 - after - 3.0)


def test_on_the_processor_an_evaluation_tells_how_fast_measuring_is():
    prepared = prepared_bands(40, val=100, test=50)
    plan = dataclasses.replace(make_plan(TrainRequest(model="tinyvgg"), prepared), speed=GPU)
    reserve = reserve_for(prepared, plan, 1000.0)
    horizon = reserve.horizon(spent=0.0)
    reserve.keep(horizon, EpochDone({}, ACCURACY, True, evaluation_seconds=1.0))
    assert horizon.end_seconds == pytest.approx(1000.0 - 1.5 - 1.6 - 1.0 - 150 * 0.01)


def test_epochs_need_no_clock():
    prepared = prepared_bands(40, val=10)
    plan = make_plan(TrainRequest(model="tinyvgg", epochs=3, batch_size=8), prepared)
    reserve = reserve_for(prepared, plan, None)
    assert reserve is None
    assert horizon_of(plan, reserve, spent=0.0).progress(3 * 5) == 1


def test_a_run_ends_in_time_for_a_slow_processor(monkeypatch, tmp_path):
    monkeypatch.setattr("foveate.pipeline.plan.measure_speed", lambda *unused, **more: GPU)
    seen = []
    with pytest.raises(InterruptedRunError):
        train(
            bands(40, val=100, test=100),
            TrainRequest(model="tinyvgg", budget="60s"),
            out=tmp_path / "out",
            started=time.monotonic(),
            listener=lambda event: seen.append(event) if isinstance(event, StepDone) else None,
            should_stop=lambda: bool(seen),
        )
    assert 0 < seen[0].seconds_left <= 60 - 1.5 - 2.0 - 200 * 0.05


def test_a_budget_that_is_over_before_all_was_seen_once_is_told(monkeypatch, tmp_path):
    request = TrainRequest(model="tinyvgg", weights="none", budget="1m", batch_size=8)
    for steps, told in ((2, True), (12, False)):  # of 12 in an epoch
        monkeypatch.setattr("foveate.pipeline.run.horizon_of", lambda *_, n=steps: StepHorizon(n))
        notes = []
        train(bands(96, val=8, test=8), request, out=tmp_path / str(steps), listener=notes.append)
        said = " ".join(note.text for note in notes if isinstance(note, Note))
        assert ("had seen each picture once (2 of 12 steps): give a longer budget." in said) is told


def test_the_processor_is_timed_once_more_where_it_does_not_train():
    prepared = prepared_bands(40, val=10)
    plan = make_plan(TrainRequest(model="tinyvgg"), prepared)
    speed = measure_speed(plan.network.module, plan.learner, plan.batches, plan.settings, seconds=0.05)
    assert speed.processor_seconds_per_image == speed.forward_seconds_per_image  # it is the same device


# Which network a time is enough for


@pytest.mark.parametrize(
    ("epochs_of_the_smallest", "network"),
    [
        (14.0 * 2.7 * 1.01, "compact_l"),
        (14.0 * 2.7 * 0.99, "compact_m"),
        (8.0 * 1.8 * 1.01, "compact_m"),
        (8.0 * 1.8 * 0.99, "compact_s"),
        (0.2, "compact_s"),
    ],
)
def test_the_largest_network_that_gets_enough_epochs(epochs_of_the_smallest, network, monkeypatch):
    prepared = prepared_bands(64)
    batches = 64 / 8
    step = 100.0 / (epochs_of_the_smallest * batches)

    def speed(module, *unused, **more):
        size = sum(parameter.numel() for parameter in module.parameters())
        return Speed(step if size < 100_000 else 2 * step, 1e-3, 1e-3)

    monkeypatch.setattr("foveate.pipeline.plan.measure_speed", speed)
    plan = make_plan(TrainRequest(budget="100s", batch_size=8), prepared, train_seconds=100.0)
    assert plan.network.name == network
    epochs = epochs_of_the_smallest / (1 if network == "compact_s" else 2)
    assert plan.recipe.name == ("compact-long" if epochs >= 6 else "compact-short")
    assert plan.epochs is None


@pytest.mark.parametrize(("pictures", "network"), [(1_999, "compact_s"), (2_000, "compact_m")])
def test_without_a_budget_the_number_of_pictures_decides(pictures, network):
    torch.manual_seed(0)
    assert make_plan(TrainRequest(), prepared_bands(pictures, side=8)).network.name == network


def test_what_a_run_had_chosen_stays_chosen(monkeypatch):
    monkeypatch.setattr("foveate.pipeline.plan.measure_speed", lambda *unused, **more: Speed(1e9, 1.0, 1.0))
    plan = make_plan(
        TrainRequest(budget="60s"),
        prepared_bands(64),
        train_seconds=1.0,
        chosen=("compact_m", "compact-long"),
    )
    assert (plan.network.name, plan.recipe.name) == ("compact_m", "compact-long")
