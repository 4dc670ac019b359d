"""Explanations and the sum behind one number, of a network that answers for several labels."""

import numpy as np
import pytest
import torch
from torch import nn

from foveate.explanation.picture import explain_picture
from foveate.graph.arithmetic import explain_value
from foveate.images.preprocess import Preprocessing
from foveate.inspector.networks import steps_of
from foveate.inspector.runs import Question, make_run
from foveate.models.model import Model
from foveate.tasks.multilabel.task import Multilabel


@pytest.fixture
def net():
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)
    )
    return Model(
        module=module,
        name="three labels",
        architecture={"custom": "test"},
        preprocessing=Preprocessing(12, 12),
        task=Multilabel(("cat", "dog", "hat"), temperature=2.5),
        weights="trained",
    )


def pixels():
    return np.random.default_rng(0).integers(0, 256, (12, 12, 3), np.uint8)


def shares(net, seen):
    outputs = net.module(torch.from_numpy(net.preprocessing.normalise(seen[None])))
    return torch.sigmoid(outputs / 2.5)[0].detach().numpy()


def test_behind_a_probability_is_the_sigmoid_of_the_output_by_the_temperature(net):
    run = make_run("main", net, Question("p", pixels()))
    assert run.values == pytest.approx(shares(net, run.pixels), abs=1e-6)
    last = len(run.recording.steps) - 1
    assert [step.op for step in steps_of(net)[-3:]] == ["linear", "div", "sigmoid"]
    for label in range(3):
        found = explain_value(run.recording, last, label)
        assert found.total == pytest.approx(float(run.values[label]), abs=1e-6)
        divided = explain_value(run.recording, last - 1, label)
        assert divided.total == pytest.approx(float(run.outputs[label]) / 2.5, rel=1e-6)
        assert "2.5" in divided.steps[0].text
    assert run.top()[0]["label"] == ("cat", "dog", "hat")[int(run.values.argmax())]


def test_an_explanation_watches_the_label_alone(net):
    found = explain_picture(net, pixels(), target=1, methods=("occlusion", "grad-cam"), layer="1")
    seen = net.preprocessing.apply(pixels(), None)
    assert found.facts["probability"] == pytest.approx(float(shares(net, seen)[1]), abs=1e-6)
    assert found.facts["methods"]["occlusion"]["hiding"]["before"] == pytest.approx(
        found.facts["probability"], abs=1e-6
    )
    total = sum(one["probability"] for one in found.facts["top"])
    assert total == pytest.approx(shares(net, seen).sum(), abs=1e-5)  # and not 1
