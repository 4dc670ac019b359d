"""A light pyramid: a class for each pixel from the levels of a trunk. This program's own family.

    trunk's maps, the coarsest first -> 1x1 convolution to one width
        -> enlarged, added to the next finer level's, 3x3 depthwise-separable convolution -> ... -> scores

The way down and up is the feature pyramid's (Lin et al.: Feature pyramid networks, 2017, arXiv 1612.03144);
that one head on its finest map is enough for classes of pixels is Kirillov et al.'s panoptic FPN (2019, arXiv
1901.02446), section 3.1. Deviations: depthwise-separable convolutions in place of full ones, which cost a
processor a ninth, batch norm, and one convolution a level. The scores are of the finest level's stride; the
picture's size they get by bilinear enlargement, and training does without that (`forward_to_learn`).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from foveate.models.anatomy import Network
from foveate.models.registry import register
from foveate.models.segmenter import Segmenter, resized
from foveate.models.trunk_choice import USUAL_TRUNK, TrunkChoice


class Pyramid(Segmenter):
    """The pyramid on the levels of a trunk.

    Args:
        trunk: a network that tells its levels; its head is taken off.
        trunk_name: what it is called in the catalogue.
        width: channels of the pyramid.
        finest: the smallest stride of a level that is used.
        dropout: of the channels before the scores, in training.
    """

    def __init__(
        self,
        trunk: Network,
        *,
        trunk_name: str,
        width: int = 96,
        finest: int = 4,
        dropout: float = 0.1,
        num_classes: int = 21,
    ) -> None:
        trunk.drop_head()
        super().__init__(
            num_features=trunk.num_features, num_classes=num_classes, in_channels=trunk.in_channels
        )
        self.trunk_name = trunk_name
        self.trunk = trunk
        self.follow(trunk.windows, trunk.levels)
        levels = [level for level in trunk.levels if level.stride >= finest]
        self.laterals = nn.ModuleDict(
            {str(level.stride): _lateral(level.channels, width) for level in reversed(levels)}
        )
        self.blends = nn.ModuleDict({str(level.stride): _blend(width) for level in reversed(levels)})
        self.dropout = nn.Dropout2d(dropout)
        self.score = nn.Conv2d(width, num_classes, 1)
        self.score_layers = ("score",)

    def forward_features(self, x: Tensor) -> Tensor:
        return self.trunk.forward_features(x)

    def forward_scores(self, x: Tensor, *, aux: bool) -> tuple[Tensor, ...]:
        maps = self.trunk.forward_levels(x)
        found: Tensor | None = None
        for stride, lateral in self.laterals.items():  # (N, 96, h, w), each about twice as large
            level = lateral(maps[int(stride)])
            found = self.blends[stride](level if found is None else level + resized(found, level))
        return (self.score(self.dropout(found)),)

    @torch.no_grad()
    def initialise_from(self, images: Tensor) -> None:
        """Set what a compact trunk takes from the pictures (N, in_channels, H, W); others take nothing."""
        initialise = getattr(self.trunk, "initialise_from", None)
        if initialise is not None:
            initialise(images)


@register("pyramid_compact", trunk="compact_l", finest=2)
@register("pyramid_efficientnet_lite0", trunk="efficientnet_lite0")
@register("pyramid_efficientnet_lite2", trunk="efficientnet_lite2")
@register("pyramid_resnet18", trunk="resnet18")
def pyramid(
    on: TrunkChoice = USUAL_TRUNK,
    *,
    width: int = 96,
    finest: int = 4,
    dropout: float = 0.1,
    num_classes: int = 21,
) -> Pyramid:
    """A pyramid on a trunk of the catalogue."""
    return Pyramid(
        on.made(), trunk_name=on.trunk, width=width, finest=finest, dropout=dropout, num_classes=num_classes
    )


def _lateral(channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, width, 1, bias=False), nn.BatchNorm2d(width))


def _blend(width: int) -> nn.Sequential:
    """A depthwise and a pointwise convolution, each normalised, and ReLU."""
    return nn.Sequential(
        nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.Conv2d(width, width, 1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
    )
