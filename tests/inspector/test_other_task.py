"""The inspector on a network that is no classifier: the answer's own steps, with their sums."""

import numpy as np
import pytest
import torch
from torch import nn

from foveate.images.preprocess import Preprocessing
from foveate.inspector import network_json, sums
from foveate.inspector.heat import explain
from foveate.inspector.runs import Question, make_run
from foveate.models.model import Model
from two_output_task import BrightnessTask, ByteTask


def run(task):
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 2)).eval()
    model = Model("bytes", module, Preprocessing(8, 8, 3), task)
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return make_run("main", model, Question("p", pixels))


def test_the_answer_stands_behind_the_network_step_by_step():
    made = run(ByteTask())
    network = network_json.describe("main", made.net)
    assert [node["op"] for node in network["nodes"]][-3:] == ["linear", "mul", "add"]  # not the second output
    assert network["classes"] == ["red", "green"] and network["class_count"] == 2
    with torch.no_grad():
        outputs = made.net.module(made.x)[0]
    for label in (0, 1):
        last = sums.describe(made, len(network["nodes"]) - 1, label, 0, 0)
        assert last["value"] == pytest.approx(255 * float(outputs[label]) + 0.5, rel=1e-6)
        assert last["total"] == pytest.approx(last["value"], rel=1e-6)
        assert last["terms"][0]["node"] == network["nodes"][-2]["id"]
    top = made.top()
    assert [(row["label"], row["index"]) for row in top] == [("red", 0), ("green", 1)]
    assert [row["logit"] for row in top] == pytest.approx(outputs.tolist())
    assert [row["probability"] for row in top] == pytest.approx((255 * outputs + 0.5).tolist())


def test_an_answer_that_changes_nothing_adds_no_step():
    made = run(BrightnessTask())
    assert made.recording.steps[-1].op == "linear"
    assert made.values.tolist() == made.outputs.tolist()


def test_heat_of_a_number():
    made = run(ByteTask())
    _, facts = explain(made, {"method": "occlusion"})
    assert (facts["class"], facts["label"]) == (0, "red")
    assert facts["hiding"]["before"] == pytest.approx(float(made.values[0]), rel=1e-5)
