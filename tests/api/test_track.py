"""What trackers are told of a run; `tools/tracker_checks.py` asks the real ones afterwards what they kept."""

import csv
import sys
from pathlib import Path

import numpy as np
import pytest

import foveate
from foveate.errors import InputError, UnknownNameError
from foveate.pipeline.listen import Note
from foveate.tracking import TRACKERS
from foveate.tracking.mlflow import _load_pyfunc

SETTINGS = {"model": "net.yaml", "epochs": 2, "batch_size": 8}


class Told:
    """A tracker that keeps what it is told; "refuses" and "fails" are how it may behave."""

    kept = None
    refuses = fails = False

    def __init__(self, run):
        if Told.refuses:
            raise ConnectionError("nobody\nthere")
        Told.kept = self
        self.run, self.epochs, self.end, self.failed = run, [], None, None

    def epoch(self, step, values):
        if Told.fails:
            raise ConnectionError("it went away")
        self.epochs.append((step, values))

    def finish(self, values, folder):
        self.end = values, folder

    def close(self, *, failed):
        self.failed = failed


@pytest.fixture
def tracker(desk, monkeypatch):
    monkeypatch.setitem(sys.modules, "own_tracker", sys.modules[__name__])
    monkeypatch.setitem(TRACKERS, "own", "own_tracker:Told")
    monkeypatch.setattr(Told, "kept", None)


def test_a_tracker_is_told_the_settings_the_epochs_and_what_came_out(tracker):
    done = foveate.train("shapes", out="runs/told", track=["own"], **SETTINGS)
    told = Told.kept
    assert told.run.name == "told" and told.run.settings["epochs"] == 2 and told.failed is False
    with Path("runs/told/history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [step for step, _ in told.epochs] == [int(row["step"]) for row in rows]
    assert [told["val_accuracy"] for _, told in told.epochs] == [float(row["val_accuracy"]) for row in rows]
    values, folder = told.end
    assert values["test_accuracy"] == done.evaluation.headline.value and folder == done.folder


def test_one_that_fails_costs_no_run_and_one_that_cannot_begin_is_told_at_once(tracker, monkeypatch):
    monkeypatch.setattr(Told, "fails", True)
    said = []
    foveate.train("shapes", out="runs/told", track=["own"], listener=said.append, **SETTINGS)
    assert [event.text for event in said if isinstance(event, Note) and "own" in event.text] == [
        "own is told no more of this run: it went away."
    ]
    monkeypatch.setattr(Told, "refuses", True)
    with pytest.raises(InputError, match=r"track='own': it did not begin: nobody\. Mend that"):
        foveate.train("shapes", out="runs/not", track=["own"], **SETTINGS)
    with pytest.raises(UnknownNameError, match="did you mean mlflow"):
        foveate.train("shapes", out="runs/not", track=["mlflo"], **SETTINGS)
    assert not Path("runs/not").exists()


class Refuses:
    """A tracker that cannot begin."""

    def __init__(self, run):
        raise ConnectionError("nobody there")


@pytest.mark.parametrize("other", ["refuses", "mlflo"])
def test_where_one_cannot_begin_those_that_have_are_closed(tracker, monkeypatch, other):
    monkeypatch.setitem(TRACKERS, "refuses", "own_tracker:Refuses")
    with pytest.raises(InputError):
        foveate.train("shapes", out="runs/not", track=["own", other], **SETTINGS)
    assert Told.kept.failed is True and Told.kept.epochs == []


def test_one_tracker_can_be_named_alone(tracker):
    foveate.train("shapes", out="runs/told", track="own", **SETTINGS)
    assert Told.kept.failed is False


def test_a_run_that_fails_is_told_so(tracker):
    with pytest.raises(InputError):
        foveate.train("shapes", out="runs/not", track=["own"], **{**SETTINGS, "model": "none.yaml"})
    assert Told.kept.failed is True and Told.kept.end is None


def test_what_mlflow_loads_answers_as_the_model_does(desk):
    model = foveate.load("runs/shapes")
    pixels = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    found = _load_pyfunc("runs/shapes").predict({"images": pixels})
    assert found["label"].tolist() == model.predict(pixels).tolist()
