"""FCN on dilated ResNets, as torchvision has it.

There is no paper of just this network. The idea is of Long, Shelhamer, Darrell (Fully convolutional networks
for semantic segmentation, 2015; as they have it: `foveate.models.fcn`), the trunk of Yu, Koltun (Multi-scale
context aggregation by dilated convolutions, 2015, arXiv:1511.07122), the head and the auxiliary head of Zhao
et al. (Pyramid scene parsing network, 2016, arXiv:1612.01105). Key names and order are torchvision's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from foveate.models.dilated import DilatedSegmenter, FCNHead
from foveate.models.registry import register


@register("fcn_resnet50", trunk="resnet50")
@register("fcn_resnet101", trunk="resnet101")
class FCNResNet(DilatedSegmenter):
    """Scores of the last map at an eighth of the side, brought to the picture's size bilinearly."""

    def __init__(
        self,
        *,
        trunk: str = "resnet50",
        trunk_options: Mapping[str, Any] | None = None,
        aux_loss: bool = True,
        dropout: float = 0.1,
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
        self.classifier = FCNHead(self.num_features, num_classes, dropout)
