"""What may be asked of a run, and what a resumed run may ask anew."""

import copy
import dataclasses
import json
import time

import pytest

from foveate.cli.train import command
from foveate.errors import CheckpointError, InputError
from foveate.pipeline.request import Phases, TrainRequest, parse_budget, process_start_seconds


@pytest.mark.parametrize(("text", "seconds"), [("60s", 60), ("5m", 300), ("1.5h", 5400), (" 20 S ", 20)])
def test_budgets(text, seconds):
    assert parse_budget(text) == seconds


@pytest.mark.parametrize("text", ["60", "s", "-5m", "5 minutes", "", "1e3s", "5d"])
def test_wrong_budgets_name_the_form(text):
    with pytest.raises(InputError, match="a number with s, m or h, such as 60s, 5m or 2h; found"):
        parse_budget(text)


def test_a_budget_too_short_to_export_in_is_refused():
    with pytest.raises(InputError, match="shortest budget is 10s"):
        parse_budget("3s")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, "epochs lies between 1 and 100000, not 0"),
        ({"budget": "60s", "epochs": 3}, "either budget .* or epochs"),
        ({"val_fraction": 0.5, "test_fraction": 0.4}, "less than a fifth"),
        ({"image_size": 4}, "image_size lies between 8 and 1024"),
        ({"batch_size": 0}, "batch_size lies between"),
        ({"lr": 0.0}, "lr lies between"),
        ({"seed": -1}, "seed lies between"),
        ({"fit": "squeeze"}, "fit is one of crop, pad, stretch, not 'squeeze'"),
    ],
)
def test_wrong_settings_are_refused_by_their_flag(settings, message):
    with pytest.raises(InputError, match=message):
        TrainRequest(**settings)


def test_resuming_takes_the_stored_request_and_refuses_contradictions():
    stored = TrainRequest(epochs=5, seed=3, model="lenet5").to_dict()
    assert TrainRequest().resumed_from(stored) == TrainRequest(epochs=5, seed=3, model="lenet5")
    assert TrainRequest(epochs=5).resumed_from(stored).seed == 3
    with pytest.raises(CheckpointError, match=r"had seed=3 \(now 4\); leave these out"):
        TrainRequest(seed=4).resumed_from(stored)
    with pytest.raises(CheckpointError, match="another version"):
        TrainRequest().resumed_from({"epochs": 5})


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"seed": 0}, r"had seed=3 \(now 0\); leave"),
        ({"model": "auto"}, r"had model='lenet5' \(now auto\); leave"),
        ({"keep_checkpoint": False}, "had keep_checkpoint=True; leave"),
        ({"tensorboard": True}, "had no tensorboard; leave"),
        ({"lr": 0.1, "fit": "crop"}, r"had no fit \(now crop\), no lr \(now 0.1\); leave"),
    ],
)
def test_resuming_refuses_a_contradiction_that_is_the_default(settings, words):
    stored = TrainRequest(epochs=5, seed=3, model="lenet5", keep_checkpoint=True).to_dict()
    with pytest.raises(CheckpointError, match=words):
        TrainRequest(**settings).resumed_from(stored)


def test_what_is_set_is_told_from_what_is_left_alone():
    request = TrainRequest(seed=0, lr=None, model="auto", epochs=2)
    assert request.given == {"seed", "model", "epochs"}
    assert request == TrainRequest(epochs=2)  # they ask for the same
    assert TrainRequest().given == frozenset()
    for same in (copy.deepcopy(request), copy.copy(request)):
        assert same.given == request.given
    assert dataclasses.replace(request, lr=0.1).given == {"seed", "model", "epochs", "lr"}
    assert TrainRequest().resumed_from(json.loads(json.dumps(request.to_dict()))).given == request.given


def test_the_command_line_and_the_request_have_the_same_settings_and_defaults():
    said = command.make_context("train", ["photos"]).params
    flags = {one.name: one.opts for one in command.params}
    for field in dataclasses.fields(TrainRequest):
        if field.name != "given":
            assert said[field.name] == field.default, field.name
            assert f"--{field.name.replace('_', '-')}" in flags[field.name]


def test_the_command_line_hands_on_what_was_said_alone(monkeypatch, tmp_path):
    asked = []

    def train(given, request, out, **more):
        asked.append(request)
        raise InputError("enough")

    monkeypatch.setattr("foveate.pipeline.run.train", train)
    arguments = ["photos", "--seed", "0", "--fit", "crop", "--out", str(tmp_path / "out")]
    with pytest.raises(InputError, match="enough"):
        command.main(arguments, standalone_mode=False)
    assert asked[0].given == {"seed", "fit"}


def test_the_process_began_before_now_and_after_the_machine():
    start = process_start_seconds()
    assert 0 <= start <= time.monotonic()
    assert time.monotonic() - start < 3600


def test_phases_book_all_the_time_there_is():
    phases = Phases(time.monotonic() - 1.0)
    phases.enter("read")
    phases.enter("train")
    assert phases.seconds["start-up"] >= 1.0
    assert set(phases.so_far()) == {"start-up", "read", "train"}
    assert sum(phases.so_far().values()) == pytest.approx(phases.elapsed(), abs=0.05)
