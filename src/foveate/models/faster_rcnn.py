"""Faster R-CNN: one network that proposes regions and looks at them.

    trunk's maps -> region proposal network -> the best proposals -> features of each -> class and box

Ren, He, Girshick, Sun: "Faster R-CNN: towards real-time object detection with region proposal networks",
2015, arXiv 1506.01497. ``faster_rcnn_vgg16`` is the paper's: one map of stride 16, nine anchors a place,
RoIPool to 7x7, the two dense layers of VGG-16. The others stand on a light pyramid, with few channels and
proposals, for processors. Deviations of all: both parts learn at once from random starts of their own, and
anchors that reach out of the picture are learnt from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from foveate.errors import InputError, UnknownNameError
from foveate.layers.anchors import anchors_of_shapes, cell_anchors
from foveate.layers.feature_pyramid import LightPyramid
from foveate.layers.regions import PyramidRoIAlign, RoIPool
from foveate.models.anatomy import Level, Network
from foveate.models.region_detector import RegionDetector
from foveate.models.registry import create_trunk, register
from foveate.models.roi_heads import DenseHead, RegionSettings, RoIHeads
from foveate.models.rpn import ProposalSettings, RegionProposalNetwork

RATIOS = (0.5, 1.0, 2.0)
SIZES_OF_PAPER = (128.0, 256.0, 512.0)
USUAL_SIZE = 4.0  # of an anchor, in strides of its level
POOLINGS = ("align", "pool")
SETTINGS = ProposalSettings(
    before=300, after=100, before_training=500, after_training=256, sampled=128
)  # of a light network
REGIONS = RegionSettings(sampled=128)
Shape = tuple[float, float]


class FasterRCNN(RegionDetector):
    """The detector on a trunk of the catalogue.

    Args:
        trunk: a network that tells its levels; its head is taken off.
        levels: those of its maps that are used, the finest first.
        width: channels of the pyramid; 0 for none: then there is one map, the trunk's own.
        hidden: width of the dense layers.
        cells: of each level the anchors (A, 4) around a place; a pyramid has a level more than the trunk.
        pool: whether regions are read by RoIAlign or by RoIPool, which takes one map.
    """

    def __init__(
        self,
        trunk: Network,
        *,
        trunk_name: str,
        levels: Sequence[Level],
        sizes: tuple[int, int],
        cells: Sequence[Tensor],
        pool: Literal["align", "pool"],
        num_classes: int,
    ) -> None:
        width, hidden = sizes
        super().__init__(
            num_features=levels[-1].channels, num_classes=num_classes, in_channels=trunk.in_channels
        )
        self.trunk_name, self.trunk = trunk_name, trunk
        self.windows = tuple(one._replace(layer=f"trunk.{one.layer}") for one in trunk.windows)
        self.levels = tuple(one._replace(layer=f"trunk.{one.layer}") for one in trunk.levels)
        self.strides = tuple(level.stride for level in levels)
        self.pyramid = LightPyramid([level.channels for level in levels], width) if width else None
        if not width:
            self.general_stride = 2  # VGG's first two stages, as in the paper
        channels = width or levels[-1].channels
        settings = SETTINGS if width else ProposalSettings(after=300)
        self.rpn = RegionProposalNetwork(channels, cells, settings=settings)
        reader = (
            PyramidRoIAlign((7, 7), self.strides) if pool == "align" else RoIPool((7, 7), 1 / self.strides[0])
        )
        head = DenseHead(channels * 49, hidden, dropout=0.0 if width else 0.5)
        regions = REGIONS if width else RegionSettings()
        self.roi_heads = RoIHeads(_BoxesFirst(reader), head, hidden, num_classes, regions)

    def forward_features(self, x: Tensor) -> Tensor:
        return self.trunk.forward_features(x)

    def forward_maps(self, x: Tensor) -> Sequence[Tensor]:
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.trunk_learns):
            found = self.trunk.forward_levels(x)
        maps = [found[stride] for stride in self.strides]
        return maps if self.pyramid is None else self.pyramid(maps)

    def trunk_weights(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {f"trunk.{key}": value for key, value in state.items()}

    @torch.no_grad()
    def load_trunk(self, classifier: Network) -> None:
        """As of all detectors; without a pyramid the dense layers take VGG's, where they are of its size."""
        super().load_trunk(classifier)
        given = classifier.state_dict()
        for ours, theirs in (("fc6", "classifier.0"), ("fc7", "classifier.3")):
            layer: Any = self.roi_heads.box_head.get_submodule(ours)
            weight = given.get(f"{theirs}.weight")
            if self.pyramid is None and weight is not None and weight.shape == layer.weight.shape:
                layer.weight.copy_(weight)
                layer.bias.copy_(given[f"{theirs}.bias"])

    @torch.no_grad()
    def initialise_from(self, images: Tensor) -> None:
        """Set what a compact trunk takes from the pictures (N, in_channels, H, W); others take nothing."""
        initialise = getattr(self.trunk, "initialise_from", None)
        if initialise is not None:
            initialise(images)


class _BoxesFirst(nn.Module):
    """A reader of one map or of a pyramid, told boxes and maps."""

    def __init__(self, reader: nn.Module) -> None:
        super().__init__()
        self.reader = reader

    def forward(self, boxes: Tensor, *maps: Tensor) -> Tensor:
        found: Tensor = (
            self.reader(maps[0], boxes) if isinstance(self.reader, RoIPool) else self.reader(boxes, *maps)
        )
        return found


@register("faster_rcnn_vgg16", trunk="vgg16", width=0, hidden=4096, finest=16, coarsest=16, pool="pool")
@register("faster_rcnn_compact", trunk="compact_l", finest=4)
@register("faster_rcnn_efficientnet_lite0", trunk="efficientnet_lite0")
@register("faster_rcnn_resnet18", trunk="resnet18")
def faster_rcnn(
    *,
    trunk: str,
    width: int = 96,
    hidden: int = 256,
    finest: int = 8,
    coarsest: int = 32,
    pool: Literal["align", "pool"] = "align",
    anchors: tuple[Shape, ...] | None = None,
    image_size: tuple[int, int] = (128, 128),
    trunk_options: Mapping[str, Any] | None = None,
    num_classes: int = 20,
    in_channels: int = 3,
) -> FasterRCNN:
    """Faster R-CNN on a trunk of the catalogue; ``trunk_options`` are those of :func:`create_model` for it.

    anchors: width and height of each anchor in pixels, by growing area: as many for each level. image_size:
    (H, W) of the pictures to train on, for trunks that are made for a size.
    """
    if pool not in POOLINGS:
        raise UnknownNameError("pool", pool, POOLINGS)
    made = create_trunk(trunk, trunk_options, image_size=image_size, in_channels=in_channels)
    made.drop_head()
    levels = [level for level in made.levels if finest <= level.stride <= coarsest]
    if not levels or (len(levels) > 1 and (pool == "pool" or not width)):
        raise InputError(
            f"{trunk} has maps of the strides {', '.join(str(one.stride) for one in made.levels)}; one of "
            "them is read without a pyramid or by RoIPool, and several take both a width and RoIAlign."
        )
    return FasterRCNN(
        made,
        trunk_name=trunk,
        levels=levels,
        sizes=(width, hidden),
        cells=_cells(anchors, [level.stride for level in levels], pyramid=bool(width)),
        pool=pool,
        num_classes=num_classes,
    )


def _cells(anchors: tuple[Shape, ...] | None, strides: Sequence[int], *, pyramid: bool) -> list[Tensor]:
    """Of each level the anchors around a place; the paper's where there is one map, and none are given."""
    steps = [*strides, 2 * strides[-1]] if pyramid else list(strides)
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
