"""LR-ASPP: MobileNetV3 for segmentation (Howard et al.: Searching for MobileNetV3, 2019, section 6.4).

Key names and order are torchvision's. Deviations from the paper, those of torchvision's form: the gate is an
average of the whole map, where the paper's are averages of 49x49 places, 16 or 20 apart; and the trunk keeps
all channels in its last stage, where the paper halves them.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from foveate.models.dilated import DilatedMobileNetV3
from foveate.models.registry import register
from foveate.models.segmenter import Segmenter, resized


class LRASPPHead(nn.Module):
    """Scores of a fine map, and of a coarse one gated by what the whole picture says, added.

    Shapes: (N, low_channels, h, w) and (N, high_channels, h', w') to (N, num_classes, h, w).
    """

    def __init__(self, low_channels: int, high_channels: int, channels: int, num_classes: int) -> None:
        super().__init__()
        self.cbr = nn.Sequential(
            nn.Conv2d(high_channels, channels, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU()
        )
        self.scale = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(high_channels, channels, 1, bias=False), nn.Sigmoid()
        )
        self.low_classifier = nn.Conv2d(low_channels, num_classes, 1)
        self.high_classifier = nn.Conv2d(channels, num_classes, 1)

    def forward(self, low: Tensor, high: Tensor) -> Tensor:
        gated = self.cbr(high) * self.scale(high)  # (N, 128, 33, 33) from 520x520
        return self.low_classifier(low) + self.high_classifier(resized(gated, low))  # (N, 21, 65, 65)


@register("lraspp_mobilenet_v3_large")
class LRASPP(Segmenter):
    """A dilated MobileNetV3-Large: its first map of stride 8 is the fine one, its last (of 16) the coarse.

    ``width`` is MobileNetV3's, ``channels`` the width of the head.
    """

    score_layers = ("classifier.low_classifier", "classifier.high_classifier")
    trunk_layers = ("backbone",)
    trunk_name = "mobilenet_v3_large"

    def __init__(
        self, *, width: float = 1.0, channels: int = 128, num_classes: int = 21, in_channels: int = 3
    ) -> None:
        backbone = DilatedMobileNetV3(width=width, in_channels=in_channels)
        features = backbone.num_features
        super().__init__(num_features=features, num_classes=num_classes, in_channels=in_channels)
        self.backbone = backbone
        self.follow(backbone.windows, backbone.levels)
        self.classifier = LRASPPHead(backbone.low_channels, features, channels, num_classes)

    def forward_features(self, x: Tensor) -> Tensor:
        return self.backbone.forward_maps(x)[1]

    def forward_scores(self, x: Tensor, *, aux: bool) -> tuple[Tensor, ...]:
        return (self.classifier(*self.backbone.forward_maps(x)),)

    def trunk_weights(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {f"backbone.{key.removeprefix('features.')}": value for key, value in state.items()}
