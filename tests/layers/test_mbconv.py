"""EfficientNet's block: torchvision's keys, B0's counts, TensorFlow's padding."""

import pytest
import torch
from torch import nn

from foveate.errors import InputError
from foveate.layers.mbconv import ConvNormActivation, MBConv, Style, round_channels


def count(module):
    return sum(p.numel() for p in module.parameters())


def kernels(module):
    return [key for key, tensor in module.state_dict().items() if tensor.ndim == 4]


def test_keys_are_torchvisions():
    assert kernels(MBConv(32, 16, kernel=3, expand_ratio=1)) == [
        *["block.0.0.weight", "block.1.fc1.weight", "block.1.fc2.weight", "block.2.0.weight"]
    ]
    assert kernels(MBConv(16, 24, kernel=3, stride=2)) == [
        *[
            "block.0.0.weight",
            "block.1.0.weight",
            "block.2.fc1.weight",
            "block.2.fc2.weight",
            "block.3.0.weight",
        ]
    ]
    bare = MBConv(16, 24, kernel=3, style=Style(squeeze=False))
    assert kernels(bare) == [f"block.{i}.0.weight" for i in range(3)]


def test_parameters_of_b0s_first_blocks():
    """Depthwise 3x3, squeeze to a quarter of the input, projection; 2 numbers a batch-norm channel."""
    first = 9 * 32 + 2 * 32 + (32 * 8 + 8) + (8 * 32 + 32) + 32 * 16 + 2 * 16
    assert count(MBConv(32, 16, kernel=3, expand_ratio=1)) == first == 1_448
    second = 16 * 96 + 9 * 96 + (96 * 4 + 4) + (4 * 96 + 96) + 96 * 24 + 2 * (96 + 96 + 24)
    assert count(MBConv(16, 24, kernel=3, stride=2)) == second == 6_004


@pytest.mark.parametrize(
    ("channels", "expected"),
    [(32 * 1.1, 32), (16 * 1.1, 16), (24 * 1.4, 32), (40 * 1.2, 48), (18, 24), (1, 8), (320 * 2.0, 640)],
)
def test_channels_are_rounded_to_eights(channels, expected):
    assert round_channels(channels) == expected


def test_the_shortcut_needs_stride_1_and_equal_channels():
    assert MBConv(16, 16, kernel=5).has_shortcut
    assert not MBConv(16, 16, kernel=5, stride=2).has_shortcut
    assert not MBConv(16, 24, kernel=5).has_shortcut


@pytest.mark.parametrize("same_padding", [False, True])
def test_sizes(same_padding):
    block = MBConv(16, 24, kernel=5, stride=2, style=Style(same_padding=same_padding))
    assert block(torch.randn(2, 16, 9, 8)).shape == (2, 24, 5, 4)


def test_tensorflows_padding_differs_on_even_sizes_alone():
    ours = ConvNormActivation(1, 1, 3, stride=2, style=Style(same_padding=True).linear).eval()
    torchs = ConvNormActivation(1, 1, 3, stride=2, style=Style().linear).eval()
    assert len(ours) == len(torchs) == 2  # no activation
    torchs.load_state_dict(ours.state_dict())
    odd, even = torch.randn(1, 1, 7, 7), torch.randn(1, 1, 8, 8)
    assert torch.allclose(ours(odd), torchs(odd), atol=1e-6)
    assert not torch.allclose(ours(even), torchs(even), atol=1e-2)


def test_a_dropped_block_is_the_identity_in_training_alone():
    block, x = MBConv(16, 16, kernel=3, stochastic_depth=1.0), torch.randn(2, 16, 5, 5)
    assert torch.equal(block(x), x)
    assert not torch.allclose(block.eval()(x), x)


def test_norms_take_their_settings():
    norms = [
        m
        for m in MBConv(16, 16, kernel=3, style=Style(norm_eps=0.001, norm_momentum=0.01)).modules()
        if isinstance(m, nn.BatchNorm2d)
    ]
    assert {(norm.eps, norm.momentum) for norm in norms} == {(0.001, 0.01)}


def test_other_strides_are_refused():
    with pytest.raises(InputError, match="must be 1 or 2, and is 3"):
        MBConv(16, 16, kernel=3, stride=3)
