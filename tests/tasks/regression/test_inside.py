"""Explanations and the sum behind one number, of a network that tells numbers."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from foveate import TrainRequest, train
from foveate.cli.main import main
from foveate.explanation.picture import explain_picture
from foveate.graph.arithmetic import explain_value
from foveate.images.preprocess import Preprocessing
from foveate.inspector.heat import explain
from foveate.inspector.network_json import describe
from foveate.inspector.runs import Question, make_run
from foveate.models.model import Model
from foveate.tasks.regression.task import Regression

TASK = Regression(("age", "height"), (40.0, 1.7), (12.0, 0.1))


@pytest.fixture
def net():
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)
    )
    return Model(
        module=module,
        name="two numbers",
        architecture={"custom": "test"},
        preprocessing=Preprocessing(12, 12),
        task=TASK,
        weights="trained",
    )


def pixels():
    return np.random.default_rng(0).integers(0, 256, (12, 12, 3), np.uint8)


def said(net, seen):
    outputs = net.module(torch.from_numpy(net.preprocessing.normalise(seen[None])))[0].detach().numpy()
    return outputs * (12, 0.1) + (40, 1.7)


def test_the_sums_behind_a_number_are_the_last_layers_and_its_units(net):
    run = make_run("main", net, Question("p", pixels()))
    numbers = said(net, run.pixels)
    last = len(run.recording.steps) - 1
    for k in range(2):
        found = explain_value(run.recording, last, k)
        assert found.total == pytest.approx(numbers[k], rel=1e-5)
        assert found.value == pytest.approx(numbers[k], rel=1e-5)
        scaled = explain_value(run.recording, last - 1, k)
        assert scaled.total == pytest.approx(numbers[k] - TASK.means[k], abs=1e-4)
        layer = explain_value(run.recording, last - 2, k)
        assert layer.total == pytest.approx((numbers[k] - TASK.means[k]) / TASK.deviations[k], abs=1e-4)
        assert scaled.steps[0].text.endswith(f" · {TASK.deviations[k]:g}")
        assert found.steps[0].text.endswith(f" + {TASK.means[k]:g}")
    assert [one["label"] for one in run.top()] == ["age", "height"]  # in their order, whatever their size
    described = describe("main", net)
    assert described["says"] == "value"
    assert [node["op"] for node in described["nodes"][-3:]] == ["linear", "mul", "add"]


def test_the_page_explains_the_first_number_where_none_is_chosen(net):
    run = make_run("main", net, Question("p", pixels()))
    _, facts = explain(run, {"method": "occlusion"})
    assert facts["label"] == "age"
    assert facts["hiding"]["before"] == pytest.approx(said(net, run.pixels)[0], rel=1e-5)


def test_an_explanation_watches_the_number_in_its_units(net):
    found = explain_picture(net, pixels(), target=1, methods=("occlusion", "grad-cam"), layer="1")
    seen = net.preprocessing.apply(pixels(), None)
    assert found.facts["class"] == "height"
    assert found.facts["value"] == pytest.approx(said(net, seen)[1], rel=1e-5)
    assert found.facts["methods"]["occlusion"]["hiding"]["before"] == pytest.approx(found.facts["value"])
    assert [one["label"] for one in found.facts["top"]] == ["age", "height"]
    assert "probability" not in found.facts


def test_the_command_tells_numbers(tmp_path, capsysbinary):
    random = np.random.default_rng(0)
    pictures, numbers = random.integers(0, 256, (60, 16, 16, 3), np.uint8), random.normal(40, 12, (60, 2))
    request = TrainRequest(model="tinyvgg", recipe="article", epochs=1)
    made = train((pictures, numbers), request, out=tmp_path / "m")
    Image.fromarray(pictures[0]).save(tmp_path / "p.png")

    def run(*arguments):
        with pytest.raises(SystemExit, match="0"):
            main(["explain", str(made.folder), str(tmp_path / "p.png"), *arguments])
        return capsysbinary.readouterr().out.decode()

    text = run("--class", "value 2", "--out", str(tmp_path / "a"))
    assert text.startswith("value 1 ")
    assert "for value 2 (" in text
    assert "%:" in text  # the hottest 20 %
    assert "points" not in text
    assert json.loads(run("--json", "--out", str(tmp_path / "b")))["class"] == "value 1"
