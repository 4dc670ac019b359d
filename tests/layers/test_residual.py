"""ResNet's blocks: torchvision's keys, the paper's identity, counts by hand."""

import pytest
import torch

from foveate.layers.residual import BasicBlock, Bottleneck


def keys(module):
    return [key for key in module.state_dict() if key.endswith("weight")]


def count(module):
    return sum(p.numel() for p in module.parameters())


def test_keys_are_torchvisions():
    assert keys(BasicBlock(8, 8)) == ["conv1.weight", "bn1.weight", "conv2.weight", "bn2.weight"]
    assert keys(Bottleneck(8, 8)) == [
        *["conv1.weight", "bn1.weight", "conv2.weight", "bn2.weight", "conv3.weight", "bn3.weight"],
        *["downsample.0.weight", "downsample.1.weight"],
    ]


def test_parameters_of_resnets_first_blocks():
    assert count(BasicBlock(64, 64)) == 2 * 9 * 64 * 64 + 2 * 2 * 64 == 73_984
    assert count(BasicBlock(64, 128, 2)) == 9 * 64 * 128 + 9 * 128 * 128 + 64 * 128 + 3 * 2 * 128 == 230_144
    assert count(Bottleneck(64, 64)) == 75_008
    assert count(Bottleneck(256, 64)) == 70_400


@pytest.mark.parametrize(("block", "out"), [(BasicBlock(4, 6, 2), 6), (Bottleneck(4, 2, 2), 8)])
def test_stride_halves_the_map_rounding_up(block, out):
    assert block(torch.randn(2, 4, 7, 9)).shape == (2, out, 4, 5)


@pytest.mark.parametrize("block", [BasicBlock(8, 8), Bottleneck(8, 2)])
def test_a_branch_of_zeros_leaves_the_identity(block):
    for parameter in block.parameters():
        torch.nn.init.zeros_(parameter)
    x = torch.rand(2, 8, 5, 5)
    assert torch.equal(block(x), x)
