"""EfficientNet (Tan, Le: EfficientNet: rethinking model scaling for CNNs, 2019, arXiv:1905.11946).

Key names and order are torchvision's. Deviations from the paper, those of torchvision's form:

- padding is (k - 1)/2 on every side, where the paper's program pads by TensorFlow's "SAME" rule, so that
  weights trained with the one are not quite right in the other;
- B0 to B4 have torch's batch norm (eps 1e-5, momentum 0.1); B5 to B7 the paper's (0.001 and 0.01).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from torch import Tensor, nn

from foveate.layers.mbconv import ConvNormActivation, FusedMBConv, MBConv, Style, round_channels
from foveate.models.anatomy import Level, Network
from foveate.models.registry import register


class Stage(NamedTuple):
    """A row of the paper's table 1: MBConv blocks of one kind, of which the first has the stride.

    ``fused`` ones are EfficientNetV2's.
    """

    expand_ratio: int
    kernel: int
    stride: int
    channels: int
    depth: int
    fused: bool = False


STAGES = (
    Stage(1, 3, 1, 16, 1),
    Stage(6, 3, 2, 24, 2),
    Stage(6, 5, 2, 40, 2),
    Stage(6, 3, 2, 80, 3),
    Stage(6, 5, 1, 112, 3),
    Stage(6, 5, 2, 192, 4),
    Stage(6, 3, 1, 320, 1),
)
STEM_CHANNELS = 32
HEAD_CHANNELS = 1280


class MBConvNetwork(Network):
    """A first convolution, stages of MBConv blocks, a 1x1 convolution, global average pooling, scores.

    ``ends`` are the channels of the two convolutions at the ends.
    """

    classifier_name = "classifier.1"

    def __init__(
        self,
        stages: Sequence[Stage],
        style: Style,
        ends: tuple[int, int],
        *,
        dropout: float,
        stochastic_depth: float,
        num_classes: int,
        in_channels: int,
    ) -> None:
        stem_channels, head_channels = ends
        super().__init__(num_features=head_channels, num_classes=num_classes, in_channels=in_channels)
        self.stages = tuple(stages)
        self.levels = _levels(stages, head_channels)
        total = sum(stage.depth for stage in stages)
        layers: list[nn.Module] = [ConvNormActivation(in_channels, stem_channels, 3, stride=2, style=style)]
        channels, index = stem_channels, 0  # (N, 32, 112, 112) from 224x224
        for stage in stages:
            blocks: list[nn.Module] = []
            for position in range(stage.depth):
                block = (FusedMBConv if stage.fused else MBConv)(
                    channels,
                    stage.channels,
                    kernel=stage.kernel,
                    stride=stage.stride if position == 0 else 1,
                    expand_ratio=stage.expand_ratio,
                    stochastic_depth=stochastic_depth * index / total,
                    style=style,
                )
                blocks.append(block)
                channels, index = stage.channels, index + 1
            layers.append(nn.Sequential(*blocks))
        layers.append(ConvNormActivation(channels, head_channels, style=style))
        self.features = nn.Sequential(*layers)  # (N, 1280, 7, 7)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(head_channels, num_classes))
        self.apply(_initialise)

    def forward_features(self, x: Tensor) -> Tensor:
        self.check_input(x)
        return self.features(x)

    def forward_head(self, features: Tensor) -> Tensor:
        return self.classifier(self.avgpool(features).flatten(1))

    def drop_head(self) -> None:
        """The last convolution serves the average before the scores; a trunk ends with the 320 channels."""
        super().drop_head()
        del self.features[-1]
        self.num_features = self.stages[-1].channels
        last = Level(f"features.{len(self.stages)}", self.num_features, self.levels[-1].stride)
        self.levels = (*self.levels[:-1], last)


@dataclass(frozen=True)
class Size:
    """What tells one of the family from the others."""

    width: float = 1.0
    depth: float = 1.0
    dropout: float = 0.2
    norm_eps: float = 1e-5
    norm_momentum: float = 0.1


B0 = Size()


@register("efficientnet_b0", width=1.0, depth=1.0, dropout=0.2)
@register("efficientnet_b1", width=1.0, depth=1.1, dropout=0.2)
@register("efficientnet_b2", width=1.1, depth=1.2, dropout=0.3)
@register("efficientnet_b3", width=1.2, depth=1.4, dropout=0.3)
@register("efficientnet_b4", width=1.4, depth=1.8, dropout=0.4)
@register("efficientnet_b5", width=1.6, depth=2.2, dropout=0.4, norm_eps=1e-3, norm_momentum=0.01)
@register("efficientnet_b6", width=1.8, depth=2.6, dropout=0.5, norm_eps=1e-3, norm_momentum=0.01)
@register("efficientnet_b7", width=2.0, depth=3.1, dropout=0.5, norm_eps=1e-3, norm_momentum=0.01)
class EfficientNet(MBConvNetwork):
    """The paper's B0, its channels times ``width`` and the blocks of its stages times ``depth``.

    ``stochastic_depth`` is the probability that the last block is skipped in training; it grows from 0.
    """

    def __init__(
        self,
        size: Size = B0,
        *,
        stochastic_depth: float = 0.2,
        num_classes: int = 1000,
        in_channels: int = 3,
    ) -> None:
        super().__init__(
            scaled(STAGES, size.width, size.depth),
            Style(norm_eps=size.norm_eps, norm_momentum=size.norm_momentum),
            (round_channels(STEM_CHANNELS * size.width), round_channels(HEAD_CHANNELS * size.width)),
            dropout=size.dropout,
            stochastic_depth=stochastic_depth,
            num_classes=num_classes,
            in_channels=in_channels,
        )


def scaled(stages: Sequence[Stage], width: float, depth: float) -> list[Stage]:
    """The compound scaling of the paper's section 3.3: channels to multiples of 8, depths rounded up."""
    return [
        stage._replace(channels=round_channels(stage.channels * width), depth=math.ceil(stage.depth * depth))
        for stage in stages
    ]


def _levels(stages: Sequence[Stage], head_channels: int) -> tuple[Level, ...]:
    """Each stage before one that halves the map, and the last convolution behind all of them."""
    levels, stride = [], 2  # of the first convolution
    for number, (stage, following) in enumerate(pairwise(stages), start=1):
        stride *= stage.stride
        if following.stride > 1:
            levels.append(Level(f"features.{number}", stage.channels, stride))
    return (*levels, Level(f"features.{len(stages) + 1}", head_channels, stride * stages[-1].stride))


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Linear):
        bound = 1 / math.sqrt(module.out_features)
        nn.init.uniform_(module.weight, -bound, bound)
        nn.init.zeros_(module.bias)
