"""NanoDet-g: a detector in one stage, of plain convolutions, whose sides are read from distributions.

    stem, four CSP blocks -> maps of the strides 8, 16, 32 -> laterals, down and up again -> a head each

RangiLyu: NanoDet (github.com/RangiLyu/nanodet), 2021, configuration ``nanodet-g``; there is no paper. Blocks:
Wang et al. (CSPNet), 2019, arXiv 1911.11929. The way down and up: Liu et al. (PANet), 2018, arXiv 1803.01534,
without convolutions of its own. Sides: Li et al., "Generalized focal loss", 2020, arXiv 2006.04388: of each
side 11 scores, one a distance of 0 to 10 strides; their softmax weighs the distances. Deviation: batch norms
are part of the convolutions, as they are in the published weights (`foveate.models.nanodet_weights`).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from foveate.layers.candidates import BestCandidates
from foveate.models.anatomy import Level, Window
from foveate.models.centre import PlaceDetector, PlacesToLearn, begin_scores, place_centres
from foveate.models.detector import CANDIDATES
from foveate.models.registry import register

SLOPE = 0.1  # of the activation below 0
FURTHEST = 10  # strides that a side is away, at most
STRIDES = (8, 16, 32)
RESIDUALS = (1, 2, 2, 3)  # pairs of convolutions in each block


class ConvAct(nn.Sequential):
    """A convolution with bias that keeps the size, or halves it, and LeakyReLU."""

    def __init__(self, in_channels: int, out_channels: int, *, stride: int = 1) -> None:
        super().__init__(nn.Conv2d(in_channels, out_channels, 3, stride, 1), nn.LeakyReLU(SLOPE))


class Pair(nn.Module):
    """Two convolutions of half the channels, one after the other, both kept: (N, C, H, W) to the same."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = ConvAct(channels, channels // 2)
        self.second = ConvAct(channels // 2, channels // 2)

    def forward(self, x: Tensor) -> Tensor:
        first = self.first(x)
        return torch.cat([self.second(first), first], dim=1)


class CspBlock(nn.Module):
    """(N, C, H, W) to (N, 2 C, h, w): half of it has gone through the pairs, half has not."""

    def __init__(self, channels: int, residuals: int, stride: int) -> None:
        super().__init__()
        self.inward = ConvAct(channels, channels, stride=stride)
        self.pairs = nn.Sequential(*(Pair(channels) for _ in range(residuals)))
        self.outward = ConvAct(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        x = self.inward(x)
        return torch.cat([self.outward(self.pairs(x)), x], dim=1)


class Backbone(nn.Module):
    """Pictures to the last block's map. width: channels of the first convolution."""

    def __init__(self, width: int, in_channels: int) -> None:
        super().__init__()
        self.stem = ConvAct(in_channels, width, stride=2)
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.blocks = nn.Sequential(
            *(CspBlock(width * 2**i, n, stride=1 if i == 0 else 2) for i, n in enumerate(RESIDUALS))
        )

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.blocks(self.pool(self.stem(x)))
        return found


class Head(nn.Module):
    """Of a map: a score a class (N, K, h, w) and 11 scores of each of four sides (N, 44, h, w)."""

    def __init__(self, channels: int, num_classes: int) -> None:
        super().__init__()
        self.shared = ConvAct(channels, channels)
        self.score = nn.Conv2d(channels, num_classes, 1)
        self.distance = nn.Conv2d(channels, 4 * (FURTHEST + 1), 1)
        begin_scores(self.score)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.shared(x)
        return self.score(x), self.distance(x)


@register("nanodet_g")
class NanoDet(PlaceDetector):
    """The detector; its trunk is its own.

    Args:
        width: channels of the first convolution; channels: of the maps that the heads look at.
    """

    trunk_name = "nanodet_g"
    trunk_layers = ("backbone",)
    score_layer = "heads.{level}.score"
    side_layer = ""  # each side is the mean of eleven places

    def __init__(
        self, *, width: int = 32, channels: int = 128, num_classes: int = 80, in_channels: int = 3
    ) -> None:
        widths = [width * 2 ** (i + 1) for i in range(len(RESIDUALS))]
        super().__init__(num_features=widths[-1], num_classes=num_classes, in_channels=in_channels)
        self.backbone = Backbone(width, in_channels)
        inward = [f"backbone.blocks.{i}.inward.0" for i in (1, 2, 3)]
        halving = ["backbone.stem.0", "backbone.pool", *inward]
        self.windows = tuple(Window(layer, 3, 2, 1) for layer in halving)
        strides = (4, *STRIDES)
        self.levels = tuple(
            Level(f"backbone.blocks.{i}", widths[i], strides[i]) for i in range(len(RESIDUALS))
        )
        self.laterals = nn.ModuleList(nn.Conv2d(each, channels, 1) for each in widths[1:])
        self.heads = nn.ModuleList(Head(channels, num_classes) for _ in STRIDES)
        self.best = BestCandidates(CANDIDATES, num_classes)

    def forward_features(self, x: Tensor) -> Tensor:
        self.check_input(x)
        found: Tensor = self.backbone(x)
        return found

    def _seen(self, x: Tensor) -> PlacesToLearn:
        logits, boxes, centres, strides = [], [], [], []
        for one, head, stride in zip(self._maps(x), self.heads, STRIDES, strict=True):
            count = one.shape[2] * one.shape[3]
            scores, sides = head(one)
            logits.append(scores.permute(0, 2, 3, 1).reshape(len(x), count, self.num_classes))
            far = _distances(sides.permute(0, 2, 3, 1).reshape(len(x), count, 4, FURTHEST + 1)) * stride
            places = place_centres(one, x, stride)
            boxes.append(torch.cat([places - far[..., :2], places + far[..., 2:]], dim=2))
            centres.append(places)
            strides.append(torch.full((count,), float(stride), device=x.device))
        counts = tuple(len(one) for one in centres)
        return PlacesToLearn(
            torch.cat(logits, dim=1), torch.cat(boxes, dim=1), torch.cat(centres), torch.cat(strides), counts
        )

    def _maps(self, x: Tensor) -> list[Tensor]:
        """Three maps of one width: each with what coarser ones know added, then with what finer ones do."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.trunk_learns):
            found = self.forward_levels(x)
        maps = [lateral(found[stride]) for lateral, stride in zip(self.laterals, STRIDES, strict=True)]
        for level in range(len(maps) - 2, -1, -1):
            maps[level] = maps[level] + _resized(maps[level + 1], maps[level])
        for level in range(1, len(maps)):
            maps[level] = maps[level] + _resized(maps[level - 1], maps[level])
        return maps

    def classifier_layers(self) -> tuple[str, ...]:
        return tuple(f"heads.{level}.score" for level in range(len(STRIDES)))

    def reset_classifier(self, num_classes: int) -> None:
        for name in self.classifier_layers():
            weight = self.get_parameter(f"{name}.weight")
            fresh = nn.Conv2d(weight.shape[1], num_classes, 1, device=weight.device, dtype=weight.dtype)
            begin_scores(fresh)
            self.set_submodule(name, fresh)
        self.best = BestCandidates(self.best.most, num_classes)
        self.num_classes = num_classes


def _resized(one: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(one, size=like.shape[-2:], mode="bilinear", align_corners=False)


def _distances(scores: Tensor) -> Tensor:
    """(..., 4, 11) to (..., 4): in strides, the mean of 0 to 10 by the scores' softmax."""
    steps = torch.arange(FURTHEST + 1, dtype=scores.dtype, device=scores.device)
    return (torch.softmax(scores, dim=-1) * steps).sum(dim=-1)
