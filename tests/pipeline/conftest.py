"""Small class folders of real files to run the whole story on."""

import dataclasses
import html

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image
from torch import nn

from foveate.dataset.prepare import Prepared, PreparedSplit
from foveate.dataset.samples import ArrayImages, DataSet, Split
from foveate.images.preprocess import Preprocessing
from foveate.models.anatomy import Network, Window
from foveate.models.catalogue import CATALOGUE
from foveate.models.registry import model_info, register
from foveate.tasks.classification.targets import ClassTargets
from foveate.tasks.classification.task import Classification


def striped(label, rng, side=16):
    """A noisy picture of horizontal (0) or vertical (1) stripes, or none (2)."""
    image = rng.integers(0, 110, (side, side, 3))
    if label == 0:
        image[::2] += 140
    elif label == 1:
        image[:, ::2] += 140
    return image.astype(np.uint8)


def files_that_name(folder, *places):
    """The files below a folder that hold one of the places, in their names or bytes, however escaped."""
    found = []
    for path in folder.rglob("*"):
        content = path.read_bytes().replace(b"\\", b"") if path.is_file() else b""
        text = html.unescape(content.decode("latin-1"))
        if any(str(place) in text or str(place) in str(path.relative_to(folder)) for place in places):
            found.append(str(path.relative_to(folder)))
    return sorted(found)


@pytest.fixture(scope="session", name="files_that_name")
def _files_that_name():
    return files_that_name


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """Class folders: 40 PNG files each of flat, lying, standing."""
    root = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for label, name in enumerate(["lying", "standing", "flat"]):
        (root / name).mkdir()
        for i in range(40):
            Image.fromarray(striped(label, rng)).save(root / name / f"{i:02}.png")
    return root


def banded(count, side=32, seed=0):
    """``count`` noisy pictures (N, side, side, 3), by turns of lying and standing bands, and their labels."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    pixels = rng.integers(0, 150, (count, side, side, 3))
    bright = np.flatnonzero(np.arange(side) // 4 % 2 == 0)
    pixels[np.ix_(labels == 0, bright)] += 70
    pixels[np.ix_(labels == 1, range(side), bright)] += 70
    return pixels.astype(np.uint8), labels


def bands(count, *, val=0, test=0):
    """A data set of banded pictures in memory."""
    sizes = {"train": count, "val": val, "test": test}
    splits = {
        name: Split(ArrayImages(pixels), ClassTargets(labels))
        for seed, (name, size) in enumerate(sizes.items())
        if size
        for pixels, labels in [banded(size, seed=seed)]
    }
    return DataSet("bands", Classification(("lying", "standing")), splits)


class Tiny(Network):
    """Two convolutions and a dense layer: a backbone that costs nothing."""

    windows = (Window("conv1", 3, 2, 1), Window("conv2", 3, 2, 1))

    def __init__(self, *, num_classes=10, in_channels=3):
        super().__init__(num_features=16, num_classes=num_classes, in_channels=in_channels)
        self.conv1, self.norm1, self.relu1 = nn.Conv2d(in_channels, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU()
        self.conv2, self.norm2, self.relu2 = nn.Conv2d(8, 16, 3, 2, 1), nn.BatchNorm2d(16), nn.ReLU()
        self.pool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(16, num_classes)

    def forward_features(self, x):
        x = self.relu1(self.norm1(self.conv1(x)))
        return self.relu2(self.norm2(self.conv2(x)))

    def forward_head(self, features):
        return self.fc(self.pool(features).flatten(1))


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """A file with weights of "tiny", a registered network for photographs; its features are kept apart."""
    file = tmp_path_factory.mktemp("tiny") / "tiny.safetensors"
    torch.manual_seed(0)
    safetensors.torch.save_file(Tiny().state_dict(), file)
    info = dataclasses.replace(
        model_info("resnet18"), name="tiny", module="foveate.models.tinyvgg", macs=400_000
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FOVEATE_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setitem(CATALOGUE, "tiny", info)
        register("tiny")(Tiny)
        yield str(file)


def prepared_bands(count, *, side=16, **more):
    """The same, read and split already."""
    splits = {
        name: PreparedSplit(
            pixels,
            ClassTargets(labels),
            ("",) * size,
            np.zeros((size, 2), np.uint64),
            np.arange(size),
            np.full((size, 2), side),
        )
        for seed, (name, size) in enumerate({"train": count, **more}.items())
        if size
        for pixels, labels in [banded(size, side, seed)]
    }
    shape = Preprocessing(side, side, mean=(0.5,) * 3, std=(0.25,) * 3)
    tested_on = "given" if "test" in splits else ""
    return Prepared("bands", Classification(("lying", "standing")), shape, splits, (), tested_on, "")
