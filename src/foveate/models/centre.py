"""A detector in one stage: every place of a map says what stands there and how far its four sides are.

    trunk's maps -> light pyramid -> two small towers -> a score a class, four distances

Tian et al.: "FCOS: fully convolutional one-stage object detection", 2019, arXiv 1904.01355: no anchors, no
proposals. Which places answer for a true box: Zhang et al. (ATSS), 2020, arXiv 1912.02424: of the nearest on
each level those that fit it better than usual. Scores learn to be the IoU of the box that goes with them: Li
et al.: "Generalized focal loss", 2020, arXiv 2006.04388, equation 2, so that suppression keeps the best box.
Deviations: depthwise-separable convolutions, and batch norms of each level's own behind shared ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from foveate.layers.boxes import box_iou, generalized_iou
from foveate.layers.candidates import BestCandidates
from foveate.layers.feature_pyramid import LightPyramid
from foveate.layers.ranks import divisor
from foveate.layers.truth import Truth, in_crowd
from foveate.models.anatomy import Network
from foveate.models.detector import CANDIDATES, Detector, Origin, Where, limits_of, nearest
from foveate.models.registry import register
from foveate.models.trunk_choice import USUAL_TRUNK, TrunkChoice

PRIOR = 0.01  # the score of a place at the start
REACH = 4.0  # of a side from its place at the start, in strides
NEAREST = 9  # places of a level that may answer for a box
BOX_WEIGHT = 2.0  # of the boxes' loss, beside the scores'
SIDES = ("left", "top", "right", "bottom")  # how far each is from the place
MOST_GROWTH = 4.0  # of a distance, e to this power


class Tower(nn.Module):
    """Depthwise-separable convolutions, the same for all levels, with batch norms of each level's own."""

    def __init__(self, width: int, depth: int, levels: int) -> None:
        super().__init__()
        self.spatial = nn.ModuleList(
            nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False) for _ in range(depth)
        )
        self.mixing = nn.ModuleList(nn.Conv2d(width, width, 1, bias=False) for _ in range(depth))
        self.norms = nn.ModuleList(
            nn.ModuleList(nn.BatchNorm2d(width) for _ in range(depth)) for _ in range(levels)
        )

    def forward(self, x: Tensor, level: int) -> Tensor:
        norms: Any = self.norms[level]
        for spatial, mixing, norm in zip(self.spatial, self.mixing, norms, strict=True):
            x = torch.relu(norm(mixing(spatial(x))))
        return x


@dataclass(frozen=True)
class PlacesToLearn:
    """What all places say: logits (N, P, K), boxes (N, P, 4), and where they are: centres (P, 2), strides
    (P,), places of each level.
    """

    logits: Tensor
    boxes: Tensor
    centres: Tensor
    strides: Tensor
    counts: tuple[int, ...]

    def detach(self) -> Self:
        return self

    def losses(self, truths: Sequence[Truth]) -> dict[str, Tensor]:
        wanted, usable = torch.zeros_like(self.logits), torch.ones_like(self.logits[..., 0])
        said, to = [], []
        for row, truth in enumerate(truths):
            there = truth.wanted
            which = answering(there.boxes, self.centres, self.strides, self.counts)
            places = (which >= 0).nonzero()[:, 0]
            boxes, goal = self.boxes[row, places], there.boxes[which[places]]
            iou = box_iou(boxes.detach()[:, None], goal[:, None])[:, 0, 0].clamp(min=0)
            wanted[row, places, there.labels[which[places]]] = iou
            said.append(boxes)
            to.append(goal)
            if len(crowds := truth.boxes[truth.crowd]):
                usable[row] = (~in_crowd(self.boxes[row].detach(), crowds) | (which >= 0)).to(usable.dtype)
        boxes, goals = torch.cat(said), torch.cat(to)
        count = divisor(len(boxes), self.boxes)
        apart = (1 - generalized_iou(boxes, goals)).sum() if len(boxes) else self.boxes.sum() * 0
        return {
            "scores": (quality_focal_loss(self.logits, wanted) * usable[..., None]).sum() / count,
            "boxes": BOX_WEIGHT * apart / count,
            "quality": wanted.sum() / count,
        }


def quality_focal_loss(logits: Tensor, wanted: Tensor) -> Tensor:
    """Cross-entropy with what is wanted, from 0 to 1, times the square of how far off it is; one by one."""
    off = torch.sigmoid(logits) - wanted
    return F.binary_cross_entropy_with_logits(logits, wanted, reduction="none") * off * off


def answering(truth: Tensor, centres: Tensor, strides: Tensor, counts: Sequence[int]) -> Tensor:
    """(P,) int64: for which true box (B, 4) each place answers, −1 for none.

    Of each level the 9 places nearest to the box's centre stand to choose; those answer whose usual box has
    an IoU with it of the mean and a deviation more, and that lie in it.
    """
    which = torch.full((len(centres),), -1, dtype=torch.int64, device=centres.device)
    if not len(truth):
        return which
    half = (strides * REACH)[:, None]
    iou = box_iou(truth, torch.cat([centres - half, centres + half], dim=1))  # (B, P)
    apart = torch.cdist((truth[:, :2] + truth[:, 2:]) / 2, centres)
    near, first = [], 0
    for count in counts:
        found = apart[:, first : first + count].topk(min(NEAREST, count), dim=1, largest=False).indices
        near.append(found + first)
        first += count
    candidates = torch.cat(near, dim=1)  # (B, up to 9 a level)
    overlaps = iou.gather(1, candidates)
    least = overlaps.mean(1, keepdim=True) + overlaps.std(1, keepdim=True)
    points = centres[candidates]
    inside = ((points > truth[:, None, :2]) & (points < truth[:, None, 2:])).all(2)
    good = torch.zeros_like(iou).scatter(1, candidates, ((overlaps >= least) & inside).to(iou.dtype))
    good = torch.where(
        good > 0, iou + 1, good
    )  # of several boxes a place answers for the one that it fits best
    best, box = good.max(dim=0)
    return torch.where(best > 0, box, which)


class PlaceDetector(Detector):
    """A detector whose places each say a box and its scores: ``_seen`` tells them, ``best`` chooses."""

    best: BestCandidates
    score_layer: ClassVar[str] = "score"  # {level} stands for its number, where each has a layer of its own
    side_layer: ClassVar[str] = "distance"  # "" where each side is made of many numbers

    def origin(self, x: Tensor, candidate: Tensor) -> Origin:
        label = int(candidate[5])
        seen = self._seen(x)
        boxes = torch.minimum(seen.boxes[0].clamp(min=0), limits_of(x))
        place = nearest(boxes, torch.sigmoid(seen.logits[0, :, label]), candidate)
        stride = float(seen.strides[place])
        level, first = 0, 0
        while place >= first + seen.counts[level]:
            first += seen.counts[level]
            level += 1
        across = int(seen.centres[first : first + seen.counts[level], 0].unique().numel())
        row, column = divmod(place - first, across)

        def where(layer: str, channel: int) -> Where:
            own = layer.format(level=level)
            return Where(own, level if own == layer else 0, (channel, row, column))

        sides = enumerate(SIDES if self.side_layer else ())
        return Origin(
            where(self.score_layer, label),
            {name: where(self.side_layer, i) for i, name in sides},
            None,
            seen.centres[place][None],
            stride,
        )

    def forward(self, x: Tensor) -> Tensor:
        """Candidates (N, M, 6) of pictures (N, in_channels, H, W)."""
        seen = self._seen(x)
        boxes = torch.minimum(seen.boxes.clamp(min=0), limits_of(x))
        return self.best(torch.cat([boxes, torch.sigmoid(seen.logits)], dim=2))

    def forward_to_learn(self, x: Tensor) -> tuple[Any, tuple[Tensor, ...]]:
        """What the loss takes, and no auxiliary outputs."""
        return self._seen(x), ()

    def _seen(self, x: Tensor) -> PlacesToLearn:
        raise NotImplementedError


class Centre(PlaceDetector):
    """The detector on a trunk of the catalogue.

    Args:
        trunk: a network that tells its levels; its head is taken off.
        width: channels of the pyramid and the towers; depth: convolutions of a tower.
        finest: the smallest stride of a map that answers; extra: maps beyond the trunk's coarsest.
        candidates: boxes of a picture before suppression.
    """

    def __init__(
        self,
        trunk: Network,
        *,
        trunk_name: str,
        shape: tuple[int, int, int, int],
        candidates: int = CANDIDATES,
        num_classes: int = 80,
    ) -> None:
        width, depth, finest, extra = shape
        trunk.drop_head()
        super().__init__(
            num_features=trunk.num_features, num_classes=num_classes, in_channels=trunk.in_channels
        )
        self.trunk_name, self.trunk = trunk_name, trunk
        self.windows = tuple(one._replace(layer=f"trunk.{one.layer}") for one in trunk.windows)
        self.levels = tuple(one._replace(layer=f"trunk.{one.layer}") for one in trunk.levels)
        taken = [level for level in trunk.levels if level.stride >= finest]
        self.strides = [level.stride for level in taken]
        self.strides += [self.strides[-1] * 2 ** (i + 1) for i in range(extra)]
        self.pyramid = LightPyramid([level.channels for level in taken], width, extra=extra)
        self.score_tower = Tower(width, depth, len(self.strides))
        self.box_tower = Tower(width, depth, len(self.strides))
        self.score = nn.Conv2d(width, num_classes, 1)
        self.distance = nn.Conv2d(width, 4, 1)
        self.best = BestCandidates(candidates, num_classes)
        begin_scores(self.score)
        _initialise(self.distance, 0.0)

    def forward_features(self, x: Tensor) -> Tensor:
        return self.trunk.forward_features(x)

    def _seen(self, x: Tensor) -> PlacesToLearn:
        self.check_input(x)
        maps = self._maps(x)
        logits, boxes, centres, strides = [], [], [], []
        for level, (one, stride) in enumerate(zip(maps, self.strides, strict=True)):
            count = one.shape[2] * one.shape[3]
            scores = self.score(self.score_tower(one, level)).float()  # boxes take more than 16 bits
            raw = self.distance(self.box_tower(one, level)).float()
            logits.append(scores.permute(0, 2, 3, 1).reshape(len(x), count, self.num_classes))
            raw = raw.permute(0, 2, 3, 1).reshape(len(x), count, 4)
            far = torch.exp(raw.clamp(min=-MOST_GROWTH, max=MOST_GROWTH)) * (REACH * stride)
            places = place_centres(one, x, stride)
            boxes.append(torch.cat([places - far[..., :2], places + far[..., 2:]], dim=2))
            centres.append(places)
            strides.append(torch.full((count,), float(stride), device=x.device))
        counts = tuple(len(one) for one in centres)
        return PlacesToLearn(
            torch.cat(logits, dim=1), torch.cat(boxes, dim=1), torch.cat(centres), torch.cat(strides), counts
        )

    def _maps(self, x: Tensor) -> list[Tensor]:
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.trunk_learns):
            found = self.trunk.forward_levels(x)
        maps: list[Tensor] = self.pyramid([found[stride] for stride in self.strides if stride in found])
        return maps

    def classifier_layers(self) -> tuple[str, ...]:
        return ("score",)

    def reset_classifier(self, num_classes: int) -> None:
        old = self.score
        self.score = nn.Conv2d(
            old.in_channels, num_classes, 1, device=old.weight.device, dtype=old.weight.dtype
        )
        begin_scores(self.score)
        self.best = BestCandidates(self.best.most, num_classes)
        self.num_classes = num_classes

    @torch.no_grad()
    def initialise_from(self, images: Tensor) -> None:
        """Set what a compact trunk takes from the pictures (N, in_channels, H, W); others take nothing."""
        initialise = getattr(self.trunk, "initialise_from", None)
        if initialise is not None:
            initialise(images)


def begin_scores(layer: nn.Conv2d) -> None:
    """Let a layer of scores say at first that there is hardly anything anywhere."""
    _initialise(layer, math.log(PRIOR / (1 - PRIOR)))


def _initialise(layer: nn.Conv2d, bias: float) -> None:
    nn.init.normal_(layer.weight, std=0.01)
    if layer.bias is not None:
        nn.init.constant_(layer.bias, bias)


def place_centres(one: Tensor, x: Tensor, stride: int) -> Tensor:
    """(h·w, 2) x and y of the middles of a map's places in the picture."""
    rows, columns = (torch.arange(n, dtype=x.dtype, device=x.device) for n in one.shape[2:])
    y, x_ = torch.meshgrid((rows + 0.5) * stride, (columns + 0.5) * stride, indexing="ij")
    return torch.stack([x_.reshape(-1), y.reshape(-1)], dim=1)


@register("centre_compact", trunk="compact_l", finest=4)
@register("centre_efficientnet_lite0", trunk="efficientnet_lite0")
@register("centre_efficientnet_lite2", trunk="efficientnet_lite2")
@register("centre_resnet18", trunk="resnet18")
def centre(
    on: TrunkChoice = USUAL_TRUNK,
    *,
    width: int = 96,
    depth: int = 2,
    finest: int = 8,
    extra: int = 1,
    candidates: int = CANDIDATES,
    num_classes: int = 80,
) -> Centre:
    """The detector on a trunk of the catalogue."""
    shape = (width, depth, finest, extra)
    return Centre(on.made(), trunk_name=on.trunk, shape=shape, candidates=candidates, num_classes=num_classes)
