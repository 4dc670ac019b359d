"""FCN: the paper's figures, the release's crops, VGG-16's weights as convolutions, any trunk with levels."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from foveate.errors import InputError
from foveate.explanation import receptive_field
from foveate.models import create_model, list_models, model_info
from foveate.models.fcn import FCN, FINAL_OFFSET_PX, POOL3_OFFSET, POOL4_OFFSET, bilinear
from foveate.models.segmenter import Segmenter
from foveate.models.weightless import weightless

SMALL = {"width": 4, "hidden": 16}


def made(name: str, **options: object) -> Segmenter:
    torch.manual_seed(0)
    network = create_model(name, num_classes=3, **options).eval()
    assert isinstance(network, Segmenter)
    return network


def scored(network: Segmenter) -> Segmenter:
    """With scores that are not zero, as they are at first."""
    for name in network.score_layers:
        torch.nn.init.normal_(network.get_submodule(name).weight)
    return network


# --- On VGG-16 ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(1, 1), (33, 47), (64, 31)])
@pytest.mark.parametrize("name", ["fcn32s", "fcn16s", "fcn8s"])
def test_scores_are_as_large_as_any_picture_and_zero_at_first(name: str, size: tuple[int, int]) -> None:
    scores = made(name, **SMALL)(torch.randn(2, 3, *size))
    assert scores.shape == (2, 3, *size) and not scores.any()


def test_a_place_of_fc7_sees_the_papers_404_pixels_in_steps_of_32() -> None:
    with weightless():
        network = create_model("fcn32s")
    field = receptive_field(network, (3, 500, 500), "relu7")
    assert (field.rows.size, field.rows.jump) == (404, 32)
    assert network.map_size(500, 500) == (16, 16)


def coordinates(*layers: tuple[str, int, int, int]) -> tuple[float, float]:
    """(a, b) of place = a · pixel + b, through layers (kind, kernel, stride, padding): Caffe's coord_map."""
    a, b = 1.0, 0.0
    for kind, kernel, stride, padding in layers:
        shift = (kernel - 1) / 2 - padding
        scale, offset = (1 / stride, -shift / stride) if kind == "conv" else (float(stride), shift)
        a, b = a * scale, b * scale + offset
    return a, b


def test_the_crops_begin_where_the_layers_coordinates_meet() -> None:
    pool = ("conv", 2, 2, 0)
    same = ("conv", 3, 1, 1)
    first = [("conv", 3, 1, 100), same, pool, same, same, pool, same, same, same, pool]
    third = [same, same, same, pool]
    to_top = [*first, *third, *third, ("conv", 7, 1, 0), ("conv", 1, 1, 0)]
    up2 = ("up", 4, 2, 0)
    # What lies over place p of a map after all these layers is place p - offset of what is cropped to fit.
    offsets = {
        32: [*to_top, ("up", 64, 32, 0)],
        16: [*to_top, up2, ("up", 32, 16, 0)],
        8: [*to_top, up2, up2, ("up", 16, 8, 0)],
    }
    for stride, layers in offsets.items():
        a, b = coordinates(*layers)
        assert (a, b) == (1, FINAL_OFFSET_PX[stride])
    a4, b4 = coordinates(*first, *third)
    top4 = coordinates(*to_top, up2)
    assert top4[0] == a4 and b4 - top4[1] == POOL4_OFFSET
    a3, b3 = coordinates(*first)
    top3 = coordinates(*to_top, up2, up2)
    assert top3[0] == a3 and b3 - top3[1] == POOL3_OFFSET


@pytest.mark.parametrize("factor", [2, 8, 32])
def test_upsampling_is_bilinear_interpolation_inside_the_map(factor: int) -> None:
    x = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    layer = bilinear(3, factor)
    assert not list(layer.parameters())  # fixed
    half = factor // 2
    got = layer(x)[:, :, half:-half, half:-half]
    expected = F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)
    inside = slice(half, -half)
    torch.testing.assert_close(got[..., inside, inside], expected[..., inside, inside], rtol=1e-5, atol=1e-5)


def test_vgg16s_dense_layers_become_convolutions() -> None:
    """What fc7 has at a place is what VGG-16's head makes of the 7x7 window there."""
    torch.manual_seed(1)
    classifier = create_model("vgg16", width=4, hidden=16).eval()
    network = made("fcn32s", **SMALL)
    network.load_trunk(classifier)
    x = torch.randn(1, 3, 150, 90)
    with torch.no_grad():
        top = network.forward_features(x)
        pool5 = network.features(x)
        assert tuple(top.shape[2:]) == (pool5.shape[2] - 6, pool5.shape[3] - 6)
        for row, column in ((0, 0), (top.shape[2] - 1, 1)):
            window = pool5[:, :, row : row + 7, column : column + 7]
            expected = classifier.classifier[:5](window.flatten(1))
            torch.testing.assert_close(top[:, :, row, column], expected, rtol=1e-4, atol=1e-6)
    for key, value in classifier.features.state_dict().items():
        assert torch.equal(network.features.state_dict()[key], value)


def test_skips_are_weighed_as_in_the_release() -> None:
    network = scored(made("fcn8s", **SMALL))
    x = torch.randn(1, 3, 40, 40)
    with torch.no_grad():
        whole = network(x)
        network.score_pool4.weight.mul_(0.01)
        network.score_pool3.weight.mul_(0.0001)
        network.skip_scales = (1.0, 1.0)
        torch.testing.assert_close(network(x), whole)


def test_new_classes_start_at_zero_and_are_upsampled() -> None:
    network = scored(made("fcn16s", **SMALL)).double()
    network.reset_classifier(5)
    x = torch.randn(1, 3, 40, 33).double()
    assert network(x).shape == (1, 5, 40, 33) and not network(x).any()
    assert network.upscore.weight.shape == (5, 1, 32, 32) and network.upscore.weight.dtype == torch.float64


def test_other_strides_are_refused() -> None:
    with pytest.raises(InputError, match="is 32, 16 or 8, not 4"):
        create_model("fcn8s", stride=4)


# --- On any trunk ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [n for n in list_models() if model_info(n).output == "vector"])
def test_every_classifier_can_be_a_trunk(name: str) -> None:
    """At the stride of its finest level, and without the layers of its head."""
    info = model_info(name)
    with weightless():
        trunk = create_model(name)
        network = FCN(trunk, stride=trunk.levels[0].stride, num_classes=2)
    x = torch.zeros(1, *info.input_size, device="meta")
    assert network(x).shape == (1, 2, *info.input_size[1:])
    assert [int(stride) for stride in network.score] == [level.stride for level in reversed(trunk.levels)]
    kept = {name.split(".")[0] for name, _ in network.trunk.named_parameters()}
    assert not kept & {"classifier", "fc", "fc1", "aux1", "aux2", "output", "c5"}


def test_efficientnets_last_map_is_the_one_before_its_last_convolution() -> None:
    """320 channels, as timm's features_only gives; the classifier is as it was."""
    with weightless():
        classifier, network = create_model("efficientnet_lite0"), create_model("fcn8s_efficientnet_lite0")
    found = [(level.channels, level.stride) for level in network.levels]
    assert found == [(16, 2), (24, 4), (40, 8), (112, 16), (320, 32)]
    assert network.num_features == 320 and classifier.num_features == 1280
    assert network.forward_features(torch.zeros(1, 3, 64, 64, device="meta")).shape == (1, 320, 2, 2)


@pytest.mark.parametrize(
    ("name", "options", "size"),
    [
        ("resnet18", {"width": 8}, (45, 70)),
        ("efficientnet_lite0", {"width": 0.5, "depth": 0.25}, (45, 70)),
        ("vgg11", {"width": 4, "hidden": 8}, (45, 70)),  # rounds sides down, where the others round up
    ],
)
def test_scores_of_levels_are_added_from_coarse_to_fine(
    name: str, options: dict[str, object], size: tuple[int, int]
) -> None:
    torch.manual_seed(0)
    network = scored(FCN(create_model(name, **options), stride=8, num_classes=4).eval())
    x = torch.randn(2, 3, *size)
    up = partial(F.interpolate, mode="bilinear", align_corners=False)
    with torch.no_grad():
        maps = network.trunk.forward_levels(x)
        fused: Tensor | None = None
        for stride in (32, 16, 8):
            weight = network.score[str(stride)].weight[:, :, 0, 0]
            scores = torch.einsum("kc,nchw->nkhw", weight, maps[stride])
            fused = scores if fused is None else scores + up(fused, scores.shape[2:])
        assert fused is not None
        torch.testing.assert_close(network(x), up(fused, size), rtol=1e-4, atol=1e-4)


def test_a_trunk_takes_the_weights_of_its_classifier() -> None:
    torch.manual_seed(1)
    classifier = create_model("efficientnet_lite0", width=0.5, depth=0.25).eval()
    network = made("fcn8s_efficientnet_lite0", trunk_options={"width": 0.5, "depth": 0.25})
    network.load_trunk(classifier)
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(network.forward_features(x), classifier.features[:-1](x))
    with pytest.raises(InputError, match="takes the weights of efficientnet_lite0, and those of this ResNet"):
        network.load_trunk(create_model("resnet18", width=8))


def test_finer_strides_cost_little() -> None:
    """The paper's point: the skips are nearly free."""
    for trunk in ("", "_efficientnet_lite0", "_resnet18", "_resnet50"):
        macs = [model_info(f"fcn{stride}s{trunk}").macs for stride in (32, 16, 8)]
        assert all(coarse < fine < 1.01 * coarse for coarse, fine in pairwise(macs))


def test_what_is_no_trunk_is_refused() -> None:
    with pytest.raises(InputError, match=r"stride 64 .* levels of resnet18 have 2, 4, 8, 16, 32\."):
        create_model("fcn8s_resnet18", stride=64)
    with pytest.raises(InputError, match="FCN with stride 8 needs a classifier"):
        create_model("fcn8s_resnet18", trunk="fcn8s_resnet18")
    with pytest.raises(InputError, match="call it on pictures"):
        made("fcn8s_resnet18").forward_head(torch.zeros(1, 512, 1, 1))


def test_training_lowers_the_loss_of_a_map_of_labels() -> None:
    """Two halves of a picture, told apart by their brightness."""
    network = made("fcn8s_resnet18", trunk_options={"width": 8}).train()
    labels = torch.zeros(4, 32, 48, dtype=torch.long)
    labels[:, :, 24:] = 2
    x = labels[:, None].float().expand(-1, 3, -1, -1) - 1 + 0.1 * torch.randn(4, 3, 32, 48)
    optimiser = torch.optim.Adam(network.parameters(), 3e-3)
    for _ in range(20):
        loss = F.cross_entropy(network(x), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    right = (network(x).argmax(1) == labels).float().mean()
    assert loss.item() < 0.5 * np.log(3) and right > 0.9
