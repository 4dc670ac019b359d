"""FCN on dilated ResNets, as torchvision has it.

There is no paper of just this network: its head is of Long, Shelhamer, Darrell (Fully convolutional networks for
semantic segmentation, 2015, arXiv:1411.4038; as they wrote it: `foveate.models.fcn`), its trunk of Yu, Koltun
(Multi-scale context aggregation by dilated convolutions, 2015, arXiv:1511.07122), and its auxiliary head of Zhao
et al. (Pyramid scene parsing network, 2016, arXiv:1612.01105). Key names are torchvision's.
"""

from __future__ import annotations

from foveate.models.dilated_resnet import DilatedResNet, FCNHead
from foveate.models.registry import register


@register("fcn_resnet50", trunk="resnet50", depths=(3, 4, 6, 3))
@register("fcn_resnet101", trunk="resnet101", depths=(3, 4, 23, 3))
class FCNResNet(DilatedResNet):
    """Scores of the last map at an eighth of the side, brought to the picture's size bilinearly."""

    def __init__(
        self,
        *,
        trunk: str = "resnet50",
        depths: tuple[int, int, int, int] = (3, 4, 6, 3),
        width: int = 64,
        aux_loss: bool = True,
        dropout: float = 0.1,
        num_classes: int = 21,
        in_channels: int = 3,
    ) -> None:
        super().__init__(
            trunk=trunk,
            depths=depths,
            width=width,
            aux_loss=aux_loss,
            num_classes=num_classes,
            in_channels=in_channels,
        )
        self.classifier = FCNHead(self.num_features, num_classes, dropout)
