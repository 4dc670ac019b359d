"""Thirty random numbers of each network: the sums that are told are the network's own."""

import random

import pytest
import torch

from foveate.graph.arithmetic import explain_value
from foveate.graph.recording import record
from foveate.models import create_model

TOKENS = {"image_size": (32, 32), "patch_size": 8, "features": 24, "heads": 3, "depth": 2}
NETWORKS = {
    "mobilenet_v2": {"width": 0.25},
    "mobilenet_v3_small": {"width": 0.25},
    "mobilenet_v3_large": {"width": 0.25},
    "densenet121": {"growth": 4, "depths": (1, 2, 1)},
    "resnext50_32x4d": {"width": 16, "depths": (1, 2, 1, 1)},
    "efficientnet_v2_s": {"width": 0.25, "depth": 0.25},
    "convnext_tiny": {"width": 8, "depths": (1, 1, 2, 1), "layer_scale": 0.7},
    "vit_b_16": TOKENS,
    "deit_tiny_distilled": TOKENS,
}


@pytest.mark.parametrize("name", NETWORKS)
def test_thirty_numbers_are_the_networks_own(name):
    torch.manual_seed(0)
    network = create_model(name, num_classes=5, **NETWORKS[name]).double()
    with torch.no_grad():
        for tensor in (*network.parameters(), *network.buffers()):
            if tensor.is_floating_point():
                tensor.add_(0.2 * torch.rand_like(tensor))
    recording = record(network, torch.randn(1, 3, 32, 32, dtype=torch.float64))
    assert sum(step.fresh for step in recording.steps) == sum(p.numel() for p in network.parameters())
    choice = random.Random(0)
    for _ in range(30):
        number = choice.randrange(len(recording.steps))
        step = recording.steps[number]
        found = explain_value(recording, number, *(choice.randrange(side) for side in step.shape))
        assert found.total == pytest.approx(found.value, rel=1e-9, abs=1e-12), (step.op, step.module)
