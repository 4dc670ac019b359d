"""`--weights hf:...`: the network and the preprocessing are those of the repository."""

import dataclasses
import json

import numpy as np
import pytest
import safetensors.torch
import torch

from foveate import TrainRequest, train
from foveate.dataset.samples import ArrayImages, DataSet, Split
from foveate.errors import InputError, WeightsError
from foveate.images.preprocess import Preprocessing
from foveate.modelfolder.read import load
from foveate.models.hub import HubWeights
from foveate.models.registry import create_model
from foveate.pipeline.photographs import choose_start
from foveate.tasks.classification.targets import ClassTargets
from foveate.tasks.classification.task import Classification

PICTURES = np.zeros((4, 130, 130, 3), np.uint8)
DATA = DataSet(
    "four",
    Classification(("a", "b")),
    {"train": Split(ArrayImages(PICTURES), ClassTargets(np.arange(4) % 2))},
)
TOLD = Preprocessing(160, 160, fit="stretch", crop_fraction=0.95, mean=(0.5, 0.4, 0.3), std=(0.2, 0.25, 0.3))


@pytest.fixture
def fetched(monkeypatch, tmp_path):
    """What a hub is taken to have: random weights of resnet18."""
    torch.manual_seed(0)
    network = create_model("resnet18", num_classes=10)
    safetensors.torch.save_file(network.state_dict(), tmp_path / "model.safetensors")
    asked = []

    def hub_weights(name, *, download, say):
        asked.append((str(name), download))
        return HubWeights(name, tmp_path / "model.safetensors", "0f" * 20, "resnet18", TOLD)

    monkeypatch.setattr("foveate.resolve.hub_weights", hub_weights)
    return network, asked


def test_network_and_preprocessing_are_the_repositorys(fetched):
    network, asked = fetched
    start = choose_start(TrainRequest(weights="hf:some/one", download=True), DATA)
    (backbone,) = start.backbones
    assert backbone.name == "resnet18"
    assert backbone.preprocessing == TOLD
    assert torch.equal(backbone.module.state_dict()["conv1.weight"], network.state_dict()["conv1.weight"])
    assert "hf:some/one@0f0f0f0f0f0f" in start.reason
    assert asked == [("hf:some/one/model.safetensors", True)]


def test_a_size_that_is_asked_for_holds(fetched):
    request = TrainRequest(weights="hf:some/one", download=True, image_size=96)
    (backbone,) = choose_start(request, DATA).backbones
    assert (backbone.preprocessing.height, backbone.preprocessing.width) == (96, 96)
    assert backbone.preprocessing.mean == TOLD.mean


def test_a_fit_that_is_asked_for_holds(fetched):
    request = TrainRequest(weights="hf:some/one", download=True, fit="crop")
    (backbone,) = choose_start(request, DATA).backbones
    assert backbone.preprocessing == dataclasses.replace(TOLD, fit="crop")


@pytest.mark.parametrize(("fit", "shipped"), [(None, "stretch"), ("pad", "pad")])
def test_what_ships_prepares_pictures_as_its_features_were_made(fetched, monkeypatch, tmp_path, fit, shipped):
    """The class stands at the left edge of wide pictures, where a centre crop does not show it."""
    monkeypatch.setenv("FOVEATE_CACHE", str(tmp_path / "cache"))
    random = np.random.default_rng(0)
    pixels = random.integers(90, 160, (40, 40, 120, 3), dtype=np.uint8)
    labels = np.arange(40) % 2
    pixels[labels == 0, :, :34] = 230, 20, 20
    pixels[labels == 1, :, :34] = 20, 20, 230
    data = DataSet(
        "wide", Classification(("red", "blue")), {"train": Split(ArrayImages(pixels), ClassTargets(labels))}
    )
    done = train(data, TrainRequest(weights="hf:some/one", fit=fit, image_size=64), out=tmp_path / "out")
    assert json.loads((done.folder / "config.json").read_text())["preprocessing"]["fit"] == shipped
    found = load(done.folder).predict(list(pixels))
    assert found.tolist() == ["red", "blue"] * 20


def test_weights_of_another_network_are_refused(fetched):
    with pytest.raises(WeightsError, match="looks like resnet18"):
        choose_start(TrainRequest(model="resnet34", weights="hf:some/one"), DATA)


def test_flags_that_do_not_go_together():
    with pytest.raises(InputError, match="download=True is for weights of a hub"):
        TrainRequest(weights="imagenet", download=True)
    with pytest.raises(InputError, match="no recipe"):
        TrainRequest(weights="hf:some/one", recipe="standard")
