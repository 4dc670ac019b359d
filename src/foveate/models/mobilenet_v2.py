"""MobileNetV2 (Sandler et al.: MobileNetV2: inverted residuals and linear bottlenecks, 2018).

arXiv:1801.04381. Key names and order are torchvision's; timm's are taken on loading. Deviation from the
paper, that of torchvision's form: padding is (k - 1)/2 on every side, where the paper's program pads by
TensorFlow's "SAME" rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor, nn

from foveate.layers.mbconv import ConvNormActivation, Style, round_channels
from foveate.models.anatomy import Level, Network
from foveate.models.registry import register

RELU6 = Style(activation=nn.ReLU6)


class Stage(NamedTuple):
    """A row of the paper's table 2: expansion t, channels c, blocks n, stride s of the first."""

    expand_ratio: int
    channels: int
    depth: int
    stride: int


STAGES = (
    Stage(1, 16, 1, 1),
    Stage(6, 24, 2, 2),
    Stage(6, 32, 3, 2),
    Stage(6, 64, 4, 2),
    Stage(6, 96, 3, 1),
    Stage(6, 160, 3, 2),
    Stage(6, 320, 1, 1),
)
STEM_CHANNELS = 32
HEAD_CHANNELS = 1280


class InvertedResidual(nn.Module):
    """1x1 expansion, depthwise 3x3 convolution, 1x1 projection without activation; + x where shapes agree.

    (N, in_channels, H, W) to (N, out_channels, ⌈H/stride⌉, …).
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int, expand_ratio: int) -> None:
        super().__init__()
        hidden = in_channels * expand_ratio
        expansion = [ConvNormActivation(in_channels, hidden, style=RELU6)] if expand_ratio > 1 else []
        self.conv = nn.Sequential(
            *expansion,
            ConvNormActivation(hidden, hidden, 3, stride=stride, groups=hidden, style=RELU6),
            nn.Conv2d(hidden, out_channels, 1, bias=False),
            nn.BatchNorm2d(out_channels),
        )
        self.has_shortcut = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.has_shortcut else self.conv(x)


@register("mobilenet_v2")
class MobileNetV2(Network):
    """A first convolution, 17 inverted residual blocks, a 1x1 convolution, average pooling, scores.

    ``width`` multiplies the channels, which stay multiples of 8; the last 1280 only grow.
    """

    classifier_name = "classifier.1"

    def __init__(
        self, *, width: float = 1.0, dropout: float = 0.2, num_classes: int = 1000, in_channels: int = 3
    ) -> None:
        last = round_channels(HEAD_CHANNELS * max(1.0, width))
        super().__init__(num_features=last, num_classes=num_classes, in_channels=in_channels)
        channels = round_channels(STEM_CHANNELS * width)
        layers: list[nn.Module] = [ConvNormActivation(in_channels, channels, 3, stride=2, style=RELU6)]
        levels, stride = {}, 2  # (N, 32, 112, 112) from 224x224
        self.depths = tuple(stage.depth for stage in STAGES)
        for stage in STAGES:
            wide, stride = round_channels(stage.channels * width), stride * stage.stride
            for i in range(stage.depth):
                step = stage.stride if i == 0 else 1
                layers.append(InvertedResidual(channels, wide, step, stage.expand_ratio))
                channels = wide
            levels[stride] = Level(f"features.{len(layers) - 1}", channels, stride)
        layers.append(ConvNormActivation(channels, last, style=RELU6))
        levels[stride] = Level(f"features.{len(layers) - 1}", last, stride)
        self.levels = tuple(levels.values())
        self.features = nn.Sequential(*layers)  # (N, 1280, 7, 7)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(last, num_classes))
        self.apply(_initialise)

    def forward_features(self, x: Tensor) -> Tensor:
        self.check_input(x)
        return self.features(x)

    def forward_head(self, features: Tensor) -> Tensor:
        return self.classifier(self.avgpool(features).flatten(1))

    def foreign_names(self) -> tuple[Mapping[str, str], ...]:
        """timm's layers come in the order of ours: they differ in their names alone."""
        blocks = [f"blocks.{s}.{i}." for s, depth in enumerate(self.depths) for i in range(depth)]
        first = ("conv_dw", "bn1", "conv_pw", "bn2")
        others = ("conv_pw", "bn1", "conv_dw", "bn2", "conv_pwl", "bn3")
        theirs = ["conv_stem", "bn1"]
        for i, block in enumerate(blocks):
            theirs += [block + layer for layer in (others if i else first)]
        theirs += ["conv_head", "bn2", "classifier"]
        ours = [n for n, m in self.named_modules() if isinstance(m, nn.Conv2d | nn.BatchNorm2d | nn.Linear)]
        return (dict(zip(theirs, ours, strict=True)),)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out")
    elif isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.01)
        nn.init.zeros_(module.bias)
