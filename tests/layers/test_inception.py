"""GoogLeNet's module: torchvision's keys, table 1's counts."""

import torch

from foveate.layers.inception import BasicConv2d, Inception, InceptionAux


def count(module):
    return sum(p.numel() for p in module.parameters())


def test_keys_are_torchvisions():
    weights = [key for key in Inception(8, 1, (2, 3), (4, 5), 6).state_dict() if key.endswith(".weight")]
    paths = ["branch1", "branch2.0", "branch2.1", "branch3.0", "branch3.1", "branch4.1"]
    assert weights == [f"{path}.{part}.weight" for path in paths for part in ("conv", "bn")]
    assert [key for key in InceptionAux(8, 5).state_dict() if key.endswith("weight")] == [
        *["conv.conv.weight", "conv.bn.weight", "fc1.weight", "fc2.weight"]
    ]


def test_inception_3a():
    """Table 1: 64, 96 -> 128, 16 -> 32, 32 over 192 channels; no biases, 2 numbers a batch-norm channel."""
    module = Inception(192, 64, (96, 128), (16, 32), 32)
    kernels = 192 * (64 + 96 + 16 + 32) + 9 * (96 * 128 + 16 * 32)
    assert count(module) == kernels + 2 * (64 + 96 + 128 + 16 + 32 + 32)
    assert module.out_channels == 256
    assert module(torch.randn(2, 192, 7, 6)).shape == (2, 256, 7, 6)


def test_the_side_head_pools_any_map_to_4x4():
    head = InceptionAux(512, 1000).eval()
    assert count(head) == 512 * 128 + 2 * 128 + 2048 * 1024 + 1024 + 1024 * 1000 + 1000
    assert head(torch.randn(1, 512, 14, 14)).shape == head(torch.randn(1, 512, 5, 3)).shape == (1, 1000)


def test_basic_conv_is_never_negative():
    conv = BasicConv2d(3, 4, 3, 2, 1)
    assert conv.bn.eps == 0.001
    assert conv.conv.bias is None
    assert conv(torch.randn(2, 3, 9, 9)).min() >= 0
