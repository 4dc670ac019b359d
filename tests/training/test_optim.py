"""Parameter groups: weight decay where it belongs, every trainable parameter exactly once."""

import pytest
import torch
from torch import nn

from foveate.models.refined import Refined
from foveate.models.registry import create_model
from foveate.training.average import WeightAverage
from foveate.training.optim import make_optimiser, parameter_groups, set_learning_rate
from foveate.training.settings import OptimiserSettings


def network():
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3))


def test_decay_is_for_filters_only_and_norm_biases_have_their_own_rate():
    module = network()
    settings = OptimiserSettings("sgd", learning_rate=0.1, weight_decay=0.01, norm_bias_factor=64)
    decayed, plain, biases = parameter_groups(module, settings)
    assert {id(p) for p in decayed["params"]} == {id(module[0].weight), id(module[3].weight)}
    assert {id(p) for p in plain["params"]} == {id(module[0].bias), id(module[1].weight), id(module[3].bias)}
    assert [id(p) for p in biases["params"]] == [id(module[1].bias)]
    assert (decayed["weight_decay"], plain["weight_decay"], biases["weight_decay"]) == (0.01, 0.0, 0.0)
    optimiser = make_optimiser(module, settings)
    set_learning_rate(optimiser, 0.5)
    assert [g["lr"] for g in optimiser.param_groups] == [0.5, 0.5, 32.0]


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd"])
def test_the_optimiser_makes_torchs_own_step(name):
    torch.manual_seed(0)
    ours, theirs = nn.Linear(4, 3, bias=False), nn.Linear(4, 3, bias=False)
    theirs.load_state_dict(ours.state_dict())
    optimiser = make_optimiser(ours, OptimiserSettings(name, learning_rate=0.01, weight_decay=0.1))
    plain = {
        "adam": lambda p: torch.optim.Adam(p, lr=0.01, weight_decay=0.1),
        "adamw": lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1),
        "sgd": lambda p: torch.optim.SGD(p, lr=0.01, weight_decay=0.1, momentum=0.9, nesterov=True),
    }[name](theirs.parameters())
    x = torch.randn(5, 4)
    for _ in range(3):
        for module, stepper in ((ours, optimiser), (theirs, plain)):
            stepper.zero_grad()
            module(x).pow(2).sum().backward()
            stepper.step()
    torch.testing.assert_close(ours.weight, theirs.weight, rtol=1e-5, atol=1e-7)


def test_the_average_follows_its_half_life():
    module = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(module.weight)
    average = WeightAverage(module, half_life_steps=10)
    average.steps = 10_000  # past the young average's shorter memory
    nn.init.ones_(module.weight)
    for _ in range(10):
        average.update(module)
    assert average.module.weight.item() == pytest.approx(0.5)


def test_the_young_average_forgets_the_random_start():
    module = nn.Linear(1, 1, bias=False)
    nn.init.constant_(module.weight, 100.0)
    average = WeightAverage(module, half_life_steps=1e9)
    nn.init.ones_(module.weight)
    for _ in range(100):
        average.update(module)
    assert average.module.weight.item() == pytest.approx(1.0, abs=0.01)


def test_the_average_takes_batch_norm_statistics_along():
    module = network()
    average = WeightAverage(module, half_life_steps=1)
    for _ in range(30):
        module(torch.randn(8, 1, 4, 4) + 5)
        average.update(module)
    torch.testing.assert_close(average.module[1].running_mean, module[1].running_mean, rtol=0.1, atol=0.05)
    assert average.module[1].num_batches_tracked == 30


def test_a_field_behind_a_network_leaves_its_stages_as_they_are():
    """The scores learn as the head that they are, not with the first layer, which has no number either."""
    network = create_model("pyramid_resnet18", num_classes=3)
    settings = OptimiserSettings("adamw", learning_rate=1.0, stage_decay=0.5)
    field = Refined(network)
    alone, behind = (
        {id(p): g["factor"] for g in parameter_groups(module, settings) for p in g["params"]}
        for module in (network, field)
    )
    assert alone[id(network.score.weight)] == 1 and alone[id(network.trunk.conv1.weight)] < 0.001
    assert all(behind[key] == factor / 2 for key, factor in alone.items())  # one stage comes behind
    assert {behind[id(p)] for p in field.mrf.parameters()} == {1.0}
