"""Trainings as the design page follows them; how one is trained is the pipeline's, and stood in for here."""

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from foveate.dataset.sources import known
from foveate.errors import DatasetError, InterruptedRunError
from foveate.inspector.data_choices import choices
from foveate.inspector.trainings import DataChoice, Training

YAML = """name: tiny
input: [1, 8, 8]
classes: 3
layers:
  - conv: {filters: 2, kernel: 3}
  - relu
  - flatten
  - dense: classes
"""
JOB = {"yaml": YAML, "data": "dots", "epochs": 1}


def dots():
    return [DataChoice("dots", "Dots", 40, 3, (1, 8, 8), given=True)]


class Trainer:
    """Reports two steps and an epoch, and waits where it is told to."""

    def __init__(self, end=None):
        self.jobs, self.end, self.gate = [], end, threading.Event()

    def __call__(self, job, watcher, should_stop):
        self.jobs.append(job)
        watcher.phase("read")
        watcher.note("Two pictures are the same.")
        watcher.progress(0.5)
        watcher.phase("train")
        watcher.row({"step": 1, "epoch": 0, "train_loss": 2.5, "train_accuracy": 0.3}, epoch_end=False)
        watcher.row({"step": 2, "epoch": 0, "train_loss": 2.4, "train_accuracy": 0.4}, epoch_end=False)
        while not self.gate.is_set():
            if should_stop():
                raise InterruptedRunError("Stopped.")
            time.sleep(0.005)
        row = {"step": 3, "epoch": 1, "train_loss": 2.0, "train_accuracy": 0.5, "lr": 0.1}
        watcher.row(row | {"val_loss": float("nan"), "val_accuracy": 0.6}, epoch_end=True)
        if self.end is not None:
            raise self.end
        return job.folder


PIXELS = """name: pixels
input: [1, 8, 8]
classes: 3
layers:
  - conv: {filters: 2, kernel: 3, padding: 1}
  - relu
  - conv: {filters: classes, kernel: 1}
"""


def test_a_network_is_trained_on_data_with_answers_of_its_kind(make, wait_for):
    masks = DataChoice("masks", "Masks", 40, 3, (1, 8, 8), whole_picture=False)
    trainer = Trainer()
    trainer.gate.set()
    client = make(train=trainer, choices=lambda: [*dots(), masks], trained=lambda folder, name: "net")
    refused = client.post("/api/trainings", JOB | {"yaml": PIXELS}, 422)["error"]
    assert refused.startswith(
        "This network scores each pixel, and Dots has one answer a picture; train it on"
    )
    refused = client.post("/api/trainings", JOB | {"data": "masks"}, 422)["error"]
    assert refused.startswith("This network answers about the whole picture, and Masks has a class for each")
    started = client.post("/api/trainings", JOB | {"yaml": PIXELS, "data": "masks"})
    assert follow(client, started["training"], wait_for)["state"] == "done"


def follow(client, name, wait_for):
    wait_for(lambda: client.get(f"/api/trainings/{name}")["state"] not in ("reading", "training"))
    return client.get(f"/api/trainings/{name}")


@pytest.fixture
def begin(make):
    def start(end=None, **options):
        trainer = Trainer(end)
        options["trained"] = lambda folder, name: f"{name} at {folder.name}"
        return make(train=trainer, choices=dots, **options), trainer

    return start


def test_a_training_is_told_row_by_row_until_its_network_can_be_looked_into(begin, wait_for):
    client, trainer = begin()
    found = client.get("/api/trainings")
    (told,) = found["data"]
    assert (told["name"], told["title"], told["pictures"], told["classes"]) == ("dots", "Dots", 40, 3)
    assert (told["input"], told["given"]) == ([1, 8, 8], True)
    assert found["running"] is None
    name = client.post("/api/trainings", JOB)["training"]
    wait_for(lambda: client.get(f"/api/trainings/{name}")["rows"])
    found = client.get(f"/api/trainings/{name}")
    assert (found["state"], found["message"], found["net"]) == ("training", "Training.", None)
    assert found["notes"] == ["Two pictures are the same."]
    (row,) = found["rows"]  # the second came too soon after the first
    assert (row["step"], row["train_loss"], row["val_loss"], row["epoch_end"]) == (1, 2.5, None, False)
    assert client.get("/api/trainings")["running"] == name
    trainer.gate.set()
    found = follow(client, name, wait_for)
    assert (found["state"], found["net"], found["folder"]) == ("done", "tiny at trained-1", None)
    assert [row["step"] for row in found["rows"]] == [1, 3]
    last = client.get(f"/api/trainings/{name}?after=1")
    assert [(row["val_loss"], row["val_accuracy"], row["epoch_end"]) for row in last["rows"]] == [
        (None, 0.6, True)  # what is no number is null
    ]
    assert last["next"] == 2
    assert client.get("/api/trainings")["running"] is None
    job = trainer.jobs[0]
    assert (job.yaml, job.data, job.epochs, job.seconds) == (YAML, "dots", 1, None)


def test_one_at_a_time_and_stopped_when_asked(begin, wait_for):
    client, _ = begin()
    name = client.post("/api/trainings", JOB)["training"]
    assert "in training" in client.post("/api/trainings", JOB, status=409)["error"]
    assert client.ask("DELETE", f"/api/trainings/{name}").status == 200
    found = follow(client, name, wait_for)
    assert (found["state"], found["net"]) == ("stopped", None)
    client.post("/api/trainings", JOB)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (DatasetError("The pictures are gone."), "The pictures are gone."),
        (KeyError("x"), "KeyError; the ser"),
    ],
)
def test_a_training_that_fails_says_why(begin, wait_for, error, message):
    client, trainer = begin(error)
    trainer.gate.set()
    found = follow(client, client.post("/api/trainings", JOB)["training"], wait_for)
    assert found["state"] == "failed"
    assert message in found["message"]


def test_kept_networks_get_folders_of_their_own(begin, wait_for, tmp_path):
    client, trainer = begin(kept=True)
    (tmp_path / "trained" / "trained-1").mkdir(parents=True)
    trainer.gate.set()
    found = follow(client, client.post("/api/trainings", JOB)["training"], wait_for)
    assert found["folder"] == str(tmp_path / "trained" / "trained-2")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": "elsewhere"}, "expected one of dots"),
        ({"epochs": None}, "either `seconds` or `epochs`"),
        ({"seconds": 5}, "either `seconds` or `epochs`"),
        ({"epochs": 0}, "epochs: expected"),
        ({"epochs": None, "seconds": 9.5}, "seconds: expected 10 to 86,400"),
        ({"yaml": YAML.replace("relu", "rely")}, "Layer 2"),
        ({"yaml": 3}, "yaml: expected a text"),
    ],
)
def test_wrong_wishes_are_refused_before_anything_begins(begin, change, message):
    client, trainer = begin()
    wish = {key: value for key, value in {**JOB, **change}.items() if value is not None}
    assert message in client.post("/api/trainings", wish, status=422)["error"]
    assert trainer.jobs == []


def test_what_is_on_this_machine_may_be_trained_on(monkeypatch):
    monkeypatch.setattr(known, "cache_folder", lambda: Path("/nowhere"))
    others = [replace(one, sources=replace(one.sources, folders=())) for one in known.KNOWN]
    monkeypatch.setattr("foveate.inspector.data_choices.KNOWN", others)
    (mini,) = choices(None)  # it is part of the package
    assert mini.name == "fashion-mnist-mini"
    assert (mini.pictures, mini.classes, mini.input, mini.given) == (7000, 10, (1, 28, 28), False)
    assert choices("fashion-mnist-mini")[0].given


def test_a_long_training_is_told_in_some_thousand_rows(monkeypatch):
    training, clock = Training("t1", None), [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    training.phase("train")
    for step in range(86_400):  # one a second, for a day
        clock[0] = float(step)
        training.row({"step": step}, epoch_end=step % 8640 == 0)
    assert 2000 < len(training.rows) < 20_000
    assert sum(row["epoch_end"] for row in training.rows) == 10
