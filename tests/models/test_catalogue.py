"""The table of networks against the published figures, and against the networks themselves."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from foveate.layers.attention import MultiHeadAttention
from foveate.models import create_model, list_models, model_info
from foveate.models.anatomy import Network
from foveate.models.published import PRETRAINED

# torchvision's documentation (0.28) for its networks, timm's results table for Lite (tf_efficientnet_lite*),
# guide and papers for the rest.
PUBLISHED_PARAMETERS = {
    "lenet5": 61_706,
    "alexnet": 61_100_840,
    "vgg11": 132_863_336,
    "vgg11_bn": 132_868_840,
    "vgg13": 133_047_848,
    "vgg13_bn": 133_053_736,
    "vgg16": 138_357_544,
    "vgg16_bn": 138_365_992,
    "vgg19": 143_667_240,
    "vgg19_bn": 143_678_248,
    "googlenet": 6_624_904,
    "resnet18": 11_689_512,
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "resnet101": 44_549_160,
    "resnet152": 60_192_808,
    "efficientnet_b0": 5_288_548,
    "efficientnet_b1": 7_794_184,
    "efficientnet_b2": 9_109_994,
    "efficientnet_b3": 12_233_232,
    "efficientnet_b4": 19_341_616,
    "efficientnet_b5": 30_389_784,
    "efficientnet_b6": 43_040_704,
    "efficientnet_b7": 66_347_960,
    "efficientnet_lite0": 4_652_008,
    "efficientnet_lite1": 5_416_680,
    "efficientnet_lite2": 6_092_072,
    "efficientnet_lite3": 8_197_096,
    "efficientnet_lite4": 13_006_568,
    "mobilenet_v3_small": 2_542_856,
    "mobilenet_v3_large": 5_483_032,
    "mobilenet_v2": 3_504_872,
    "densenet121": 7_978_856,
    "resnext50_32x4d": 25_028_904,
    "efficientnet_v2_s": 21_458_488,
    "convnext_tiny": 28_589_128,
    "vit_b_16": 86_567_656,
    "vit_b_32": 88_224_232,
    # DeiT's table 1 has 5M and 22M; to the unit, 12 blocks of 12 D D + 13 D, patches, places, norm and head.
    # A distilled one has a token, its place, and a second head more.
    "deit_tiny": 5_717_416,
    "deit_small": 22_050_664,
    "deit_tiny_distilled": 5_717_416 + 2 * 192 + 193 * 1000,
    "deit_small_distilled": 22_050_664 + 2 * 384 + 385 * 1000,
    "fcn_resnet50": 35_322_218,
    "fcn_resnet101": 54_314_346,
    "deeplabv3_resnet50": 42_004_074,
    "deeplabv3_mobilenet_v3_large": 11_029_328,
    "lraspp_mobilenet_v3_large": 3_221_538,
    # By hand, C_out (C_in k k + 1) a convolution, 2 C a batch norm, (inputs + 1) outputs a dense layer:
    "convnet1": 16 * 26 + 32 + 32 * (16 * 25 + 1) + 64 + (1568 + 1) * 10,
    "convnet1_k3": 16 * 10 + 32 + 32 * (16 * 9 + 1) + 64 + (1568 + 1) * 10,
    "lesson32": 32 * 28 + 64 * 289 + 128 * 577 + 2049 * 256 + 257 * 10,
    "lesson_cnn": 32 * 28 + 64 + 64 * 289 + 128 + 128 * 577 + 256 + 2049 * 256 + 257 * 10,
    "tinyvgg": 10 * 28 + 3 * 10 * 91 + 1691 * 10,
}
# torchvision counts a segmentation network's auxiliary head (3x3 to a quarter of C, batch norm, 1x1 to 21),
# but not GoogLeNet's two.
AUX = {
    name: 9 * c * (c // 4) + 2 * (c // 4) + (c // 4 + 1) * 21
    for name, c in {
        **dict.fromkeys(("fcn_resnet50", "fcn_resnet101", "deeplabv3_resnet50"), 1024),
        "deeplabv3_mobilenet_v3_large": 40,
    }.items()
}
# FCN is its classifier without the last dense layer (and EfficientNet's last convolution), and (C + 1) 21 for
# each map of C channels that is scored. The paper's table 1 has 134M for VGG-16.
BODIES = {
    "": PUBLISHED_PARAMETERS["vgg16"] - (4096 + 1) * 1000,
    "_efficientnet_lite0": PUBLISHED_PARAMETERS["efficientnet_lite0"] - 1281 * 1000 - 320 * 1280 - 2 * 1280,
    "_resnet18": PUBLISHED_PARAMETERS["resnet18"] - 513 * 1000,
    "_resnet50": PUBLISHED_PARAMETERS["resnet50"] - 2049 * 1000,
}
SCORED = {
    "": (4096, 512, 256),
    "_efficientnet_lite0": (320, 112, 40),
    "_resnet18": (512, 256, 128),
    "_resnet50": (2048, 1024, 512),
}
PUBLISHED_PARAMETERS |= {
    f"fcn{stride}s{trunk}": BODIES[trunk] + 21 * sum(c + 1 for c in SCORED[trunk][:maps])
    for trunk in BODIES
    for stride, maps in ((32, 1), (16, 2), (8, 3))
}
# A pyramid: its trunk's layers up to the last level; for each level of C channels a 1x1 convolution to 96, a
# depthwise and a pointwise one, a norm behind each; (96 + 1) 21 for the scores.
LITE2_BODY = PUBLISHED_PARAMETERS["efficientnet_lite2"] - 1281 * 1000 - 352 * 1280 - 2 * 1280
PUBLISHED_PARAMETERS |= {
    f"pyramid{trunk}": body + sum(96 * c + 96 * 9 + 96 * 96 + 3 * 2 * 96 for c in levels) + 97 * 21
    for trunk, body, levels in (
        ("_efficientnet_lite0", BODIES["_efficientnet_lite0"], (24, 40, 112, 320)),
        ("_efficientnet_lite2", LITE2_BODY, (24, 48, 120, 352)),
        ("_resnet18", BODIES["_resnet18"], (64, 128, 256, 512)),
    )
}
# GMACs of torchvision's documentation ("GFLOPS" there) at its own picture sizes, where those are the paper's.
PUBLISHED_GMACS = {
    "alexnet": 0.71,
    "vgg11": 7.61,
    "vgg13": 11.31,
    "vgg16": 15.47,
    "vgg19": 19.63,
    "googlenet": 1.50,
    "resnet18": 1.81,
    "resnet34": 3.66,
    "resnet50": 4.09,
    "resnet101": 7.80,
    "resnet152": 11.51,
    "efficientnet_b0": 0.39,
    "efficientnet_b1": 0.69,
    "efficientnet_b3": 1.83,
    "efficientnet_b4": 4.39,
    "efficientnet_b5": 10.27,
    "efficientnet_b6": 19.07,
    "efficientnet_b7": 37.75,
    "mobilenet_v3_small": 0.06,
    "mobilenet_v3_large": 0.22,
    "lraspp_mobilenet_v3_large": 2.09,
    "mobilenet_v2": 0.30,
    "densenet121": 2.83,
    "resnext50_32x4d": 4.23,
    "efficientnet_v2_s": 8.37,
    "convnext_tiny": 4.46,
    "vit_b_16": 17.56,
    "vit_b_32": 4.41,
    "deit_tiny": 1.25,  # timm's benchmark table
    "deit_small": 4.60,
    # With the auxiliary head, at 65x65 places:
    "fcn_resnet50": 152.72,
    "fcn_resnet101": 232.74,
    "deeplabv3_resnet50": 178.72,
    "deeplabv3_mobilenet_v3_large": 10.45,
}
COUNTED = ["alexnet", "vgg16", "googlenet", "resnet18", "resnet50", "efficientnet_b0", "efficientnet_lite2"]
COUNTED += ["vit_b_32", "deit_tiny", "convnext_tiny", "resnext50_32x4d"]
GUIDE_TOP5 = {"alexnet": 16.4, "vgg16": 7.3, "googlenet": 6.7, "resnet50": 5.3, "efficientnet_b0": 6.7}
GUIDE_YEARS = {"lenet5": 1998, "alexnet": 2012, "vgg16": 2014, "googlenet": 2014, "resnet50": 2015}
COMPACT = "compact"  # this program's own network, which has no published figures; its own tests hold it

NAMES = [
    name
    for name in list_models()
    if COMPACT not in name and model_info(name).output not in {"boxes", "words"}
]


def on_meta(name: str) -> Network:
    with torch.device("meta"):
        return create_model(name)


def auxiliary(name: str) -> list[nn.Parameter]:
    """The parameters of a segmentation network's auxiliary head."""
    if model_info(name).output == "vector":
        return []
    return [value for key, value in on_meta(name).named_parameters() if key.startswith("aux_classifier")]


def test_every_network_of_the_guide_is_there() -> None:
    assert set(NAMES) == set(PUBLISHED_PARAMETERS)


# Without a figure: this program's own, lessons, and papers' networks on trunks that they did not have.
UNPUBLISHED = (
    *("convnet1", "lesson", "compact", "tinyvgg", "pyramid", "_efficientnet_lite"),
    "s_resnet",
    *("centre", "show_", "rcnn_resnet18"),
)


def test_every_published_network_has_its_figure() -> None:
    for name in list_models():
        info = model_info(name)
        assert bool(info.published) != any(part in name for part in UNPUBLISHED), name
        assert info.year and info.depth and info.macs and info.key_idea and info.title and info.source, name
        figures = [info.top5_error, info.top1_error, info.mean_iou, info.average_precision]
        assert sum(figure is not None for figure in figures) <= 1
    # The publisher tells accuracies of some of them, in `foveate models --pretrained`.
    for name, weights in PRETRAINED.items():
        assert model_info(name).top1_error == pytest.approx(100 - weights.top1_accuracy)


def test_macs_and_errors_are_the_published_ones() -> None:
    for name, giga in PUBLISHED_GMACS.items():
        aux = 65 * 65 * sum(parameter.numel() for parameter in auxiliary(name) if parameter.ndim == 4)
        assert (model_info(name).macs + aux) / 1e9 == pytest.approx(giga, abs=0.006), name
    assert {name: model_info(name).top5_error for name in GUIDE_TOP5} == GUIDE_TOP5
    assert {name: model_info(name).year for name in GUIDE_YEARS} == GUIDE_YEARS
    for name in NAMES:
        info = model_info(name)
        assert not info.published or info.published_note, name  # a figure says how it was measured


@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_counted_to_the_unit(name: str) -> None:
    at_work = [value for key, value in on_meta(name).named_parameters() if not key.startswith("aux")]
    assert sum(value.numel() for value in at_work) == model_info(name).parameters
    assert model_info(name).parameters + AUX.get(name, 0) == PUBLISHED_PARAMETERS[name]
    if name in AUX:
        assert sum(parameter.numel() for parameter in auxiliary(name)) == AUX[name]


# The flop counter is slow: one or two of each family, and what is left is held by PUBLISHED_GMACS.
@pytest.mark.parametrize("name", [n for n in NAMES if PUBLISHED_PARAMETERS[n] < 2_000_000] + COUNTED)
def test_macs_are_counted_to_the_unit(name: str) -> None:
    info, network = model_info(name), on_meta(name).eval()
    pictures = torch.empty(1, *info.input_size, device="meta")
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        scores = network(pictures)
    assert counter.get_total_flops() == 2 * info.macs
    channels = 1 if network.map_layer is None else 2  # behind the tokens
    assert network.forward_features(pictures).shape[channels] == network.num_features
    whole = info.output == "vector"
    assert scores.shape == (1, info.num_classes, *(() if whole else info.input_size[1:]))


@pytest.mark.parametrize(
    "name",
    [
        *("lenet5", "alexnet", "vgg16", "resnet34", "resnet152", "efficientnet_b4", "mobilenet_v3_small"),
        *("mobilenet_v3_large", "fcn32s", "fcn32s_resnet50", "fcn32s_efficientnet_lite0", "fcn_resnet101"),
        *("vit_b_16", "deit_tiny", "mobilenet_v2", "densenet121", "resnext50_32x4d", "convnext_tiny"),
        "efficientnet_v2_s",
    ],
)
def test_depth_counts_the_weighted_layers_of_the_path(name: str) -> None:
    aside = ("downsample", ".fc1", ".fc2", "aux_")  # projection shortcuts; squeeze-and-excitation; training's
    layers = [
        key
        for key, module in on_meta(name).named_modules()
        if isinstance(module, nn.Conv2d | nn.Linear | MultiHeadAttention)
        and not any(part in key for part in aside)
    ]
    assert len(layers) == model_info(name).depth


def test_googlenet_is_22_layers_deep() -> None:
    stem, modules, convolutions_a_module, dense = 3, 9, 2, 1
    assert model_info("googlenet").depth == stem + modules * convolutions_a_module + dense
