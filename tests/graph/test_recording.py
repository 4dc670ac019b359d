"""The recorded graph: what fed what, against networks written so that the answer is known."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from foveate.errors import InputError, ShapeError
from foveate.graph.recording import record
from foveate.graph.summary import summarize
from foveate.layers.known import BLUEPRINT_LAYERS as KINDS
from foveate.models.blueprint import build, load_blueprint
from foveate.models.registry import create_model, list_models, model_info

PICTURE = torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(6))


class Joined(nn.Module):
    """Functions only: a branch, a sum, a product with a gate, a concatenation."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x):
        y = F.relu(self.conv(x))
        z = y + x
        gate = torch.sigmoid(z.mean((2, 3), keepdim=True))
        return torch.cat([z * gate, y], dim=1).flatten(1)


def test_functions_and_layers_are_seen_alike_with_what_feeds_them():
    recording = record(Joined(), PICTURE)
    found = [(step.op, step.inputs, step.shape) for step in recording.steps]
    assert found == [
        ("input", (), (3, 8, 8)),
        ("conv2d", (0,), (3, 8, 8)),
        ("relu", (1,), (3, 8, 8)),
        ("add", (2, 0), (3, 8, 8)),
        ("global_avg_pool", (3,), (3, 1, 1)),
        ("sigmoid", (4,), (3, 1, 1)),
        ("mul", (3, 5), (3, 8, 8)),
        ("concat", (6, 2), (6, 8, 8)),
        ("flatten", (7,), (384,)),
    ]
    assert [step.module for step in recording.steps[:3]] == [None, "conv", None]
    assert recording.steps[1].parameters == {"weight": "conv.weight", "bias": "conv.bias"}


def test_values_are_what_the_network_computes_and_nothing_is_left_behind():
    module = Joined().train()
    module.eval()
    with torch.no_grad():
        expected = module(PICTURE)
    module.train()
    recording = record(module, PICTURE)
    assert torch.equal(recording.values[-1], expected[0])
    assert torch.equal(recording.values[0], PICTURE[0])
    assert module.training
    assert not module.conv._forward_hooks
    assert not module.conv._forward_pre_hooks


def test_what_works_in_place_overwrites_nothing_that_was_kept():
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Flatten())
    given = PICTURE.clone()
    recording = record(module, given)
    with torch.no_grad():
        conv = module[0](PICTURE)
        norm = module[1].eval()(conv)
    assert torch.equal(recording.values[1], conv[0])
    assert torch.equal(recording.values[2], norm[0])
    assert torch.equal(recording.values[3], norm[0].clamp(min=0))
    assert torch.equal(given, PICTURE)


class InPlace(nn.Module):
    def forward(self, x):
        y = x * 2
        y += 1
        return y.relu_().flatten(1)


def test_operators_in_place_are_steps_of_their_own():
    recording = record(InPlace(), PICTURE)
    assert [step.op for step in recording.steps] == ["input", "mul", "add", "relu", "flatten"]
    assert [step.inputs for step in recording.steps[1:]] == [(0,), (1,), (2,), (3,)]
    assert torch.equal(recording.values[1], 2 * PICTURE[0])
    assert torch.equal(recording.values[2], 2 * PICTURE[0] + 1)


class Unknown(nn.Module):
    def forward(self, x):
        values, places = x.sort(dim=2)
        return torch.cumsum(values - places, dim=3).flatten(1)


def test_what_nobody_reads_is_other_and_its_inputs_are_known():
    steps = record(Unknown(), PICTURE).steps
    assert [(step.op, step.label, step.inputs) for step in steps[1:-1]] == [
        ("other", "sort[0]", (0,)),
        ("other", "sort[1]", (0,)),
        ("sub", "subtract", (1, 2)),
        ("other", "cumsum", (3,)),
    ]


def test_a_layer_called_twice_has_its_parameters_once():
    conv = nn.Conv2d(3, 3, 1)
    steps = record(nn.Sequential(conv, conv, nn.Flatten()), PICTURE).steps
    assert [step.fresh for step in steps] == [0, 12, 0, 0]


@pytest.mark.parametrize("name", ["lenet5", "compact_s", "resnet18", "googlenet", "efficientnet_lite0"])
def test_costs_and_receptive_fields_are_those_of_the_summary(name):
    size = model_info(name).input_size
    with torch.device("meta"):
        module = create_model(name)
        recording = record(module, torch.empty(1, *size))
    summary = summarize(module, size)
    assert sum(step.macs for step in recording.steps) == summary.macs
    not_run = sum(count for _, count in summary.not_run)
    assert sum(step.fresh for step in recording.steps) == summary.parameters - not_run
    fields = {row.name: (row.receptive_field, row.jump) for row in summary.rows if row.kind != "Tanh"}
    seen = [step for step in recording.steps if step.module in fields and len(step.shape) == 3]
    assert len(seen) >= 4
    for step in seen:
        rows, columns = step.seen.axes
        size_, jump = fields[step.module]
        assert (None if rows.size is None else (rows.size, columns.size)) == size_
        assert size_ is None or (rows.jump, columns.jump) == jump


def one_of_each_family():
    """The smallest network of each family, and those whose parts differ from it."""
    smallest = {}
    for name in list_models():
        info = model_info(name)
        if info.output in {
            "boxes",
            "words",
        }:  # they choose by their numbers: test_detectors.py, test_captioners.py
            continue
        if info.family not in smallest or info.macs < model_info(smallest[info.family]).macs:
            smallest[info.family] = name
    return {*smallest.values(), "vgg11_bn", "resnet50", "fcn8s"}


def test_every_operation_of_every_family_of_networks_is_read():
    names = one_of_each_family()
    assert len(names) > 10
    for name in names:
        with torch.device("meta"):
            recording = record(create_model(name), torch.empty(1, *model_info(name).input_size))
        assert "other" not in {step.op for step in recording.steps}, name


def test_wrong_uses_are_told():
    with pytest.raises(ShapeError, match="One picture"):
        record(Joined(), PICTURE.repeat(2, 1, 1, 1))
    with pytest.raises(ShapeError, match="cannot take an input of 3x8x8"):
        record(nn.Linear(3, 3), PICTURE)
    with pytest.raises(InputError, match="computed from the picture"):
        record(Constant(), PICTURE)


class Constant(nn.Module):
    def forward(self, x):
        return torch.zeros(1, 10)


def test_every_layer_that_a_blueprint_can_name_is_read():
    needs = {"filters": 4, "kernel": 3, "size": 2, "factor": 2}
    for kind, layer in KINDS.items():
        if kind in ("flatten", "dense"):
            continue
        wanted = {key: value for key, value in needs.items() if key in layer.arguments}
        ends = [] if kind.startswith("global_") else ["flatten"]
        layers = [{kind: wanted} if wanted else kind, *ends, {"dense": "classes"}]
        blueprint = load_blueprint({"input": [4, 9, 8], "classes": 3, "layers": layers})
        steps = record(build(blueprint), torch.zeros(1, 4, 9, 8)).steps
        assert "other" not in {step.op for step in steps}, kind
        assert sum(step.fresh for step in steps) == blueprint.parameters, kind
