"""Faster R-CNN on a feature pyramid, as torchvision has it.

Ren, He, Girshick, Sun: "Faster R-CNN", 2015, arXiv 1506.01497; Lin et al.: "Feature pyramid networks", 2016,
arXiv 1612.03144. Key names and order are torchvision's, the numbers of the published networks as well.
Deviations of torchvision's form from the paper: the trunk's maps are a pyramid's, RoIAlign stands for
RoIPool, both parts learn at once, and anchors that reach out of the picture are learnt from.
``_v2``: Li et al.: "Benchmarking detection transfer learning with vision transformers", 2021, arXiv
2111.11429: batch norm in the pyramid, two convolutions in the proposal head, four in that of regions.
Deviation of ours: of a picture the best 1,000 candidates go into suppression, not all above 0.05.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from foveate.errors import UnknownNameError
from foveate.layers.anchors import cell_anchors
from foveate.layers.feature_pyramid import FeaturePyramid
from foveate.layers.regions import PyramidRoIAlign
from foveate.models.detector import norms_with
from foveate.models.mobilenet_v3 import MobileNetV3
from foveate.models.region_detector import RegionDetector
from foveate.models.registry import register
from foveate.models.resnet import ResNet
from foveate.models.roi_heads import ConvHead, DenseHead, RegionSettings, RoIHeads
from foveate.models.rpn import ProposalSettings, RegionProposalNetwork

RATIOS = (0.5, 1.0, 2.0)
SIZES = (32.0, 64.0, 128.0, 256.0, 512.0)
NORM_EPS = 1e-5  # in MobileNetV3 as well, which has 1e-3 as a classifier
ALL_ABOVE = 1000  # candidates of a picture


class Backbone(nn.Module):
    """A trunk and a pyramid on some of its maps: pictures to maps (N, width, h, w), the finest first."""

    def __init__(self, body: nn.Module, fpn: FeaturePyramid) -> None:
        super().__init__()
        self.body, self.fpn = body, fpn

    def forward(self, x: Tensor) -> list[Tensor]:
        maps: list[Tensor] = self.fpn(self.body(x))
        return maps


class ResNetBody(ResNet):
    """A ResNet's four stages."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.drop_head()

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:  # type: ignore[override]  # maps, not scores
        return self.forward_stages(x)


class MobileNetBody(nn.Sequential):
    """The layers of a MobileNetV3-Large; of two maps, both of stride 32."""

    def __init__(self, network: MobileNetV3) -> None:
        super().__init__(*network.features)
        self.windows, self.levels = network.windows, network.levels
        self.num_features = network.num_features
        halving = [number for number, row in enumerate(network.rows, start=1) if row.stride > 1]
        self.taken = (halving[-1], len(network.rows) + 1)
        self.channels = (network.rows[halving[-1] - 1].channels, network.num_features)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        maps = []
        for number, layer in enumerate(self):
            x = layer(x)
            if number in self.taken:
                maps.append(x)
        return tuple(maps)


@dataclass(frozen=True)
class Layers:
    """width: channels of the pyramid; hidden: of the dense layers. v2: with norms and more convolutions.

    proposals: of a picture when it is not trained; None takes torchvision's 1,000.
    """

    v2: bool = False
    width: int = 256
    hidden: int = 1024
    proposals: int | None = None


LAYERS = Layers()


@register("fasterrcnn_resnet50_fpn", trunk="resnet50")
@register("fasterrcnn_resnet50_fpn_v2", trunk="resnet50", v2=True)
@register("fasterrcnn_mobilenet_v3_large_fpn", trunk="mobilenet_v3_large")
@register(
    "fasterrcnn_mobilenet_v3_large_320_fpn",
    trunk="mobilenet_v3_large",
    min_size=320,
    max_size=640,
    proposals=150,
)
class FasterRCNN(RegionDetector):
    """torchvision's four.

    Args:
        trunk: resnet50 or mobilenet_v3_large; ``trunk_options`` are those of its class.
        min_size, max_size: what `detect` brings the sides of pictures to, in pixels.
    """

    trunk_layers = ("backbone.body",)

    def __init__(
        self,
        layers: Layers = LAYERS,
        *,
        trunk: str = "resnet50",
        trunk_options: Mapping[str, Any] | None = None,
        min_size: int = 800,
        max_size: int = 1333,
        num_classes: int = 90,
        in_channels: int = 3,
    ) -> None:
        body, channels, strides, cells = _parts(trunk, dict(trunk_options or {}), in_channels)
        super().__init__(num_features=channels[-1], num_classes=num_classes, in_channels=in_channels)
        self.trunk_name, self.min_size, self.max_size = trunk, min_size, max_size
        self.follow(body)
        width, hidden, v2 = layers.width, layers.hidden, layers.v2
        self.backbone = Backbone(body, FeaturePyramid(channels, width, normalise=v2))
        count = layers.proposals or 1000
        settings = ProposalSettings(before=count, after=count)
        steps = (*strides, None)  # the last map's is torchvision's
        self.rpn = RegionProposalNetwork(width, cells, steps, depth=2 if v2 else 1, settings=settings)
        pool = PyramidRoIAlign((7, 7), strides)
        head = ConvHead(width, 7, width=hidden) if v2 else DenseHead(width * 49, hidden)
        self.roi_heads = RoIHeads(pool, head, hidden, num_classes, RegionSettings(candidates=ALL_ABOVE))
        norms_with(self, NORM_EPS)

    def forward_maps(self, x: Tensor) -> Sequence[Tensor]:
        return self.backbone(x)


def _parts(
    trunk: str, options: dict[str, Any], in_channels: int
) -> tuple[nn.Module, Sequence[int], Sequence[int], list[Tensor]]:
    """The trunk, the channels and strides of its maps, and the anchors of each level of the pyramid."""
    if trunk == "resnet50":
        depths = options.pop("depths", (3, 4, 6, 3))
        body = ResNetBody(block="bottleneck", depths=depths, in_channels=in_channels, **options)
        channels = [level.channels for level in body.levels[1:]]
        return body, channels, (4, 8, 16, 32), [cell_anchors([size], RATIOS) for size in SIZES]
    if trunk == "mobilenet_v3_large":
        mobile = MobileNetBody(MobileNetV3(size="large", in_channels=in_channels, **options))
        return mobile, mobile.channels, (32, 32), [cell_anchors(SIZES, RATIOS)] * 3
    raise UnknownNameError("trunk", trunk, ["resnet50", "mobilenet_v3_large"])
