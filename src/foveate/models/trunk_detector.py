"""Detectors in two stages on a trunk of the catalogue: one map of it, or a light pyramid on several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from foveate.errors import InputError, UnknownNameError
from foveate.layers.feature_pyramid import LightPyramid
from foveate.layers.regions import PyramidRoIAlign, RoIPool
from foveate.models.anatomy import Level, Network
from foveate.models.region_detector import RegionDetector
from foveate.models.registry import create_trunk
from foveate.models.roi_heads import DenseHead, RegionSettings, RoIHeads

Pool = Literal["align", "pool"]
POOLINGS = ("align", "pool")
REGIONS = RegionSettings(sampled=128)  # of a light network
DENSE_OF_CLASSIFIERS = {"vgg": ("classifier.0", "classifier.3"), "alexnet": ("classifier.1", "classifier.4")}


class TrunkDetector(RegionDetector):
    """A family calls ``super().__init__``, sets what proposes, and then ``roi_heads`` to `heads`.

    Args:
        trunk: a network that tells its levels; its head is taken off.
        levels: those of its maps that are used, the finest first.
        width: channels of the pyramid; 0 for none: then there is one map, the trunk's own.
    """

    def __init__(
        self, trunk: Network, *, trunk_name: str, levels: Sequence[Level], width: int, num_classes: int
    ) -> None:
        super().__init__(
            num_features=levels[-1].channels, num_classes=num_classes, in_channels=trunk.in_channels
        )
        self.trunk_name, self.trunk = trunk_name, trunk
        self.windows = tuple(one._replace(layer=f"trunk.{one.layer}") for one in trunk.windows)
        self.levels = tuple(one._replace(layer=f"trunk.{one.layer}") for one in trunk.levels)
        self.strides = tuple(level.stride for level in levels)
        self.pyramid = LightPyramid([level.channels for level in levels], width) if width else None
        if not width:
            self.general_stride = 2  # VGG's first two stages, as in the papers
        self.channels = width or levels[-1].channels  # of the maps that regions are read from

    def heads(self, pool: Pool, hidden: int, num_classes: int) -> RoIHeads:
        """Regions read by RoIAlign or by RoIPool, which takes one map, and dense layers of this width."""
        light = self.pyramid is not None
        reader = (
            PyramidRoIAlign((7, 7), self.strides) if pool == "align" else RoIPool((7, 7), 1 / self.strides[0])
        )
        head = DenseHead(self.channels * 49, hidden, dropout=0.0 if light else 0.5)
        return RoIHeads(BoxesFirst(reader), head, hidden, num_classes, REGIONS if light else RegionSettings())

    def forward_features(self, x: Tensor) -> Tensor:
        return self.trunk.forward_features(x)

    def forward_maps(self, x: Tensor) -> Sequence[Tensor]:
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.trunk_learns):
            found = self.trunk.forward_levels(x)
        maps = [found[stride] for stride in self.strides]
        return maps if self.pyramid is None else self.pyramid(maps)

    def trunk_weights(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {f"trunk.{key}": value for key, value in state.items()}

    def load_trunk(self, classifier: Network) -> None:
        """As of all detectors; without a pyramid the dense layers take VGG's, where they are of its size."""
        super().load_trunk(classifier)
        if self.pyramid is None:
            load_dense(self.roi_heads.box_head, classifier, self.trunk_name)

    @torch.no_grad()
    def initialise_from(self, images: Tensor) -> None:
        """Set what a compact trunk takes from the pictures (N, in_channels, H, W); others take nothing."""
        initialise = getattr(self.trunk, "initialise_from", None)
        if initialise is not None:
            initialise(images)


@torch.no_grad()
def load_dense(head: nn.Module, classifier: Network, name: str) -> None:
    """fc6 and fc7 of a `DenseHead` from a classifier of this name, where it has the like of their size."""
    given = classifier.state_dict()
    theirs = next((layers for family, layers in DENSE_OF_CLASSIFIERS.items() if name.startswith(family)), ())
    for ours, layer in zip(("fc6", "fc7"), theirs, strict=False):
        own: Any = head.get_submodule(ours)
        weight = given.get(f"{layer}.weight")
        if weight is not None and weight.shape == own.weight.shape:
            own.weight.copy_(weight)
            own.bias.copy_(given[f"{layer}.bias"])


class BoxesFirst(nn.Module):
    """A reader of one map or of a pyramid, told boxes and maps."""

    def __init__(self, reader: nn.Module) -> None:
        super().__init__()
        self.reader = reader

    def forward(self, boxes: Tensor, *maps: Tensor) -> Tensor:
        pyramid = isinstance(self.reader, PyramidRoIAlign)
        found: Tensor = self.reader(boxes, *maps) if pyramid else self.reader(maps[0], boxes)
        return found


def trunk_and_levels(
    trunk: str,
    options: Mapping[str, Any] | None,
    *,
    between: tuple[int, int],
    width: int,
    pool: str,
    image_size: tuple[int, int],
    in_channels: int,
) -> tuple[Network, list[Level]]:
    """A trunk without its head, and its maps of the strides between these two, the finest first.

    Raises InputError: there are none, or several that are to be read as one.
    """
    if pool not in POOLINGS:
        raise UnknownNameError("pool", pool, POOLINGS)
    made = create_trunk(trunk, options, image_size=image_size, in_channels=in_channels)
    made.drop_head()
    levels = [level for level in made.levels if between[0] <= level.stride <= between[1]]
    if not levels or (len(levels) > 1 and (pool == "pool" or not width)):
        raise InputError(
            f"{trunk} has maps of the strides {', '.join(str(one.stride) for one in made.levels)}; one of "
            "them is read without a pyramid or by RoIPool, and several take both a width and RoIAlign."
        )
    return made, levels
