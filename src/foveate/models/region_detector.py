"""Detectors in two stages: regions that may show something are proposed, and each is looked at."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor

from foveate.layers.regions import sample_points
from foveate.layers.truth import ToLearn, Truth
from foveate.models.detector import Detector, Origin, Where, limits_of, nearest, suppressed
from foveate.models.roi_heads import RoIHeads
from foveate.models.rpn import RegionProposalNetwork, Seen

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
MULTIPLE = 32  # of which the sides of a batch are, in pixels
STEPS = ("across", "down", "wider", "higher")  # what moves a region: its middle, and its sides' logarithms
OVERLAP, MOST = 0.5, 100  # of answers: IoU of two of a class, and how many of a picture


@dataclass(frozen=True)
class RegionsToLearn:
    """What a detector in two stages saw: maps, what it says of anchors, and proposals (N, R, 6)."""

    heads: RoIHeads
    rpn: RegionProposalNetwork
    maps: Sequence[Tensor]
    seen: Seen
    proposals: Tensor

    def losses(self, truths: Sequence[Truth]) -> dict[str, Tensor]:
        own = [one[one[:, 4] > 0, :4] for one in self.proposals]
        return self.rpn.losses(self.seen, truths) | self.heads.losses(self.maps, own, truths)

    def detach(self) -> Self:
        return self


class RegionDetector(Detector):
    """A family sets ``rpn`` and ``roi_heads``, and writes ``forward_maps``; one whose regions come from
    elsewhere is `foveate.models.searching.Searching`.

    ``min_size`` and ``max_size`` are for `detect` alone: what the shorter side of a picture becomes, unless
    the longer one would be more than that.
    """

    rpn: RegionProposalNetwork
    roi_heads: RoIHeads
    min_size: int = 800
    max_size: int = 1333

    def follow(self, trunk: Any) -> None:
        """Tell the windows and levels of a trunk, under the names that they have here."""
        name = self.trunk_layers[0]
        self.windows = tuple(one._replace(layer=f"{name}.{one.layer}") for one in trunk.windows)
        levels = {}
        for one in trunk.levels:
            levels[one.stride] = one._replace(layer=f"{name}.{one.layer.removeprefix('features.')}")
        self.levels = tuple(levels.values())

    @property
    def anchor_shapes(self) -> list[list[tuple[float, float]]]:
        proposing: RegionProposalNetwork | None = getattr(self, "rpn", None)  # none where others propose
        levels = [] if proposing is None else proposing.cells
        return [[(x2 - x1, y2 - y1) for x1, y1, x2, y2 in level] for level in levels]

    def forward_maps(self, x: Tensor) -> Sequence[Tensor]:
        """The maps (N, width, h, w) that proposals are made of and regions read from, the finest first."""
        raise NotImplementedError

    def forward_features(self, x: Tensor) -> Tensor:
        return self.forward_maps(x)[-1]

    def forward(self, x: Tensor) -> Tensor:
        """Candidates (N, M, 6) of pictures (N, in_channels, H, W)."""
        self.check_input(x)
        return self.candidates(x, limits_of(x))

    def candidates(self, x: Tensor, limits: Tensor) -> Tensor:
        """The same where pictures fill a part of the batch, up to limits (N, 1, 4): w, h, w, h."""
        maps = self.forward_maps(x)
        found: Tensor = self.roi_heads(maps, self.proposals(x, maps, limits), limits)
        return found

    def proposals(self, x: Tensor, maps: Sequence[Tensor], limits: Tensor) -> Tensor:
        """(N, R, 5 or more): where to look; boxes, and a score that is 0 of what fills up."""
        return self.rpn.proposals(self.rpn.seen(maps, (x.shape[2], x.shape[3])), limits)

    def looked_at(self, x: Tensor) -> Tensor:
        found = self.proposals(x, self.forward_maps(x), limits_of(x))[0, :, :5]
        return found[found[:, 4] > 0]

    def origin(self, x: Tensor, candidate: Tensor) -> Origin:
        label = int(candidate[5])
        maps, limits = self.forward_maps(x), limits_of(x)
        regions = self.proposals(x, maps, limits)[..., :4]
        likely, moved = self.roi_heads.moved(maps, regions)
        boxes = torch.minimum(moved[0, :, label].clamp(min=0), limits)
        region = nearest(boxes, likely[0, :, label], candidate)
        predictor = "roi_heads.box_predictor"
        first = 4 * (label + 1)  # the background's four stand first
        sides = {
            name: Where(f"{predictor}.bbox_pred", 0, (0, region, first + i)) for i, name in enumerate(STEPS)
        }
        how = self.roi_heads.reading(regions[0, region])
        points = candidate.new_zeros(0, 2) if how is None else sample_points(regions[0, region], how)
        return Origin(
            Where(f"{predictor}.cls_score", 0, (0, region, label + 1)),
            sides,
            regions[0, region],
            points,
            1.0 if how is None else 1 / how.scale,
        )

    def forward_to_learn(self, x: Tensor) -> tuple[Any, tuple[Tensor, ...]]:
        """What the loss takes, and no auxiliary outputs."""
        self.check_input(x)
        return self.to_learn(x, limits_of(x)), ()

    def to_learn(self, x: Tensor, limits: Tensor) -> ToLearn:
        """What the loss takes of pictures that fill a part of the batch; see `candidates`."""
        maps = self.forward_maps(x)
        seen = self.rpn.seen(maps, (x.shape[2], x.shape[3]))
        with torch.no_grad():
            proposals = self.rpn.proposals(seen, limits)
        return RegionsToLearn(self.roi_heads, self.rpn, maps, seen, proposals)

    def classifier_layers(self) -> tuple[str, ...]:
        return ("roi_heads.box_predictor.cls_score",)

    def reset_classifier(self, num_classes: int) -> None:
        self.roi_heads.reset_classes(num_classes)
        self.num_classes = num_classes

    def trunk_weights(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        name = self.trunk_layers[0]
        return {f"{name}.{key.removeprefix('features.')}": value for key, value in state.items()}

    @torch.inference_mode()
    def detect(self, pictures: Sequence[Tensor]) -> list[dict[str, Tensor]]:
        """As torchvision's detectors are called: pictures (3, H, W) of any sizes, in 0..1, to their objects.

        Of each ``boxes`` (K, 4) in its own pixels, ``scores`` (K,) falling, ``labels`` (K,) from 1.
        """
        batch, sizes = batched(pictures, self.min_size, self.max_size)
        limits = batch.new_tensor([[w, h, w, h] for h, w in sizes])[:, None]
        weight = next(self.parameters())
        found = self.candidates(batch.to(weight.dtype), limits.to(weight.dtype))
        answers = []
        for one, picture, size in zip(found, pictures, sizes, strict=True):
            kept = suppressed(one, threshold=OVERLAP, most=MOST, least_score=0.0)
            back = [picture.shape[2] / size[1], picture.shape[1] / size[0]] * 2
            boxes = kept[:, :4] * kept.new_tensor(back)
            answers.append({"boxes": boxes, "scores": kept[:, 4], "labels": kept[:, 5].long() + 1})
        return answers


def resize_scale(size: tuple[int, int], min_size: int, max_size: int) -> float:
    """By how much sides (h, w) grow: the shorter to ``min_size``, the longer not above ``max_size``."""
    return min(min_size / min(size), max_size / max(size))


def batched(
    pictures: Sequence[Tensor], min_size: int, max_size: int, multiple: int = MULTIPLE
) -> tuple[Tensor, list[tuple[int, int]]]:
    """Pictures (3, H, W) in 0..1, normalised, resized and put in the upper left of zeros.

    Returns the batch (N, 3, H', W') float32, its sides multiples of 32, and (h, w) of each picture in it.
    """
    mean, std = (torch.tensor(values)[:, None, None] for values in (MEAN, STD))
    resized = []
    for picture in pictures:
        scale = resize_scale((picture.shape[1], picture.shape[2]), min_size, max_size)
        plain = ((picture.float() - mean) / std)[None]
        resized.append(
            F.interpolate(
                plain, scale_factor=scale, mode="bilinear", recompute_scale_factor=True, align_corners=False
            )[0]
        )
    height, width = (
        math.ceil(max(one.shape[axis] for one in resized) / multiple) * multiple for axis in (1, 2)
    )
    filled = [F.pad(one, (0, width - one.shape[2], 0, height - one.shape[1])) for one in resized]
    return torch.stack(filled), [(one.shape[1], one.shape[2]) for one in resized]
