"""A pooling in one file outside the package: `lp_pooling.py` beside this one, and nothing else."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn

import own_layer
from foveate.errors import BlueprintError
from foveate.graph.summary import summarize
from foveate.inspector.blueprint_checks import kinds
from foveate.models.blueprint import load_blueprint

FILE = Path(__file__).with_name("lp_pooling.py")
BLUEPRINT = """
input: [3, 12, 12]
layers:
  - conv: {filters: 4, kernel: 3, padding: 1}
  - relu
  - lp_pool: {size: 3, stride: 2, padding: 1, p: 3}
  - global_avg_pool
  - dense: classes
"""


@pytest.fixture(scope="module")
def lp_pooling():
    with own_layer.loaded(FILE) as module:
        yield module


@pytest.fixture(scope="module")
def made(lp_pooling, tmp_path_factory):
    return own_layer.trained(tmp_path_factory.mktemp("lp"), BLUEPRINT)


def test_the_file_is_short_and_no_part_of_the_package():
    assert len(FILE.read_text().splitlines()) <= 40
    with pytest.raises(BlueprintError, match="Unknown layer 'lp_pool'"):
        load_blueprint(BLUEPRINT)


def test_the_model_folder_holds_it_as_its_own_operator_and_answers_without_torch(made):
    graph = onnx.load(made.folder / "model.onnx").graph
    (node,) = (node for node in graph.node if node.op_type == "LpPool")
    found = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    assert found == {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1], "p": 3}
    answer = own_layer.predicted_without_torch(made)
    assert answer["label"] == "bright"
    assert answer["probability"] == pytest.approx(own_layer.probability(made, "bright"), abs=1e-4)


def test_one_number_is_taken_apart(made, lp_pooling):
    step, document = own_layer.inspected(made, "lp_pool", 2, 1, 3)
    assert step.label == "Lp pool 3×3 /2"
    assert document["total"] == pytest.approx(document["value"], rel=1e-5)
    assert document["window"]["rows"] == (1, 2, 3) and document["window"]["columns"] == (5, 6, 7)
    powers = np.array(document["terms"][0]["input"])
    assert powers.sum() ** (1 / 3) == pytest.approx(document["value"], rel=1e-5)
    assert document["steps"][-1]["text"] == "root of order 3"


def test_costs_and_what_it_sees_are_in_the_summary(lp_pooling):
    net = nn.Sequential(nn.Conv2d(1, 2, 3), lp_pooling.LpPool2d((3, 3), (2, 2), (1, 1)))
    row = summarize(net, (1, 15, 15)).rows[-1]
    assert (row.kind, row.receptive_field, row.jump, row.macs) == ("LpPool2d", (5, 5), (2, 2), 0)
    x = torch.rand(1, 1, 15, 15, requires_grad=True)
    net(x)[0, :, 3, 3].sum().backward()
    assert int((x.grad[0, 0] != 0).any(1).sum()) == 5


def test_the_design_page_offers_it(lp_pooling):
    (offered,) = (kind for kind in kinds()["kinds"] if kind["kind"] == "lp_pool")
    assert (offered["group"], offered["summary"]) == ("pooling", "The p-th root of a sum.")
    assert [argument["name"] for argument in offered["arguments"]] == ["size", "stride", "padding", "p"]
