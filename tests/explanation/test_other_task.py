"""Explaining a network that is no classifier: its own numbers, under its own names."""

import numpy as np
import pytest
import torch
from torch import nn

from foveate.api.explain import Explanation
from foveate.explanation.picture import explain_picture
from foveate.images.preprocess import Preprocessing
from foveate.models.model import Model
from two_output_task import ByteTask

METHODS = ("grad-cam", "integrated-gradients", "occlusion", "saliency")


@pytest.fixture
def model():
    """red: the mean of the upper half of the red channel; green: of all of green."""
    conv = nn.Conv2d(3, 2, 1, bias=False)
    dense = nn.Linear(128, 2, bias=False)
    with torch.no_grad():
        conv.weight.copy_(torch.eye(3)[:2, :, None, None])
        dense.weight.zero_()
        dense.weight[0, :32] = 1 / 32
        dense.weight[1, 64:] = 1 / 64
    module = nn.Sequential(conv, nn.ReLU(), nn.Flatten(), dense).eval()
    preprocessing = Preprocessing(8, 8, 3, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    return Model("halves", module, preprocessing, ByteTask())


def test_numbers_are_explained_in_the_answers_own_units(model):
    picture = np.full((8, 8, 3), 100, np.uint8)
    picture[..., 1] = 200
    found = explain_picture(model, picture, methods=METHODS)
    # The first is explained, though another is greater: these are numbers, none is likelier than another.
    assert (found.facts["class"], found.facts["value"]) == ("red", pytest.approx(100.5))
    values = {row["label"]: row["value"] for row in found.facts["top"]}
    assert values == {"red": pytest.approx(100.5), "green": pytest.approx(200.5)}
    assert tuple(found.facts["methods"]) == METHODS
    for method, facts in found.facts["methods"].items():
        assert facts["hiding"]["before"] == pytest.approx(100.5), method
        ends = facts["curves"]["deletion"][0], facts["curves"]["insertion"][-1]
        assert ends == (pytest.approx(100.5), pytest.approx(100.5))
    # A flat picture out of focus is the picture: nothing falls.
    assert found.facts["methods"]["occlusion"]["largest_fall"] == pytest.approx(0, abs=1e-3)


def test_occlusion_finds_what_the_number_is_made_of(model):
    picture = np.zeros((8, 8, 3), np.uint8)
    picture[:2, :, 0] = 255  # a bright upper edge: covering it out of focus darkens the upper half
    found = explain_picture(model, picture, target=0, methods=("occlusion",))
    facts = found.facts["methods"]["occlusion"]
    assert facts["largest_fall"] > 1  # in bytes: as a fraction it could not be
    assert facts["hiding"]["drop"] > facts["hiding"]["drop_elsewhere"]


def test_what_is_said_of_it_has_no_percentages(model):
    found = explain_picture(model, np.full((8, 8, 3), 100, np.uint8))
    told = "\n".join(Explanation(found.facts, {}, says=model.task.says).lines())
    assert told.startswith("red 100.5  green 100.5\n")
    assert "for red (100.5)" in told and "hide the hottest 20%: 100.5 (" in told
    assert "points" not in told and "100.5%" not in told
