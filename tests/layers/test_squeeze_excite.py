"""Squeeze-and-excitation: a gate a channel."""

import torch
from torch import nn

from foveate.layers.squeeze_excite import SqueezeExcitation


def test_each_channel_is_scaled_by_one_number_between_0_and_1():
    torch.manual_seed(0)
    x = torch.rand(2, 6, 4, 5) + 0.1
    ratio = SqueezeExcitation(6, 3, nn.SiLU)(x) / x
    assert torch.allclose(ratio, ratio.mean((2, 3), keepdim=True).expand_as(x), atol=1e-6)
    assert ratio.min() > 0
    assert ratio.max() < 1


def test_keys_and_what_zero_weights_do():
    module = SqueezeExcitation(6, 3)
    assert list(module.state_dict()) == ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"]
    for parameter in module.parameters():
        nn.init.zeros_(parameter)
    x = torch.randn(1, 6, 3, 3)
    assert torch.allclose(module(x), x / 2)  # sigmoid(0)


def test_a_hard_gate_closes_whole_channels():
    module = SqueezeExcitation(6, 3, gate=nn.Hardsigmoid)
    for parameter in module.parameters():
        nn.init.zeros_(parameter)
    with torch.no_grad():
        module.fc2.bias.copy_(torch.tensor([-4.0, -1.5, 0, 1.5, 3, 9]))
    x = torch.rand(2, 6, 3, 4)
    expected = torch.tensor([0, 0.25, 0.5, 0.75, 1, 1]).reshape(6, 1, 1)
    assert torch.allclose(module(x), x * expected)
