"""Settings on their way from the request to what is trained and written: each is seen by its effect."""

import csv
import json

import numpy as np
import pytest
import torch
from torch import nn

from foveate import TrainRequest, train
from foveate.dataset.samples import ArrayImages, DataSet, Split
from foveate.errors import InputError, InterruptedRunError
from foveate.tasks.classification.targets import ClassTargets
from foveate.tasks.classification.task import Classification
from foveate.training.events import StepDone

from .conftest import banded, bands


class Watching(nn.Module):
    """A small network that keeps what it is shown in training."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.fc = nn.Conv2d(3, 8, 5, stride=2), nn.Linear(8, 2)
        self.seen = []

    def forward(self, x):
        if self.training:
            self.seen.append(x.detach().clone())
        return self.fc(self.conv(x).relu().mean(dim=(2, 3)))


def shown(pictures, out, **settings):
    """The network's pictures of the first step, (n, H, W, C), normalised."""
    module, steps = Watching(), []
    with pytest.raises(InterruptedRunError):
        train(
            pictures,
            TrainRequest(epochs=2, recipe="standard", **settings),
            out=out,
            module=module,
            listener=lambda event: steps.append(event) if isinstance(event, StepDone) else None,
            should_stop=lambda: bool(steps),
        )
    stored = json.loads((out / "checkpoint" / "run.json").read_text())
    assert stored["request"]["given"]  # it was written down on the way
    return torch.cat(module.seen).permute(0, 2, 3, 1).numpy()


def farthest(images, pixels):
    """How far the picture that is farthest from all pixels (N, H, W, C), normalised, is from the nearest."""
    own = pixels / 255
    own = ((own - own.mean(axis=(0, 1, 2))) / own.std(axis=(0, 1, 2))).reshape(len(pixels), -1)
    return max(np.abs(own - image.reshape(1, -1)).max(axis=1).min() for image in images)


def test_augment_none_shows_the_pictures_as_they_are(tmp_path):
    pictures = bands(24, val=4, test=4)
    pixels = pictures.splits["train"].images.array
    assert farthest(shown(pictures, tmp_path / "none", augment="none"), pixels) < 0.01
    assert farthest(shown(pictures, tmp_path / "auto", augment="auto"), pixels) > 0.5


@pytest.mark.parametrize("fit", [None, "crop", "stretch", "pad"])
def test_fit_decides_what_becomes_of_wide_pictures(fit, tmp_path):
    pixels, labels = banded(24, 64)
    pixels = pixels[:, :32]  # twice as wide as high
    splits = {
        "train": Split(ArrayImages(pixels), ClassTargets(labels)),
        "val": Split(ArrayImages(pixels // 2), ClassTargets(labels)),
    }
    wide = DataSet("wide", Classification(("a", "b")), splits)
    images = shown(wide, tmp_path / "out", augment="none", image_size=32, fit=fit)
    is_the_middle = farthest(images, pixels[:, :, 16:48]) < 0.01
    has_bars = np.ptp(images[:, [0, -1]], axis=2).max() < 1e-3  # rows above and below of one colour
    assert (is_the_middle, has_bars) == (fit in {None, "crop"}, fit == "pad")


def finished(tmp_path, count=40, **settings):
    request = TrainRequest(model="tinyvgg", recipe="article", batch_size=8, epochs=4, lr=3e-3, **settings)
    result = train(bands(count), request, out=tmp_path / "out")
    return result, json.loads((result.folder / "config.json").read_text())


def test_what_is_asked_for_stands_in_the_model_folder(tmp_path):
    result, config = finished(
        tmp_path, test_fraction=0.25, val_fraction=0.3, unsure_precision=0.5, keep_checkpoint=True
    )
    rows = csv.DictReader((result.folder / "splits.csv").read_text().splitlines())
    sides = [row["split"] for row in rows]
    assert {side: sides.count(side) for side in set(sides)} == {"train": 18, "val": 12, "test": 10}
    assert result.evaluation.samples == config["metrics"]["test"]["samples"] == 10
    assert list((result.folder / "checkpoint").glob("step-*"))
    assert config["task"]["unsure"]["precision"] == 0.5
    assert config["task"]["unsure"]["coverage"] > 0  # one right answer of one is enough for a half


def test_what_is_not_asked_for_does_not(tmp_path):
    result, config = finished(tmp_path, test_fraction=0, unsure_precision=0.999)
    assert result.evaluated_on == "val"
    assert not (result.folder / "checkpoint").exists()
    assert config["task"]["unsure"]["coverage"] == 0  # 998 right answers would be needed


def test_balanced_classes_weigh_the_inverse_of_their_frequency(tmp_path):
    pixels, labels = banded(80)
    rows = np.r_[np.flatnonzero(labels == 0)[:30], np.flatnonzero(labels == 1)[:10]]
    uneven = DataSet(
        "uneven",
        Classification(("a", "b")),
        {"train": Split(ArrayImages(pixels[rows]), ClassTargets(labels[rows]))},
    )
    request = TrainRequest(
        model="tinyvgg", epochs=1, class_weights="balanced", val_fraction=0.1, test_fraction=0
    )
    config = json.loads((train(uneven, request, out=tmp_path / "out").folder / "config.json").read_text())
    weights = config["recipe"]["training"]["class_weights"]
    assert weights == pytest.approx([36 / (2 * 27), 36 / (2 * 9)])


NORM_OF_ONE_VALUE = """
input: [3, 32, 32]
layers:
  - conv: {filters: 4, kernel: 3}
  - relu
  - flatten
  - dense: 8
  - batch_norm
  - dense: classes
"""


def test_a_norm_over_one_value_is_refused_by_its_name(tmp_path):
    path = tmp_path / "net.yaml"
    path.write_text(NORM_OF_ONE_VALUE)
    request = TrainRequest(model=str(path), epochs=1, batch_size=1)
    with pytest.raises(InputError, match=r"batch_size=1: layer \S+ \(batch norm\) .* batches of 2 or more"):
        train(bands(20), request, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
    spatial = TrainRequest(model="lesson_cnn", epochs=1, batch_size=1)  # its norms see whole maps
    assert train(bands(12), spatial, out=tmp_path / "fine").evaluation.samples


def test_an_unknown_column_to_select_by_is_refused_at_once(tmp_path):
    with pytest.raises(
        InputError, match="Select by val_accuracy, val_macro_f1, val_loss or last, not 'accuracy'"
    ):
        train(bands(20), TrainRequest(select="accuracy", epochs=1), out=tmp_path / "model")
