import pytest
import torch
from torch import nn

from foveate.analysis.trace import trace


class Twice(nn.Module):
    """One convolution used twice, one activation in place, one identity."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 3, padding=1)
        self.norm = nn.BatchNorm2d(2)
        self.relu = nn.ReLU(inplace=True)
        self.skip = nn.Identity()
        self.scale = nn.ParameterList([nn.Parameter(torch.ones(1))])

    def forward(self, x):
        return self.relu(self.norm(self.conv(self.conv(self.skip(x)))))


def test_names_stand_in_the_order_of_the_calls():
    assert list(trace(Twice(), torch.randn(2, 2, 5, 5))) == ["conv", "conv#2", "norm", "relu"]


def test_values_are_those_of_a_run_by_hand_even_before_a_layer_in_place():
    net, x = Twice().eval(), torch.randn(2, 2, 5, 5)
    seen = trace(net, x)
    with torch.no_grad():
        first = net.conv(x)
        second = net.conv(first)
        normed = net.norm(second)
    expected = {"conv": first, "conv#2": second, "norm": normed, "relu": normed.clamp(min=0)}
    for name, value in expected.items():
        torch.testing.assert_close(seen[name], value, rtol=0, atol=0)
    assert (seen["norm"] < 0).any()


def test_nothing_is_changed():
    net = Twice().train()
    net.relu.eval()
    statistics = net.norm.running_mean.clone()
    x = torch.randn(2, 2, 5, 5, requires_grad=True)
    seen = trace(net, x)
    assert net.training and net.norm.training and not net.relu.training
    assert torch.equal(net.norm.running_mean, statistics) and net.norm.num_batches_tracked == 0
    assert x.grad is None and torch.is_grad_enabled()
    assert not any(value.requires_grad for value in seen.values())
    assert not any(module._forward_hooks for module in net.modules())


def test_a_network_that_fails_is_left_without_hooks():
    net = Twice()
    with pytest.raises(RuntimeError, match="channels"):
        trace(net, torch.randn(1, 3, 5, 5))
    assert net.training and not any(module._forward_hooks for module in net.modules())
