"""A published network by name: made into a model folder once, then found; what exists on disk comes first."""

from importlib import resources

import numpy as np
import pytest

from foveate.images.preprocess import Preprocessing
from foveate.modelfolder.packaged import model_folder
from foveate.modelfolder.read import load, verify
from foveate.models import create_model
from foveate.models.published import PRETRAINED, Pretrained, imagenet_classes

NAME = "efficientnet_lite0"


@pytest.fixture
def small(monkeypatch, tmp_path):
    """A stand-in of that name that is made in milliseconds."""
    monkeypatch.setenv("FOVEATE_CACHE", str(tmp_path / "cache"))
    shape = Preprocessing(28, 28, 1, mean=(0.5,), std=(0.5,))
    facts = Pretrained("package", "file", "0" * 64, shape, 12.5, "MIT", tuple("abcdefghij"))
    monkeypatch.setitem(PRETRAINED, NAME, facts)
    made = []

    def create(name, *, pretrained):
        assert (name, pretrained) == (NAME, True)
        made.append(name)
        return create_model("convnet1")

    monkeypatch.setattr("foveate.models.registry.create_model", create)
    return made


def test_it_is_made_once_and_then_found(small, tmp_path):
    said = []
    folder = model_folder(NAME, said.append)
    assert folder.parent == tmp_path / "cache" / "models"
    assert len(said) == 1
    assert NAME in said[0]
    config = verify(folder)
    assert config.task.labels == tuple("abcdefghij")
    assert config.metrics == {"stated_by_publisher": {"top1_accuracy": 0.125}}
    assert load(folder).predict_proba(np.zeros((2, 28, 28, 3), np.uint8)).shape == (2, 10)
    assert model_folder(NAME, said.append) == folder
    assert small == [NAME]
    assert len(said) == 1


def test_another_file_of_weights_has_another_folder(small, monkeypatch):
    first = model_folder(NAME)
    changed = Pretrained(**{**vars(PRETRAINED[NAME]), "sha256": "1" * 64})
    monkeypatch.setitem(PRETRAINED, NAME, changed)
    second = model_folder(NAME)
    assert second != first
    assert small == [NAME, NAME]
    assert verify(first).task == verify(second).task  # the old one is still whole


def test_a_folder_of_that_name_is_meant_first(small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / NAME).mkdir()
    assert str(model_folder(NAME)) == NAME
    assert str(model_folder("runs/pets")) == "runs/pets"
    assert small == []


def test_imagenets_classes_are_in_the_order_of_their_synset_numbers():
    names = imagenet_classes()
    lines = (resources.files("foveate.models") / "imagenet.txt").read_text().splitlines()
    synsets = [line.split()[0] for line in lines if not line.startswith("#")]
    assert len(set(names)) == len(set(synsets)) == 1000
    assert list(synsets) == sorted(synsets)
    # As ImageNet's own documentation numbers them, and everybody's tutorials know them.
    known = {0: "tench", 1: "goldfish", 207: "golden retriever", 285: "Egyptian cat", 309: "bee", 310: "ant",
             134: "crane bird", 517: "crane", 638: "maillot", 639: "maillot tank suit",
             999: "toilet tissue"}  # fmt: skip
    assert {place: names[place] for place in known} == known
    assert (synsets[0], synsets[999]) == ("n01440764", "n15075141")
    assert PRETRAINED[NAME].classes == names
