import json

import pytest
import torch
from torch import nn

from foveate.explanation import unit_health


@pytest.fixture
def batches():
    generator = torch.Generator().manual_seed(0)
    return [torch.rand(n, 1, 6, 6, generator=generator) for n in (3, 1, 2)]


def test_dead_maps_and_the_share_of_zeros(batches):
    """Map 0 is never above 0, map 1 always is, and map 2 half of the time."""
    conv = nn.Conv2d(1, 3, 1)
    with torch.no_grad():
        conv.weight.copy_(torch.tensor([-1.0, 1.0, 1.0]).view(3, 1, 1, 1))
        conv.bias.copy_(torch.tensor([-0.1, 0.1, -0.5]))
    module = nn.Sequential(conv, nn.ReLU(inplace=True), nn.Flatten())
    (found,) = unit_health(module, batches)
    assert (found.name, found.kind, found.channels) == ("1", "ReLU", 3)
    assert found.dead == (0,) and found.dead_fraction == pytest.approx(1 / 3)
    pixels = torch.cat(batches)
    zeros = (1 + 0 + float((pixels <= 0.5).float().mean())) / 3
    assert found.zero_fraction == pytest.approx(zeros, abs=1e-6)
    assert found.saturated_fraction is None
    json.dumps(found.to_dict(), allow_nan=False)


def test_one_picture_that_wakes_a_unit_is_enough(batches):
    conv = nn.Conv2d(1, 1, 1, bias=False)
    module = nn.Sequential(conv, nn.ReLU(), nn.Flatten())
    with torch.no_grad():
        conv.weight.fill_(-1)
    assert unit_health(module, batches)[0].dead == (0,)
    assert unit_health(module, [*batches, -batches[0][:1]])[0].dead == ()


@pytest.mark.parametrize("kind", [nn.Sigmoid, nn.Tanh])
def test_saturation_is_where_the_slope_is_gone(kind):
    """Sigmoid's slope is under a twentieth of its steepest beyond 4.36, tanh's beyond 2.18."""
    ends = {nn.Sigmoid: (4.3, 4.4), nn.Tanh: (2.1, 2.2)}[kind]
    x = torch.tensor([-ends[1], -ends[0], 0.0, ends[0], ends[1]]).view(1, 5)
    (found,) = unit_health(nn.Sequential(nn.Identity(), kind()), [x])
    assert found.saturated_fraction == pytest.approx(2 / 5)
    assert found.dead is None and found.zero_fraction is None and found.dead_fraction is None


def test_a_layer_that_is_called_twice_counts_twice(network, pictures):
    network.train()
    found = unit_health(network, [pictures, pictures])
    assert [unit.name for unit in found] == ["2", "4.relu", "4.relu#2"]
    assert network.training and not any(m._forward_hooks for m in network.modules())
