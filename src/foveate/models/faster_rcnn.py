"""Faster R-CNN: one network that proposes regions and looks at them.

    trunk's maps -> region proposal network -> the best proposals -> features of each -> class and box

Ren, He, Girshick, Sun: "Faster R-CNN: towards real-time object detection with region proposal networks",
2015, arXiv 1506.01497. ``faster_rcnn_vgg16`` is the paper's: one map of stride 16, nine anchors a place,
RoIPool to 7x7, the two dense layers of VGG-16. The others stand on a light pyramid, with few channels and
proposals, for processors. Deviations of all: both parts learn at once from random starts of their own, and
anchors that reach out of the picture are learnt from.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from foveate.errors import InputError
from foveate.layers.anchors import anchors_of_shapes, cell_anchors
from foveate.models.anatomy import Level, Network
from foveate.models.registry import register
from foveate.models.rpn import ProposalSettings, RegionProposalNetwork
from foveate.models.trunk_choice import USUAL_TRUNK, TrunkChoice
from foveate.models.trunk_detector import REGION_MAPS, RegionMaps, TrunkDetector

RATIOS = (0.5, 1.0, 2.0)
SIZES_OF_PAPER = (128.0, 256.0, 512.0)
USUAL_SIZE = 4.0  # of an anchor, in strides of its level
SETTINGS = ProposalSettings(
    before=300, after=100, before_training=500, after_training=256, sampled=128
)  # of a light network
Shape = tuple[float, float]


class FasterRCNN(TrunkDetector):
    """The detector on a trunk of the catalogue; see `TrunkDetector`.

    cells: of each level the anchors (A, 4) around a place; a pyramid has a level more than the trunk.
    """

    def __init__(
        self,
        trunk: Network,
        *,
        trunk_name: str,
        levels: Sequence[Level],
        maps: RegionMaps,
        cells: Sequence[Tensor],
        num_classes: int,
    ) -> None:
        super().__init__(trunk, trunk_name=trunk_name, levels=levels, maps=maps, num_classes=num_classes)
        settings = SETTINGS if maps.width else ProposalSettings(after=300)
        steps = _steps(self.strides, pyramid=bool(maps.width))
        self.rpn = RegionProposalNetwork(self.channels, cells, steps, settings=settings)
        self.roi_heads = self.heads(maps, num_classes)


@register("faster_rcnn_vgg16", trunk="vgg16", width=0, hidden=4096, finest=16, coarsest=16, pool="pool")
@register("faster_rcnn_compact", trunk="compact_l", finest=4)
@register("faster_rcnn_efficientnet_lite0", trunk="efficientnet_lite0")
@register("faster_rcnn_resnet18", trunk="resnet18")
def faster_rcnn(
    on: TrunkChoice = USUAL_TRUNK,
    maps: RegionMaps = REGION_MAPS,
    *,
    anchors: tuple[Shape, ...] | None = None,
    num_classes: int = 20,
) -> FasterRCNN:
    """Faster R-CNN on a trunk of the catalogue.

    anchors: width and height of each anchor in pixels, by growing area: as many for each level.
    """
    made, levels = maps.of(on)
    return FasterRCNN(
        made,
        trunk_name=on.trunk,
        levels=levels,
        maps=maps,
        cells=_cells(anchors, [level.stride for level in levels], pyramid=bool(maps.width)),
        num_classes=num_classes,
    )


def _steps(strides: Sequence[int], *, pyramid: bool) -> list[int]:
    """The strides of the maps that proposals are made of: a pyramid has one more than its trunk."""
    return [*strides, 2 * strides[-1]] if pyramid else list(strides)


def _cells(anchors: tuple[Shape, ...] | None, strides: Sequence[int], *, pyramid: bool) -> list[Tensor]:
    """Of each level the anchors around a place; the paper's where there is one map, and none are given."""
    steps = _steps(strides, pyramid=pyramid)
    if anchors is None:
        if not pyramid:
            return [cell_anchors(SIZES_OF_PAPER, RATIOS)]
        return [cell_anchors([USUAL_SIZE * step], RATIOS) for step in steps]
    if len(anchors) % len(steps):
        raise InputError(
            f"anchors: expected as many for each of the {len(steps)} levels, found {len(anchors)} together."
        )
    ordered = sorted(anchors, key=lambda shape: shape[0] * shape[1])
    share = len(ordered) // len(steps)
    return [anchors_of_shapes(ordered[i * share : (i + 1) * share]) for i in range(len(steps))]
