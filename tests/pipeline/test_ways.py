"""Every setting on every way of training: it has its effect, or is refused with the reason."""

import dataclasses

import pytest
import safetensors.torch
import torch
from torch import nn

from foveate import TrainRequest, train
from foveate.errors import CheckpointError, InputError, InterruptedRunError
from foveate.models.hub import HubWeights
from foveate.models.registry import create_model
from foveate.pipeline.listen import Note, PhaseStarted
from foveate.training.events import EpochDone, StepDone, StoppedEarly

from .conftest import bands

STEP_BY_STEP = {"batch_size", "accumulate", "lr", "label_smoothing", "select", "patience", "tensorboard"}
VALUES = {
    "task": "classification", "ignore": ("void",), "model": "lesson_cnn", "recipe": "article",
    "budget": "60s", "epochs": 2, "image_size": 40, "fit": "pad",
    "val_fraction": 0.1, "test_fraction": 0.1, "batch_size": 8, "accumulate": 2, "lr": 1e-3,
    "weights": "none", "download": True, "augment": "none", "class_weights": "balanced",
    "label_smoothing": 0.2, "select": "val_loss", "unsure_precision": 0.9, "patience": 3,
    "max_unreadable": 0.1, "seed": 1, "device": "cpu", "tensorboard": True, "keep_checkpoint": True,
    "threads": 1, "refine": "mrf", "unlabelled": "background", "min_count": 2, "capitals": "keep",
    "stream": "never",
}  # fmt: skip
ELSEWHERE = {"budget", "epochs", "recipe"}  # what may lead to another way; the first two exclude each other
# Way -> its own settings, and what it has no use for.
WAYS = {
    "from chance": ({"model": "tinyvgg"}, {"download"}),
    "from chance, network by the pictures": ({"epochs": 1}, {"download", "budget"}),
    "weights by a recipe": ({"model": "tinyvgg", "recipe": "standard", "weights": "{tinyvgg}"}, {"download"}),
    "own module": ({"module": True}, {"model", "weights", "download"}),
    "frozen": ({"model": "tiny", "weights": "{tiny}"}, {"download"} | STEP_BY_STEP),
    "fine-tuned": ({"model": "tiny", "weights": "{tiny}", "epochs": 1}, {"download", "budget"}),
    "fine-tuned in time": ({"model": "tiny", "weights": "{tiny}", "budget": "60s"}, {"download", "epochs"}),
    "of a hub": ({"model": "resnet18", "weights": "hf:some/one"}, {"recipe"} | STEP_BY_STEP),
}  # fmt: skip


class ReachedError(Exception):
    """Training is about to begin: nothing was refused."""


def stop_at_training(event):
    if isinstance(event, PhaseStarted) and event.name in {"plan", "features"}:
        raise ReachedError


@pytest.fixture
def places(tiny, tmp_path, monkeypatch):
    """Where the weights are that the ways start from."""
    torch.manual_seed(0)
    safetensors.torch.save_file(create_model("tinyvgg").state_dict(), tmp_path / "tinyvgg.safetensors")

    def hub_weights(name, **unused):
        return HubWeights(name, tmp_path / "resnet18.safetensors", "0f" * 20, "resnet18", None)

    safetensors.torch.save_file(create_model("resnet18").state_dict(), tmp_path / "resnet18.safetensors")
    monkeypatch.setattr("foveate.resolve.hub_weights", hub_weights)
    return {"tiny": tiny, "tinyvgg": str(tmp_path / "tinyvgg.safetensors")}


@pytest.mark.parametrize("way", WAYS)
def test_each_setting_is_taken_or_refused_by_its_name(way, places, tmp_path):
    pytest.importorskip("tensorboard")
    own, refused = WAYS[way]
    refused = refused | {
        "ignore",
        "refine",
        "unlabelled",
        "min_count",
        "capitals",
    }  # for masks, boxes, sentences
    own = {key: value.format(**places) if isinstance(value, str) else value for key, value in own.items()}
    given = {"module": nn.Sequential(nn.Flatten(), nn.Linear(12, 2))} if own.pop("module", False) else {}
    pictures, out = bands(660 if "budget" in own else 20), tmp_path / "out"  # a budget fine-tunes many only
    assert set(VALUES) == {field.name for field in dataclasses.fields(TrainRequest)} - {"given"}
    for name in refused:
        with pytest.raises(InputError) as found:
            train(pictures, TrainRequest(**{**own, name: VALUES[name]}), out=out, overwrite=True, **given)
        assert name in str(found.value)
        assert not out.exists()
    for name in ELSEWHERE - own.keys() - refused:
        settings = {**own, name: VALUES[name]}
        with pytest.raises(ReachedError):
            train(
                pictures,
                TrainRequest(**settings),
                out=out,
                overwrite=True,
                listener=stop_at_training,
                **given,
            )
    taken = {name: value for name, value in VALUES.items() if name not in ELSEWHERE | refused}
    with pytest.raises(ReachedError):
        train(
            pictures,
            TrainRequest(**(taken | own)),
            out=out,
            overwrite=True,
            listener=stop_at_training,
            **given,
        )


@pytest.mark.parametrize("name", sorted(VALUES.keys() - {"threads"}))  # other threads may be taken
def test_resuming_takes_what_is_the_same_and_refuses_what_is_not(name):
    base = {"weights": "hf:some/one"} if name == "download" else {}
    stored = TrainRequest(**base, **{name: VALUES[name]}).to_dict()
    again = TrainRequest(**base, **{name: VALUES[name]}).resumed_from(stored)
    assert getattr(again, name) == VALUES[name]
    with pytest.raises(CheckpointError, match=rf"\b{name}\b"):
        TrainRequest(**base, **{name: VALUES[name]}).resumed_from(TrainRequest().to_dict())


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            {"lr": 0.1, "patience": 2},
            "lr and patience have no effect here: nothing is trained step by step",
        ),
        ({"device": "cuda"}, "no such device|computed by ONNX Runtime on the processor"),
        ({"epochs": 1, "recipe": "standard", "weights": "imagenet"}, "no recipe is to be chosen"),
        (
            {"refine": "mrf"},
            "refine has no effect here: a field makes neighbouring pixels agree, and here a picture has one "
            r"answer. Leave it out.$",
        ),
    ],
)
def test_the_reason_is_told(settings, words, tiny, tmp_path):
    base = {"model": "tiny", "weights": tiny, "image_size": 32} | settings
    with pytest.raises(InputError, match=words):
        train(bands(20), TrainRequest(**base), out=tmp_path / "out", listener=stop_at_training)


def test_settings_that_need_validation_pictures_are_refused_without(tmp_path):
    for more in ({"patience": 2}, {"select": "val_loss"}, {"unsure_precision": 0.9}):
        request = TrainRequest(model="tinyvgg", val_fraction=0, **more)
        with pytest.raises(InputError, match="no effect here: it takes validation pictures"):
            train(bands(20), request, out=tmp_path / "out", listener=stop_at_training)
    with pytest.raises(ReachedError):
        last = TrainRequest(model="tinyvgg", val_fraction=0, select="last")
        train(bands(20), last, out=tmp_path / "out", listener=stop_at_training)


def test_changed_data_is_for_resumed_runs(tmp_path):
    with pytest.raises(InputError, match="allow_changed_data=True has no effect without resume=True"):
        train(bands(20), out=tmp_path / "out", allow_changed_data=True)


@pytest.mark.parametrize(
    ("count", "settings", "words"),
    [
        (
            60,
            {"budget": "60s", "lr": 1e-3},
            "lr has no effect here, for nothing is fine-tuned: 12 held-out",
        ),
        (4, {"epochs": 3}, "epochs has no effect here, for nothing is fine-tuned: it takes at least two"),
    ],
)
def test_too_few_pictures_to_fine_tune_are_said_before_the_work(count, settings, words, tiny, tmp_path):
    request = TrainRequest(model="tiny", weights=tiny, image_size=32, test_fraction=0, **settings)
    with pytest.raises(InputError, match=words):
        train(bands(count), request, out=tmp_path / "out", listener=stop_at_training)


class Mine(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 4, 3, stride=4), nn.Linear(4, 2)

    def forward(self, x):
        return self.fc(self.conv(x).mean(dim=(2, 3)))


class Other(Mine):
    pass


def test_a_run_of_a_module_goes_on_with_that_module_alone(tmp_path):
    seen = []

    def should_stop():
        return any(isinstance(event, StepDone) for event in seen)

    request, out = TrainRequest(epochs=2, recipe="article"), tmp_path / "out"
    with pytest.raises(InterruptedRunError):
        train(
            bands(20),
            request,
            out=out,
            module=Mine(),
            listener=seen.append,
            should_stop=should_stop,
        )
    with pytest.raises(CheckpointError, match="trained a module of your own, Mine; give it as `module`"):
        train(bands(20), out=out, resume=True)
    with pytest.raises(CheckpointError, match="trained Mine, not Other"):
        train(bands(20), out=out, resume=True, module=Other())
    assert train(bands(20), out=out, resume=True, module=Mine()).evaluation.samples == 2


# What has an effect, has it


class Live:
    """A listener that looks into the run's folder at each epoch's end."""

    def __init__(self, out):
        self.out, self.epochs, self.steps, self.others = out, [], [], []

    def __call__(self, event):
        if isinstance(event, EpochDone):
            self.epochs.append(event)
            rows = (self.out / "checkpoint" / "history.csv").read_text().splitlines()[1:]
            assert [int(row.split(",")[1]) for row in rows] == [one.row["step"] for one in self.epochs]
        elif isinstance(event, StepDone):
            self.steps.append(event)
        else:
            self.others.append(event)


def fine_tuned(tiny, out, **settings):
    live = Live(out)
    request = TrainRequest(model="tiny", weights=tiny, image_size=32, **settings)
    return live, train(bands(40), request, out=out, listener=live).folder


def test_fine_tuning_is_told_as_one_run_while_it_goes_on(tiny, tmp_path):
    live, folder = fine_tuned(tiny, tmp_path / "out", epochs=5, batch_size=8)
    steps = [one.step for one in live.steps]
    assert steps == list(range(1, len(steps) + 1))
    progress = [one.progress for one in live.steps]
    assert progress == sorted(progress)
    assert progress[-1] > 0.9
    assert [one.row["epoch"] for one in live.epochs] == [1, 2, 3, 4, 5]
    assert (folder / "history.csv").read_text().splitlines()[0].startswith("epoch,step")


def test_patience_and_select_hold_in_fine_tuning(tiny, tmp_path):
    # A rate of nothing changes no answer: no epoch is better than the first, where the second rung begins.
    live, _ = fine_tuned(tiny, tmp_path / "out", epochs=20, patience=1, lr=1e-8, select="val_accuracy")
    assert [one.row["epoch"] for one in live.epochs] == [1, 2, 3]
    assert sum(isinstance(one, StoppedEarly) for one in live.others) == 2
    live, _ = fine_tuned(tiny, tmp_path / "last", epochs=4, lr=1e-8, select="last")
    assert all(one.is_best for one in live.epochs)


def test_tensorboard_follows_fine_tuning(tiny, tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    live, folder = fine_tuned(tiny, tmp_path / "out", epochs=2, tensorboard=True)
    events = EventAccumulator(str(folder / "tensorboard")).Reload()
    assert [one.step for one in events.Scalars("val/loss")] == [one.row["step"] for one in live.epochs]


def test_a_budget_too_short_to_fine_tune_says_what_had_no_effect(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr("foveate.pipeline.fine_tuning.learning_seconds", lambda pictures, macs: 1e6)
    notes = []
    request = TrainRequest(model="tiny", weights=tiny, image_size=32, budget="60s", lr=1e-3, select="last")
    train(bands(520, val=10), request, out=tmp_path / "out", listener=notes.append)
    (said,) = [one.text for one in notes if isinstance(one, Note) and "Not fine-tuned" in one.text]
    assert "give a longer budget (so lr and select have no effect here)" in said
