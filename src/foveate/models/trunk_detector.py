"""Detectors in two stages on a trunk of the catalogue: one map of it, or a light pyramid on several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from foveate.errors import InputError, UnknownNameError
from foveate.layers.feature_pyramid import LightPyramid
from foveate.layers.regions import PyramidRoIAlign, RoIPool
from foveate.models.anatomy import Level, Network
from foveate.models.region_detector import RegionDetector
from foveate.models.roi_heads import DenseHead, RegionSettings, RoIHeads
from foveate.models.trunk_choice import TrunkChoice

Pool = Literal["align", "pool"]
POOLINGS = ("align", "pool")
REGIONS = RegionSettings(sampled=128)  # of a light network
DENSE_OF_CLASSIFIERS = {"vgg": ("classifier.0", "classifier.3"), "alexnet": ("classifier.1", "classifier.4")}


@dataclass(frozen=True)
class RegionMaps:
    """Which maps of a trunk regions are read from, and how.

    width: channels of the pyramid; 0 for none: then there is one map, the trunk's own. hidden: of the dense
    layers. finest, coarsest: strides of the maps. pool: whether regions are read by RoIAlign or by RoIPool,
    which takes one map.
    """

    width: int = 96
    hidden: int = 256
    finest: int = 8
    coarsest: int = 32
    pool: Pool = "align"

    def of(self, on: TrunkChoice) -> tuple[Network, list[Level]]:
        """A trunk without its head, and its maps of these strides, the finest first.

        Raises InputError: there are none, or several that are to be read as one.
        """
        if self.pool not in POOLINGS:
            raise UnknownNameError("pool", self.pool, POOLINGS)
        made = on.made()
        made.drop_head()
        levels = [level for level in made.levels if self.finest <= level.stride <= self.coarsest]
        if not levels or (len(levels) > 1 and (self.pool == "pool" or not self.width)):
            raise InputError(
                f"{on.trunk} has maps of the strides {', '.join(str(one.stride) for one in made.levels)}; "
                "one of them is read without a pyramid or by RoIPool, and several take both a width and "
                "RoIAlign."
            )
        return made, levels


REGION_MAPS = RegionMaps()


class TrunkDetector(RegionDetector):
    """A family calls ``super().__init__``, sets what proposes, and then ``roi_heads`` to `heads`.

    Args:
        trunk: a network that tells its levels; its head is taken off.
        levels: those of its maps that are used, the finest first.
        maps: how they are read.
    """

    def __init__(
        self, trunk: Network, *, trunk_name: str, levels: Sequence[Level], maps: RegionMaps, num_classes: int
    ) -> None:
        width = maps.width
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

    def heads(self, maps: RegionMaps, num_classes: int) -> RoIHeads:
        """What reads the regions, and dense layers."""
        light = self.pyramid is not None
        reader = (
            PyramidRoIAlign((7, 7), self.strides)
            if maps.pool == "align"
            else RoIPool((7, 7), 1 / self.strides[0])
        )
        head = DenseHead(self.channels * 49, maps.hidden, dropout=0.0 if light else 0.5)
        return RoIHeads(
            BoxesFirst(reader), head, maps.hidden, num_classes, REGIONS if light else RegionSettings()
        )

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
