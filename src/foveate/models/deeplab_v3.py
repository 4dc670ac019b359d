"""DeepLabV3 (Chen et al.: Rethinking atrous convolution for semantic image segmentation, 2017).

arXiv:1706.05587. Key names and order are torchvision's. Deviations from the paper, of torchvision's form:

- the blocks of the ResNet's last stage have dilations 2, 4, 4, not the multi-grid's (1, 2, 4) times 4;
- the pyramid's rates are 12, 24 and 36, the paper's for a map at an eighth of the picture's side (its 6, 12
  and 18 doubled), on MobileNetV3 too, whose map is at a sixteenth;
- a 3x3 convolution stands between the pyramid and the scores, and dropout of 0.5 behind the pyramid;
- an auxiliary head on an earlier map, which only training uses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from foveate.models.dilated import DilatedSegmenter
from foveate.models.registry import register
from foveate.models.segmenter import resized

RATES = (12, 24, 36)


class ASPPConv(nn.Sequential):
    """Convolution (3x3 dilated by ``rate``, or 1x1 without one), batch norm, ReLU; the side is kept."""

    def __init__(self, in_channels: int, channels: int, rate: int | None = None) -> None:
        conv = (
            nn.Conv2d(in_channels, channels, 1, bias=False)
            if rate is None
            else nn.Conv2d(in_channels, channels, 3, padding=rate, dilation=rate, bias=False)
        )
        super().__init__(conv, nn.BatchNorm2d(channels), nn.ReLU())


class ASPPPooling(nn.Sequential):
    """What the whole picture says: global average, 1x1 convolution, batch norm, ReLU, spread over the map."""

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(in_channels, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
        )

    def forward(self, input: Tensor) -> Tensor:
        return resized(super().forward(input), input)


class ASPP(nn.Module):
    """Atrous spatial pyramid pooling: one map seen at several rates. (N, C, h, w) to (N, channels, h, w)."""

    def __init__(self, in_channels: int, channels: int, rates: tuple[int, ...], dropout: float) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            [
                ASPPConv(in_channels, channels),
                *(ASPPConv(in_channels, channels, rate) for rate in rates),
                ASPPPooling(in_channels, channels),
            ]
        )
        self.project = nn.Sequential(
            nn.Conv2d(len(self.convs) * channels, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Dropout(dropout),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.project(torch.cat([conv(x) for conv in self.convs], dim=1))


@dataclass(frozen=True)
class ASPPSettings:
    channels: int = 256
    rates: tuple[int, ...] = RATES
    dropout: float = 0.5


USUAL = ASPPSettings()


@register("deeplabv3_resnet50", trunk="resnet50")
@register("deeplabv3_mobilenet_v3_large", trunk="mobilenet_v3_large")
class DeepLabV3(DilatedSegmenter):
    """A dilated trunk and the pyramid of ``rates``, ``channels`` wide."""

    def __init__(
        self,
        aspp: ASPPSettings = USUAL,
        *,
        trunk: str = "resnet50",
        trunk_options: Mapping[str, Any] | None = None,
        aux_loss: bool = True,
        num_classes: int = 21,
        in_channels: int = 3,
    ) -> None:
        super().__init__(
            trunk=trunk,
            trunk_options=trunk_options,
            aux_loss=aux_loss,
            num_classes=num_classes,
            in_channels=in_channels,
        )
        channels = aspp.channels
        self.classifier = nn.Sequential(
            ASPP(self.num_features, channels, aspp.rates, aspp.dropout),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, num_classes, 1),
        )
