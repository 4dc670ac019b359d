"""Fast R-CNN: the picture goes through the network once, and every region is read from its map.

    trunk's maps, selective search's boxes -> features of each box -> class and box, learnt together

Girshick: "Fast R-CNN", 2015, arXiv 1504.08083. ``fast_rcnn_vgg16`` is the paper's: one map of stride 16,
RoIPool to 7x7, the two dense layers of VGG-16, 2,000 proposals. The others stand on a light pyramid, with few
channels and proposals, for processors. It is Faster R-CNN (`foveate.models.faster_rcnn`) with the regions of
selective search in place of a network's. Deviation of all: dense layers are not cut down by SVD.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from foveate.models.anatomy import Level, Network
from foveate.models.registry import register
from foveate.models.searching import Searching, SelectiveSearch, searching
from foveate.models.trunk_detector import Pool, TrunkDetector, trunk_and_levels


class FastRCNN(Searching, TrunkDetector):
    """The detector on a trunk of the catalogue; arguments as of `foveate.models.faster_rcnn.FasterRCNN`."""

    def __init__(
        self,
        trunk: Network,
        *,
        trunk_name: str,
        levels: Sequence[Level],
        sizes: tuple[int, int],
        search: SelectiveSearch,
        pool: Pool,
        num_classes: int,
    ) -> None:
        width, hidden = sizes
        super().__init__(trunk, trunk_name=trunk_name, levels=levels, width=width, num_classes=num_classes)
        self.search = search
        self.roi_heads = self.heads(pool, hidden, num_classes)


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
    *,
    trunk: str,
    width: int = 96,
    hidden: int = 256,
    finest: int = 8,
    coarsest: int = 32,
    pool: Pool = "align",
    proposals: int = 300,
    mean: tuple[float, ...] | None = None,
    std: tuple[float, ...] | None = None,
    image_size: tuple[int, int] = (128, 128),
    trunk_options: Mapping[str, Any] | None = None,
    num_classes: int = 20,
    in_channels: int = 3,
) -> FastRCNN:
    """Fast R-CNN on a trunk of the catalogue; ``trunk_options`` are those of :func:`create_model` for it.

    proposals: of a picture, at most. mean, std: by which pictures are normalised; None takes ImageNet's.
    image_size: (H, W) of the pictures to train on, for trunks that are made for a size.
    """
    made, levels = trunk_and_levels(
        trunk,
        trunk_options,
        between=(finest, coarsest),
        width=width,
        pool=pool,
        image_size=image_size,
        in_channels=in_channels,
    )
    return FastRCNN(
        made,
        trunk_name=trunk,
        levels=levels,
        sizes=(width, hidden),
        search=searching(proposals, in_channels, mean, std),
        pool=pool,
        num_classes=num_classes,
    )
