"""Several labels a picture on the ways that start from learnt weights: frozen features, and fine-tuning."""

import json

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from foveate import TrainRequest, train
from foveate.dataset.samples import ArrayImages, DataSet, Split
from foveate.errors import DatasetError
from foveate.modelfolder.read import load
from foveate.tasks.multilabel.targets import LabelTargets
from foveate.tasks.multilabel.task import Multilabel


def crossed(count, seed, side=32):
    """Noisy pictures with lying bands, standing bands, both or neither, and their labels."""
    rng = np.random.default_rng(seed)
    present = rng.integers(0, 2, (count, 2))
    pixels = rng.integers(0, 110, (count, side, side, 3))
    bright = np.flatnonzero(np.arange(side) // 4 % 2 == 0)
    pixels[np.ix_(present[:, 0] == 1, bright)] += 70
    pixels[np.ix_(present[:, 1] == 1, range(side), bright)] += 70
    return ArrayImages(pixels.astype(np.uint8)), LabelTargets(present)


@pytest.fixture(scope="module")
def data():
    splits = {name: Split(*crossed(count, count)) for name, count in (("train", 150), ("test", 80))}
    return DataSet("crossed", Multilabel(("lying", "standing")), splits)


def trained(data, tiny, out, **settings):
    folder = train(data, TrainRequest(model="tiny", weights=tiny, image_size=32, **settings), out=out).folder
    return folder, json.loads((folder / "config.json").read_text())


def test_a_head_on_frozen_features_is_chosen_and_calibrated_on_held_out_pictures(data, tiny, tmp_path):
    folder, config = trained(data, tiny, tmp_path / "frozen")
    assert config["recipe"]["name"] == "frozen-features"
    assert config["metrics"]["held_out"]["samples"] == 150
    found = load(folder).predict_proba(np.stack([data.splits["test"].images.read(i) for i in range(80)]))
    theirs = average_precision_score(data.splits["test"].targets.present, found)
    assert config["metrics"]["test"]["mean_average_precision"] == pytest.approx(theirs)
    assert theirs > 0.9  # by chance it would be one half
    assert config["metrics"]["held_out"]["mean_average_precision"] == pytest.approx(theirs, abs=0.1)
    assert all(0.1 < threshold < 0.9 for threshold in config["task"]["thresholds"])


def test_rare_labels_may_count_more(data, tiny, tmp_path):
    """Where a label is on one picture in ten, `balanced` makes it likelier."""
    present = data.splits["train"].targets.present.copy()
    present[np.flatnonzero(present[:, 0])[15:], 0] = 0
    split = Split(data.splits["train"].images, LabelTargets(present))
    rare = DataSet("rare", data.task, {"train": split, "test": data.splits["test"]})
    pixels = np.stack([split.images.read(i) for i in range(len(split))])
    means = [
        load(trained(rare, tiny, tmp_path / weights, class_weights=weights)[0])
        .predict_proba(pixels)[:, 0]
        .mean()
        for weights in ("none", "balanced")
    ]
    assert means[0] == pytest.approx(0.1, abs=0.05)
    assert means[1] > 2 * means[0]


def test_fine_tuning_is_judged_on_a_held_out_fifth(data, tiny, tmp_path):
    folder, config = trained(data, tiny, tmp_path / "tuned", epochs=2)
    assert config["metrics"]["held_out"]["mean_average_precision"] > 0.8
    card = (folder / "report.html").read_text()
    assert "fine-tuned: held-out loss" in card
    again, _ = trained(data, tiny, tmp_path / "again", epochs=2)
    assert (folder / "model.safetensors").read_bytes() == (again / "model.safetensors").read_bytes()


@pytest.mark.parametrize("name", ["val", "test"])
def test_pictures_on_which_nothing_could_be_measured_are_refused_before_training(data, tmp_path, name):
    images, targets = crossed(20, 0)
    empty = Split(images, LabelTargets(np.zeros_like(targets.present)))
    without = DataSet("without", data.task, {**data.splits, name: empty})
    told = rf"no picture in {name} has one of the labels \('lying', 'standing'\), so nothing"
    with pytest.raises(DatasetError, match=told):
        train(without, TrainRequest(model="tinyvgg", epochs=1), out=tmp_path / "model")
    assert not (tmp_path / "model").exists()
