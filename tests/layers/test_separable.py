"""Depthwise-separable convolution: what it is in terms of a full one."""

import torch
import torch.nn.functional as F

from foveate.layers.separable import SeparableConv2d


def test_it_is_a_full_convolution_of_rank_one_a_channel():
    torch.manual_seed(0)
    layer, x = SeparableConv2d(3, 5, 3, 2, "same"), torch.randn(2, 3, 8, 7)
    full = layer.pointwise.weight * layer.depthwise.weight[:, 0]  # (5, 3, 1, 1) · (3, 3, 3) -> (5, 3, 3, 3)
    (top, bottom), (left, right) = layer.depthwise.sides(8, 7)
    expected = F.conv2d(F.pad(x, (left, right, top, bottom)), full, layer.pointwise.bias, 2)
    assert torch.allclose(layer(x), expected, atol=1e-5)


def test_it_saves_weights():
    layer = SeparableConv2d(32, 64, 3, bias=False)
    assert sum(p.numel() for p in layer.parameters()) == 32 * 9 + 32 * 64
