"""A selection metric in one file outside the package: `worst_recall.py` beside this one."""

import csv
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import recall_score

import foveate
import own_layer
from foveate.errors import InputError
from foveate.tasks.classification.targets import ClassTargets

FILE = Path(__file__).with_name("worst_recall.py")


@pytest.fixture(scope="module")
def worst_recall():
    with own_layer.loaded(FILE) as module:
        yield module


def test_without_the_file_it_is_no_column(tmp_path):
    own_layer.draw(tmp_path / "pictures")
    settings = {"model": "tinyvgg", "image_size": 16, "epochs": 1, "select": "val_worst_recall"}
    with pytest.raises(InputError, match=r"Select by .*not 'val_worst_recall'"):
        foveate.train(tmp_path / "pictures", out=tmp_path / "m", **settings)


def test_the_file_is_short():
    assert len(FILE.read_text().splitlines()) <= 40


def test_it_is_what_scikit_learn_says(worst_recall):
    rng = np.random.default_rng(0)
    outputs, labels = rng.normal(size=(60, 3)), rng.integers(0, 3, 60)
    expected = recall_score(labels, outputs.argmax(axis=1), average=None).min()
    assert worst_recall.worst_recall(outputs, ClassTargets(labels)) == pytest.approx(expected)


def test_it_stands_in_the_history_and_training_selects_by_it(worst_recall, tmp_path):
    made = own_layer.trained(tmp_path, model="tinyvgg", image_size=16, epochs=4, select="val_worst_recall")
    rows = list(csv.DictReader((made.folder / "history.csv").read_text().splitlines()))
    best = max(float(row["val_worst_recall"]) for row in rows)
    first = next(row for row in rows if float(row["val_worst_recall"]) == best)
    settings = (made.folder / "report.html").read_text()
    assert f"epoch {first['epoch']}" in settings and "worst recall" in settings.lower()
    assert own_layer.predicted_without_torch(made)["label"] in {"bright", "dark"}
