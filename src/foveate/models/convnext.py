"""ConvNeXt (Liu et al.: A ConvNet for the 2020s, 2022, arXiv:2201.03545).

Key names and order are torchvision's; those of timm and of the authors are taken on loading. The maps stay
(N, C, H, W) throughout: what torchvision computes with the channels last is here a layer norm of each place
and a dense layer at each place (the authors' own program names both forms).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from foveate.layers.layer_norm import LayerNorm2d
from foveate.layers.pointwise import PointwiseLinear
from foveate.layers.stochastic_depth import StochasticDepth
from foveate.models.anatomy import Level, Network, Window
from foveate.models.registry import register
from foveate.models.weights_file import foreign_table

NORM_EPS = 1e-6
# What the parts of a block are called: torchvision, timm, the authors.
PARTS = (
    ("layer_scale", "gamma", "gamma"),
    (r"block\.0", "conv_dw", "dwconv"),
    (r"block\.2", "norm", "norm"),
    (r"block\.3", "mlp.fc1", "pwconv1"),
    (r"block\.5", "mlp.fc2", "pwconv2"),
)


class ConvNeXtBlock(nn.Module):
    """Depthwise 7x7, layer norm, 1x1 to 4·channels, GELU, 1x1 back, each channel scaled; + x.

    (N, channels, H, W) to the same.
    """

    def __init__(self, channels: int, layer_scale: float, stochastic_depth: float) -> None:
        super().__init__()
        self.block = nn.Sequential(
            nn.Conv2d(channels, channels, 7, padding=3, groups=channels),
            nn.Identity(),  # where torchvision turns the axes
            LayerNorm2d(channels, eps=NORM_EPS),
            PointwiseLinear(channels, 4 * channels),
            nn.GELU(),
            PointwiseLinear(4 * channels, channels),
        )
        self.layer_scale = nn.Parameter(torch.full((channels, 1, 1), layer_scale))
        self.stochastic_depth = StochasticDepth(stochastic_depth)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.stochastic_depth(self.layer_scale * self.block(x))


@register("convnext_tiny", width=96, depths=(3, 3, 9, 3))
class ConvNeXt(Network):
    """Patches of 4x4 pixels, four stages of blocks, layer norms and 2x2 steps between; average, norm, scores.

    ``width`` is the first stage's channels, doubled in each later one; ``depths`` counts the blocks.
    ``stochastic_depth`` is the probability that the last block is skipped in training; it grows from 0.
    """

    classifier_name = "classifier.2"

    def __init__(
        self,
        *,
        width: int = 96,
        depths: tuple[int, ...] = (3, 3, 9, 3),
        stochastic_depth: float = 0.1,
        layer_scale: float = 1e-6,
        num_classes: int = 1000,
        in_channels: int = 3,
    ) -> None:
        channels = [width * 2**i for i in range(len(depths))]
        super().__init__(num_features=channels[-1], num_classes=num_classes, in_channels=in_channels)
        self.windows = (
            Window("features.0.0", 4, 4),
            *(Window(f"features.{2 * i}.1", 2, 2) for i in range(1, len(depths))),
        )
        self.levels = tuple(Level(f"features.{2 * i + 1}", c, 4 * 2**i) for i, c in enumerate(channels))
        stem = nn.Sequential(nn.Conv2d(in_channels, width, 4, stride=4), LayerNorm2d(width, eps=NORM_EPS))
        layers, number, last = [stem], 0, max(sum(depths) - 1, 1)  # (N, 96, 56, 56) from 224x224
        for i, (depth, wide) in enumerate(zip(depths, channels, strict=True)):
            if i:
                norm = LayerNorm2d(channels[i - 1], eps=NORM_EPS)
                layers.append(nn.Sequential(norm, nn.Conv2d(channels[i - 1], wide, 2, stride=2)))
            rates = [stochastic_depth * (number + j) / last for j in range(depth)]
            layers.append(nn.Sequential(*(ConvNeXtBlock(wide, layer_scale, rate) for rate in rates)))
            number += depth
        self.features = nn.Sequential(*layers)  # (N, 768, 7, 7)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        norm = LayerNorm2d(channels[-1], eps=NORM_EPS)
        self.classifier = nn.Sequential(norm, nn.Flatten(), nn.Linear(channels[-1], num_classes))
        self.apply(_initialise)

    def forward_features(self, x: Tensor) -> Tensor:
        self.check_input(x)
        return self.features(x)

    def forward_head(self, features: Tensor) -> Tensor:
        return self.classifier(self.avgpool(features))

    def foreign_names(self) -> tuple[Mapping[str, str], ...]:
        timm = [
            (r"^features\.0\.", "stem."),
            (r"^classifier\.0", "head.norm"),
            (r"^classifier\.2", "head.fc"),
        ]
        authors = [(r"^classifier\.0", "norm"), (r"^classifier\.2", "head")]
        for i in range(len(self.features) // 2):
            timm.append((rf"^features\.{2 * i + 1}\.(\d+)", rf"stages.{i}.blocks.\1"))
            timm.append((rf"^features\.{2 * i}\.", f"stages.{i}.downsample."))
            authors.append((rf"^features\.{2 * i + 1}\.", f"stages.{i}."))
            authors.append((rf"^features\.{2 * i}\.", f"downsample_layers.{i}."))
        timm += [(ours, theirs) for ours, theirs, _ in PARTS]
        authors += [(ours, theirs) for ours, _, theirs in PARTS]
        return tuple(foreign_table(self.state_dict(), rules) for rules in (timm, authors))

    def fitted(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """Elsewhere a block's scales are (channels,)."""
        return {
            name: value[:, None, None] if name.endswith("layer_scale") and value.ndim == 1 else value
            for name, value in weights.items()
        }


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
    if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
