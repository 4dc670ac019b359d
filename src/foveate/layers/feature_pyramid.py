"""A feature pyramid: maps of several strides brought to one width, each knowing what the coarser ones know.

Lin et al.: "Feature pyramid networks for object detection", 2016, arXiv 1612.03144. Key names are
torchvision's.
"""

from __future__ import annotations

from collections.abc import Sequence

from foveate.operators.optional_torch import F, Tensor, nn


class FeaturePyramid(nn.Module):
    """1x1 convolutions to one width; the coarser map enlarged and added; a 3x3 convolution on each sum.

    Shapes: maps (N, in_channels[i], h_i, w_i), the finest first, to (N, width, h_i, w_i), and one more, every
    second place of the coarsest. With ``normalise`` batch norms stand behind the convolutions in place of
    biases.
    """

    def __init__(self, in_channels: Sequence[int], width: int, *, normalise: bool = False) -> None:
        super().__init__()
        self.inner_blocks = nn.ModuleList(_block(channels, width, 1, normalise) for channels in in_channels)
        self.layer_blocks = nn.ModuleList(_block(width, width, 3, normalise) for _ in in_channels)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_uniform_(module.weight, a=1)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        inner = self.inner_blocks[-1](maps[-1])
        found = [self.layer_blocks[-1](inner)]
        for level in range(len(maps) - 2, -1, -1):
            lateral = self.inner_blocks[level](maps[level])
            inner = lateral + F.interpolate(inner, size=lateral.shape[-2:], mode="nearest")
            found.insert(0, self.layer_blocks[level](inner))
        return [*found, F.max_pool2d(found[-1], 1, 2)]


def _block(in_channels: int, width: int, kernel: int, normalise: bool) -> nn.Sequential:
    convolution = nn.Conv2d(in_channels, width, kernel, padding=kernel // 2, bias=not normalise)
    return nn.Sequential(convolution, nn.BatchNorm2d(width)) if normalise else nn.Sequential(convolution)


class LightPyramid(nn.Module):
    """The same of depthwise-separable convolutions, normalised: a ninth of the cost of full ones.

    Shapes: as of `FeaturePyramid`, with ``extra`` coarser maps, each every second place of the one before.
    """

    def __init__(self, in_channels: Sequence[int], width: int, *, extra: int = 1) -> None:
        super().__init__()
        self.extra = extra
        self.laterals = nn.ModuleList(
            nn.Sequential(nn.Conv2d(channels, width, 1, bias=False), nn.BatchNorm2d(width))
            for channels in in_channels
        )
        self.blends = nn.ModuleList(separable(width) for _ in in_channels)

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        inner = self.laterals[-1](maps[-1])
        found = [self.blends[-1](inner)]
        for level in range(len(maps) - 2, -1, -1):
            lateral = self.laterals[level](maps[level])
            inner = lateral + F.interpolate(found[0], size=lateral.shape[-2:], mode="nearest")
            found.insert(0, self.blends[level](inner))
        for _ in range(self.extra):
            found.append(F.max_pool2d(found[-1], 1, 2))
        return found


def separable(width: int) -> nn.Sequential:
    """A depthwise and a pointwise convolution, each normalised, and ReLU."""
    return nn.Sequential(
        nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.Conv2d(width, width, 1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
    )
