"""The maps of a trunk by stride: what networks tell of them, and what they give."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from foveate.errors import InputError, ShapeError
from foveate.explanation import activation_of, receptive_field
from foveate.exporter.emitter import emit
from foveate.models import create_model, list_models, model_info
from foveate.models.anatomy import Network
from foveate.models.rcnn import RCNN
from foveate.models.weightless import weightless

# (channels, stride) of timm 1.0.31's `create_model(name, features_only=True).feature_info`; but its
# EfficientNets end before the last 1x1 convolution, with 320 channels, and `forward_features` behind it.
TIMM = {
    "resnet18": [(64, 2), (64, 4), (128, 8), (256, 16), (512, 32)],
    "resnet50": [(64, 2), (256, 4), (512, 8), (1024, 16), (2048, 32)],
    "vgg16": [(64, 1), (128, 2), (256, 4), (512, 8), (512, 16), (512, 32)],
    "vgg16_bn": [(64, 1), (128, 2), (256, 4), (512, 8), (512, 16), (512, 32)],
    "efficientnet_b0": [(16, 2), (24, 4), (40, 8), (112, 16), (1280, 32)],
    "efficientnet_lite0": [(16, 2), (24, 4), (40, 8), (112, 16), (1280, 32)],
    "mobilenet_v3_large": [(16, 2), (24, 4), (40, 8), (112, 16), (960, 32)],
    "mobilenet_v3_small": [(16, 2), (16, 4), (24, 8), (48, 16), (576, 32)],
}
# Of pictures of 37 x 34, by the size formula on paper: halves, rounded as each layer's padding has it.
SIDES = {
    "resnet18": ({"width": 8}, [(19, 17), (10, 9), (5, 5), (3, 3), (2, 2)]),
    "vgg11": ({"width": 8, "hidden": 8}, [(37, 34), (18, 17), (9, 8), (4, 4), (2, 2), (1, 1)]),
    "googlenet": ({}, [(19, 17), (9, 8), (4, 4), (2, 2), (1, 1)]),
    "efficientnet_b0": ({"width": 0.5, "depth": 0.25}, [(19, 17), (10, 9), (5, 5), (3, 3), (2, 2)]),
    "efficientnet_lite0": ({"width": 0.5, "depth": 0.25}, [(19, 17), (10, 9), (5, 5), (3, 3), (2, 2)]),
    "mobilenet_v3_small": ({}, [(19, 17), (10, 9), (5, 5), (3, 3), (2, 2)]),
    "lesson_cnn": ({}, [(37, 34), (18, 17), (9, 8), (4, 4)]),
    "compact_s": ({}, [(36, 33), (18, 17), (9, 8), (4, 4)]),
    "tinyvgg": ({"image_size": (37, 34)}, [(33, 30), (12, 11), (6, 5)]),
    "lesson32": ({"image_size": (37, 34)}, [(35, 32), (15, 14), (5, 5)]),
    "lenet5": ({"image_size": (37, 34)}, [(16, 15), (6, 5)]),
    "convnet1": ({"image_size": (37, 34)}, [(18, 17), (9, 8)]),
}


def made(name: str, **options: object) -> Network:
    torch.manual_seed(0)
    return create_model(name, num_classes=3, **options).eval()


def pictures(network: Network, height: int = 37, width: int = 34) -> Tensor:
    return torch.randn(2, network.in_channels, height, width, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", list_models())
def test_every_network_tells_its_levels(name: str) -> None:
    """Channels against the maps, strides against the receptive fields: the steps from one to the next."""
    shape = model_info(name).input_size
    with weightless():
        network = create_model(name).eval()
    maps = network.forward_levels(torch.zeros(1, *shape, device="meta"))
    assert [(maps[level.stride].shape[1], level.stride) for level in network.levels] == [
        (level.channels, level.stride) for level in network.levels
    ]
    assert list(maps) == sorted(maps) == [level.stride for level in network.levels]
    assert network.levels[-1].channels == network.num_features
    if network.map_layer is not None:  # tokens, that see the whole picture: one map, of the patches
        (level,) = network.levels
        assert maps[level.stride].shape[2:] == (shape[1] // level.stride, shape[2] // level.stride)
        return
    assert len(maps) >= 2
    if isinstance(network, RCNN):  # whose maps are of regions, not of pictures
        return
    for level in network.levels:
        field = receptive_field(network, shape, level.layer)
        assert (field.rows.jump, field.columns.jump) == (level.stride, level.stride), level


@pytest.mark.parametrize("name", TIMM)
def test_levels_are_those_of_timm(name: str) -> None:
    with weightless():
        network = create_model(name)
    assert [(level.channels, level.stride) for level in network.levels] == TIMM[name]


@pytest.mark.parametrize("name", SIDES)
def test_the_maps_are_those_of_the_layers_also_of_odd_pictures(name: str) -> None:
    options, sides = SIDES[name]
    network = made(name, **options)
    x = pictures(network)
    with torch.no_grad():
        maps = network.forward_levels(x)
        assert torch.equal(maps[network.levels[-1].stride], network.forward_features(x))
    assert [tuple(found.shape[2:]) for found in maps.values()] == sides
    for level in network.levels:  # which gives a copy: what works in place behind a level would show
        assert torch.equal(maps[level.stride], activation_of(network, x, level.layer))


def test_gradients_flow_through_all_levels() -> None:
    network = made("resnet18", width=8).train()
    maps = network.forward_levels(pictures(network))
    sum(found.square().mean() for found in maps.values()).backward()
    for name, parameter in network.named_parameters():
        assert (parameter.grad is None) == name.startswith("fc."), name


class Means(nn.Module):
    """The mean of each map of each level, (N, sum of channels)."""

    def __init__(self, trunk: Network) -> None:
        super().__init__()
        self.trunk = trunk

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([found.mean((2, 3)) for found in self.trunk.forward_levels(x).values()], dim=1)


@pytest.mark.parametrize("name", ["resnet18", "vgg11", "efficientnet_lite0", "googlenet"])
def test_what_stands_on_levels_is_exported(name: str) -> None:
    network = Means(made(name, **SIDES[name][0])).eval()
    x = pictures(network.trunk)
    file = emit(network, x, "x", "means").SerializeToString()
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    (found,) = session.run(["means"], {"x": x.numpy()})
    with torch.no_grad():
        expected = network(x).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


def test_no_hook_is_left_behind_and_what_cannot_be_is_refused() -> None:
    network = made("vgg11", width=8, hidden=8)
    with pytest.raises(ShapeError, match="too small for VGG"):
        network.forward_levels(torch.zeros(1, 3, 8, 8))
    network.forward_levels(torch.zeros(1, 3, 32, 32))
    assert not any(module._forward_hooks for module in network.modules())
    network.levels = ()
    with pytest.raises(InputError, match="VGG does not tell the levels of its trunk"):
        network.forward_levels(torch.zeros(1, 3, 32, 32))
