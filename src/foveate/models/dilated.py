"""What torchvision's segmentation networks have in common: dilated trunks, and an auxiliary head.

A dilated trunk keeps its last maps finer than the classifier whose weights it takes (Yu, Koltun: Multi-scale
context aggregation by dilated convolutions, 2015).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar

from torch import Tensor, nn

from foveate.errors import UnknownNameError
from foveate.models.mobilenet_v3 import MobileNetV3
from foveate.models.resnet import ResNet
from foveate.models.segmenter import Segmenter

AUX_WEIGHT = 0.5  # of the auxiliary head's loss, as in torchvision's training


class DilatedResNet(ResNet):
    """A ResNet of bottlenecks, its last two stages dilated: their maps keep an eighth of the side."""

    def __init__(self, *, depths: tuple[int, int, int, int], width: int = 64, in_channels: int = 3) -> None:
        kept = (False, True, True)
        super().__init__(
            depths=depths, width=width, replace_stride_with_dilation=kept, in_channels=in_channels
        )
        self.low_channels = self.num_features // 2
        self.drop_head()

    def forward_maps(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The maps of the last two stages: from 520x520 (N, 1024, 65, 65) and (N, 2048, 65, 65)."""
        _, _, third, fourth = self.forward_stages(x)
        return third, fourth


class DilatedMobileNetV3(nn.Sequential):
    """The layers of a MobileNetV3-Large whose last map stays at a sixteenth of the picture's side."""

    def __init__(self, *, width: float = 1.0, in_channels: int = 3) -> None:
        network = MobileNetV3(size="large", width=width, dilated=True, in_channels=in_channels)
        super().__init__(*network.features)
        self.windows, self.num_features = network.windows, network.num_features
        self.levels = tuple(
            level._replace(layer=level.layer.removeprefix("features.")) for level in network.levels
        )
        halving = [number for number, row in enumerate(network.rows, start=1) if row.stride > 1]
        self.low = halving[1]  # behind the first layer (stride 2) and the block before (4): stride 8
        self.low_channels = network.rows[self.low - 1].channels

    def forward_maps(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The first map of stride 8, and the last: from 520x520 (N, 40, 65, 65) and (N, 960, 33, 33)."""
        low = x
        for number, layer in enumerate(self):
            x = layer(x)
            low = x if number == self.low else low
        return low, x


Trunk = DilatedResNet | DilatedMobileNetV3
TRUNKS: dict[str, Callable[..., Trunk]] = {
    "resnet50": partial(DilatedResNet, depths=(3, 4, 6, 3)),
    "resnet101": partial(DilatedResNet, depths=(3, 4, 23, 3)),
    "mobilenet_v3_large": DilatedMobileNetV3,
}


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


class DilatedSegmenter(Segmenter):
    """A dilated trunk, a head on its last map, and with ``aux_loss`` an :class:`FCNHead` on the map before.

    A family makes ``classifier``, from the last map (N, num_features, h, w) to scores (N, num_classes, h, w),
    whose layer ``4`` gives them. Only training uses the auxiliary head, through ``forward_with_aux``.
    ``trunk_options`` are those of the trunk's class.
    """

    trunk_layers = ("backbone",)
    aux_weight: ClassVar[float] = AUX_WEIGHT
    classifier: nn.Sequential

    def __init__(
        self,
        *,
        trunk: str,
        trunk_options: Mapping[str, Any] | None,
        aux_loss: bool,
        num_classes: int,
        in_channels: int,
    ) -> None:
        if trunk not in TRUNKS:
            raise UnknownNameError("trunk", trunk, TRUNKS)
        backbone = TRUNKS[trunk](in_channels=in_channels, **(trunk_options or {}))
        features = backbone.num_features
        super().__init__(num_features=features, num_classes=num_classes, in_channels=in_channels)
        self.trunk_name, self.backbone = trunk, backbone
        self.follow(backbone.windows, backbone.levels)
        self.aux_classifier = FCNHead(backbone.low_channels, num_classes) if aux_loss else None
        self.score_layers = ("classifier.4", *(["aux_classifier.4"] if aux_loss else []))

    def forward_features(self, x: Tensor) -> Tensor:
        return self.backbone.forward_maps(x)[1]

    def forward_scores(self, x: Tensor, *, aux: bool) -> tuple[Tensor, ...]:
        low, high = self.backbone.forward_maps(x)
        heads = [self.aux_classifier] if aux and self.aux_classifier is not None else []
        return self.classifier(high), *(head(low) for head in heads)  # (N, 21, 65, 65) each

    def trunk_weights(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {f"backbone.{key.removeprefix('features.')}": value for key, value in state.items()}

    def is_optional(self, key: str) -> bool:
        return self.aux_classifier is None and key.startswith("aux_classifier.")
