"""Fast R-CNN: the picture goes through the network once, and every region is read from its map.

    trunk's maps, selective search's boxes -> features of each box -> class and box, learnt together

Girshick: "Fast R-CNN", 2015, arXiv 1504.08083. ``fast_rcnn_vgg16`` is the paper's: one map of stride 16,
RoIPool to 7x7, the two dense layers of VGG-16, 2,000 proposals. The others stand on a light pyramid, with few
channels and proposals, for processors. It is Faster R-CNN (`foveate.models.faster_rcnn`) with the regions of
selective search in place of a network's. Deviation of all: dense layers are not cut down by SVD.
"""

from __future__ import annotations

from collections.abc import Sequence

from foveate.models.anatomy import Level, Network
from foveate.models.registry import register
from foveate.models.searching import PROPOSALS, Proposals, Searching, SelectiveSearch
from foveate.models.trunk_choice import USUAL_TRUNK, TrunkChoice
from foveate.models.trunk_detector import REGION_MAPS, RegionMaps, TrunkDetector


class FastRCNN(Searching, TrunkDetector):
    """The detector on a trunk of the catalogue; arguments as of `foveate.models.faster_rcnn.FasterRCNN`."""

    def __init__(
        self,
        trunk: Network,
        *,
        trunk_name: str,
        levels: Sequence[Level],
        maps: RegionMaps,
        search: SelectiveSearch,
        num_classes: int,
    ) -> None:
        super().__init__(trunk, trunk_name=trunk_name, levels=levels, maps=maps, num_classes=num_classes)
        self.search = search
        self.roi_heads = self.heads(maps, num_classes)


@register(
    "fast_rcnn_vgg16",
    trunk="vgg16",
    width=0,
    hidden=4096,
    finest=16,
    coarsest=16,
    pool="pool",
    proposals=2000,
)
@register("fast_rcnn_compact", trunk="compact_l", finest=4)
@register("fast_rcnn_efficientnet_lite0", trunk="efficientnet_lite0")
@register("fast_rcnn_resnet18", trunk="resnet18")
def fast_rcnn(
    on: TrunkChoice = USUAL_TRUNK,
    maps: RegionMaps = REGION_MAPS,
    search: Proposals = PROPOSALS,
    *,
    num_classes: int = 20,
) -> FastRCNN:
    """Fast R-CNN on a trunk of the catalogue."""
    made, levels = maps.of(on)
    return FastRCNN(
        made,
        trunk_name=on.trunk,
        levels=levels,
        maps=maps,
        search=search.of(on.in_channels),
        num_classes=num_classes,
    )
