"""What FCN and DeepLabV3 on dilated ResNets have in common, as in torchvision: trunk, auxiliary head, names."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from foveate.models.resnet import ResNet
from foveate.models.segmenter import Segmenter

AUX_WEIGHT = 0.5  # of the auxiliary head's loss, as in torchvision's training


class FCNHead(nn.Sequential):
    """3x3 convolution to a quarter of the channels, batch norm, ReLU, dropout, 1x1 convolution to scores."""

    def __init__(self, in_channels: int, num_classes: int, dropout: float = 0.1) -> None:
        channels = in_channels // 4
        super().__init__(
            nn.Conv2d(in_channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Conv2d(channels, num_classes, 1),
        )


class DilatedResNet(Segmenter):
    """A ResNet whose last two stages are dilated, so that their maps keep an eighth of the picture's side.

    A family makes ``classifier``, from the last map (N, num_features, h, w) to scores (N, num_classes, h, w),
    whose layer ``4`` gives them. With ``aux_loss`` an :class:`FCNHead` stands behind the third stage, which
    only training uses, through ``forward_with_aux``. ``depths`` and ``width`` are the ResNet's.
    """

    trunk_layers = ("backbone",)
    aux_weight: ClassVar[float] = AUX_WEIGHT
    classifier: nn.Sequential

    def __init__(
        self,
        *,
        trunk: str,
        depths: tuple[int, int, int, int],
        width: int,
        aux_loss: bool,
        num_classes: int,
        in_channels: int,
    ) -> None:
        backbone = ResNet(
            block="bottleneck",
            depths=depths,
            width=width,
            replace_stride_with_dilation=(False, True, True),
            in_channels=in_channels,
        )
        super().__init__(
            num_features=backbone.num_features, num_classes=num_classes, in_channels=in_channels
        )
        backbone.drop_head()
        self.trunk_name = trunk
        self.backbone = backbone
        self._follow(backbone)
        self.aux_classifier = FCNHead(self.num_features // 2, num_classes) if aux_loss else None
        self.score_layers = ("classifier.4", *(["aux_classifier.4"] if aux_loss else []))

    def forward_features(self, x: Tensor) -> Tensor:
        return self.backbone.forward_features(x)  # (N, 2048, 65, 65) from 520x520

    def forward_scores(self, x: Tensor, *, aux: bool) -> tuple[Tensor, ...]:
        _, _, third, fourth = self.backbone.forward_stages(x)  # (N, 1024, 65, 65), (N, 2048, 65, 65)
        scores = self.classifier(fourth)  # (N, 21, 65, 65)
        heads = [self.aux_classifier] if aux and self.aux_classifier is not None else []
        return scores, *(head(third) for head in heads)

    def is_optional(self, key: str) -> bool:
        return self.aux_classifier is None and key.startswith("aux_classifier.")
