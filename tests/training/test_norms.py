"""Batch norms of slow statistics follow short runs: what a network knows shows when it is used."""

import numpy as np
import pytest
import torch
from torch import nn

from foveate.dataset.prepare import Preparation, prepare
from foveate.dataset.samples import ArrayImages, DataSet, Split
from foveate.models.registry import create_model
from foveate.pipeline.plan import make_plan
from foveate.pipeline.request import TrainRequest
from foveate.tasks.classification.targets import ClassTargets
from foveate.tasks.classification.task import Classification
from foveate.training.norms import hasten


def momenta(module):
    return {one.momentum for one in module.modules() if isinstance(one, nn.BatchNorm2d)}


@pytest.mark.parametrize(("steps", "momentum"), [(10, 0.1), (400, 0.05), (2_000, 0.01), (100_000, 0.01)])
def test_statistics_are_renewed_twenty_times_in_a_run(steps, momentum):
    network = create_model("mobilenet_v3_small")
    hasten(network, steps)
    assert momenta(network) == {momentum}


def test_quick_statistics_and_averages_of_all_steps_stay():
    network = nn.Sequential(nn.BatchNorm2d(1, momentum=0.6), nn.BatchNorm2d(1, momentum=None))
    hasten(network, 1)
    assert [one.momentum for one in network] == [0.6, None]


def accuracy_in_use(momentum_of):
    """Of a network whose norms stand behind one another, after 120 steps on two blobs."""
    torch.manual_seed(0)
    layers = [
        layer for _ in range(6) for layer in (nn.Linear(8, 8), nn.BatchNorm1d(8, momentum=0.01), nn.ReLU())
    ]
    network = nn.Sequential(*layers, nn.Linear(8, 2))
    momentum_of(network)
    optimiser = torch.optim.AdamW(network.parameters(), 0.01)
    labels = torch.arange(512) % 2
    pictures = torch.randn(512, 8) + 40 + 3 * labels[:, None]
    for step in range(120):
        some = slice(step % 8 * 64, step % 8 * 64 + 64)
        optimiser.zero_grad()
        nn.functional.cross_entropy(network(pictures[some]), labels[some]).backward()
        optimiser.step()
    with torch.inference_mode():
        return float((network.eval()(pictures).argmax(1) == labels).float().mean())


def test_what_was_learnt_shows_in_use():
    slow = accuracy_in_use(lambda network: None)
    followed = accuracy_in_use(lambda network: hasten(network, 120))
    assert followed > 0.95
    assert followed > slow + 0.1


def test_runs_from_chance_are_hastened_and_a_users_own_network_is_not():
    pixels = np.random.default_rng(0).integers(0, 256, (64, 32, 32, 3), dtype=np.uint8)
    targets = ClassTargets(np.arange(64) % 2)
    data = DataSet("made up", Classification(("a", "b")), {"train": Split(ArrayImages(pixels), targets)})
    prepared = prepare(data, Preparation(val_fraction=0.1, test_fraction=0.0))
    request = TrainRequest(epochs=2, model="mobilenet_v3_small")
    assert momenta(make_plan(request, prepared).network.module) == {0.1}
    own = create_model("mobilenet_v3_small", num_classes=2)
    make_plan(TrainRequest(epochs=2), prepared, module=own)
    assert momenta(own) == {0.01}
