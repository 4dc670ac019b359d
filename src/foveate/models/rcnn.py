"""R-CNN: every region is cut out of the picture, warped to one size, and shown to a network by itself.

    selective search's boxes -> crops of one size -> trunk, crop by crop -> class and box

Girshick, Donahue, Darrell, Malik: "Rich feature hierarchies for accurate object detection and semantic
segmentation", 2014, arXiv 1311.2524. ``rcnn_alexnet`` and ``rcnn_vgg16`` are the paper's: crops of the
network's own size, features of its two dense layers, 2,000 proposals. The others show small crops to a light
trunk and take the mean of its map, for processors. It is Fast R-CNN (`foveate.models.fast_rcnn`) that reads
regions from the picture in place of a map, which is what made it slow: a trunk's work for each region.

As in the paper, a trunk that was learnt looks at each region once, and what it saw is kept on the disk.
Deviations: crops are read bilinearly, without the paper's border of 16 pixels; classes and boxes are learnt
together, by a softmax and smooth L1 as in Fast R-CNN, whose section 5.4 finds that as good as SVMs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from foveate.kept import Kept, key_of
from foveate.layers.regions import RoIAlign
from foveate.models.anatomy import Network
from foveate.models.region_detector import RegionDetector
from foveate.models.registry import create_trunk, register
from foveate.models.roi_heads import DenseHead, RegionSettings, RoIHeads, Sampled
from foveate.models.searching import PROPOSALS, Proposals, Searching, SelectiveSearch
from foveate.models.trunk_detector import BoxesFirst, load_dense

REGIONS = RegionSettings(sampled=64)
CROPS_AT_ONCE = 64
_KEPT = Kept("regions")


class CropHead(nn.Module):
    """Crops (N, R, C, s, s) to features (N, R, width): a trunk's map, its mean or what dense layers make."""

    def __init__(self, trunk: Network, dense: DenseHead | None) -> None:
        super().__init__()
        self.trunk, self.dense = trunk, dense
        self.width = trunk.num_features if dense is None else dense.width

    def forward(self, x: Tensor) -> Tensor:
        if torch.is_inference_mode_enabled() and len(x) > 1:  # a whole split: crops take memory
            return torch.cat([self(one[None]) for one in x])
        return self.made(self.seen(x.flatten(0, 1)).unflatten(0, x.shape[:2]))

    def seen(self, crops: Tensor) -> Tensor:
        """(M, D) what the trunk says of crops (M, C, s, s)."""
        maps = self.trunk.forward_features(crops)
        return maps.mean((2, 3)) if self.dense is None else maps.flatten(1)

    def made(self, seen: Tensor) -> Tensor:
        """(N, R, width) of (N, R, D): what is learnt even where the trunk is not."""
        return seen if self.dense is None else self.dense(seen)


class CropHeads(RoIHeads):
    """Regions by their crops; of a trunk that does not learn what it saw of a picture's regions is kept."""

    box_head: CropHead

    def of_sampled(self, maps: Sequence[Tensor], sampled: Sequence[Sampled]) -> Tensor:
        trunk = self.box_head.trunk
        if trunk.training or any(weight.requires_grad for weight in trunk.parameters()):
            return super().of_sampled(maps, sampled)
        how = repr(self.box_roi_pool), repr(trunk), self.box_head.dense is None
        key = key_of(*how, *(value.cpu().numpy() for value in trunk.state_dict().values()))
        rows = [
            self._kept(key, maps[0][row : row + 1], one.boxes)[one.chosen] for row, one in enumerate(sampled)
        ]
        return self.box_head.made(torch.cat(rows)[None])[0]

    @torch.no_grad()
    def _kept(self, trunk: str, picture: Tensor, boxes: Tensor) -> Tensor:
        """(M, D) of boxes (M, 4) of a picture (1, C, H, W), in half precision, new ones too."""
        key = key_of(trunk, picture.cpu().numpy(), boxes.cpu().numpy())
        found = _KEPT.get(key)
        if found is None or len(found) != len(boxes):
            parts = [
                self.box_head.seen(self.box_roi_pool(some[None], picture)[0])
                for some in boxes.split(CROPS_AT_ONCE)
            ]
            found = torch.cat(parts).half().cpu().numpy()
            _KEPT.put(key, found)
        return torch.from_numpy(found.astype(np.float32)).to(picture.device)


class RCNN(Searching, RegionDetector):
    """The detector on a trunk of the catalogue, whose head is taken off.

    Args:
        crop: side of what is cut out, in pixels. hidden: of the two dense layers; 0 for none.
    """

    roi_heads: CropHeads
    trunk_layers = ("roi_heads.box_head.trunk",)
    usual_recipes: ClassVar[tuple[str, str]] = ("", "regions")

    def __init__(
        self,
        trunk: Network,
        *,
        trunk_name: str,
        crop: int,
        hidden: int,
        search: SelectiveSearch,
        num_classes: int,
    ) -> None:
        super().__init__(
            num_features=trunk.num_features, num_classes=num_classes, in_channels=trunk.in_channels
        )
        self.trunk_name, self.search = trunk_name, search
        self.levels = tuple(one._replace(layer=f"{self.trunk_layers[0]}.{one.layer}") for one in trunk.levels)
        side, _ = trunk.map_size(crop, crop)
        dense = DenseHead(trunk.num_features * side * side, hidden, dropout=0.5) if hidden else None
        head = CropHead(trunk, dense)
        pool = BoxesFirst(RoIAlign((crop, crop), 1.0, aligned=True))
        self.roi_heads = CropHeads(pool, head, head.width, num_classes, REGIONS)

    def forward_features(self, x: Tensor) -> Tensor:
        """The map of the whole picture, as if it were a crop."""
        return self.roi_heads.box_head.trunk.forward_features(x)

    def forward_maps(self, x: Tensor) -> Sequence[Tensor]:
        """The picture itself: regions are read from nothing else."""
        return [x]

    def trunk_weights(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {f"{self.trunk_layers[0]}.{key}": value for key, value in state.items()}

    def load_trunk(self, classifier: Network) -> None:
        super().load_trunk(classifier)
        if self.roi_heads.box_head.dense is not None:
            load_dense(self.roi_heads.box_head.dense, classifier, self.trunk_name)

    @torch.no_grad()
    def initialise_from(self, images: Tensor) -> None:
        """Set what a compact trunk takes from the pictures (N, in_channels, H, W); others take nothing."""
        initialise = getattr(self.roi_heads.box_head.trunk, "initialise_from", None)
        if initialise is not None:
            initialise(images)


@register("rcnn_alexnet", trunk="alexnet", crop=224, hidden=4096, proposals=2000)
@register("rcnn_vgg16", trunk="vgg16", crop=224, hidden=4096, proposals=2000)
@register("rcnn_compact", trunk="compact_l", crop=32, proposals=150)
@register("rcnn_efficientnet_lite0", trunk="efficientnet_lite0")
@register("rcnn_resnet18", trunk="resnet18")
def rcnn(
    search: Proposals = PROPOSALS,
    *,
    trunk: str,
    crop: int = 64,
    hidden: int = 0,
    trunk_options: Mapping[str, Any] | None = None,
    num_classes: int = 20,
    in_channels: int = 3,
) -> RCNN:
    """R-CNN on a trunk of the catalogue; ``trunk_options`` are those of :func:`create_model` for it."""
    made = create_trunk(trunk, trunk_options, image_size=(crop, crop), in_channels=in_channels)
    made.drop_head()
    found = search.of(in_channels)
    return RCNN(made, trunk_name=trunk, crop=crop, hidden=hidden, search=found, num_classes=num_classes)
