"""LR-ASPP, the segmentation head of MobileNetV3 (Howard et al.: Searching for MobileNetV3, 2019, section 6.4).

Key names and order are torchvision's. Deviations from the paper, those of torchvision's form: the gate is a
global average, where the paper's is a 49x49 average with stride 16 (the same up to such a size), and the trunk
keeps all channels in its last stage, where the paper halves them.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from foveate.models.mobilenet_v3 import MobileNetV3
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
    """A dilated MobileNetV3-Large: its first map of stride 8 is the fine one, its last (stride 16) the coarse.

    ``width`` is MobileNetV3's, ``channels`` the width of the head.
    """

    score_layers = ("classifier.low_classifier", "classifier.high_classifier")
    trunk_layers = ("backbone",)
    trunk_name = "mobilenet_v3_large"

    def __init__(
        self, *, width: float = 1.0, channels: int = 128, num_classes: int = 21, in_channels: int = 3
    ) -> None:
        trunk = MobileNetV3(size="large", width=width, dilated=True, in_channels=in_channels)
        super().__init__(num_features=trunk.num_features, num_classes=num_classes, in_channels=in_channels)
        self.backbone = trunk.features
        self.levels = tuple(
            level._replace(layer=level.layer.replace("features", "backbone")) for level in trunk.levels
        )
        halving = [number for number, row in enumerate(trunk.rows, start=1) if row.stride > 1]
        self.low = halving[1]  # behind the first layer (stride 2) and the block before (4): stride 8
        low_channels = trunk.rows[self.low - 1].channels
        self.classifier = LRASPPHead(low_channels, trunk.num_features, channels, num_classes)

    def forward_features(self, x: Tensor) -> Tensor:
        return self.backbone(x)  # (N, 960, 33, 33) from 520x520

    def forward_scores(self, x: Tensor, *, aux: bool) -> tuple[Tensor, ...]:
        low = x
        for number, layer in enumerate(self.backbone):
            x = layer(x)
            low = x if number == self.low else low
        return (self.classifier(low, x),)  # of (N, 40, 65, 65) and (N, 960, 33, 33)

    def trunk_weights(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {f"backbone.{key.removeprefix('features.')}": value for key, value in state.items()}
