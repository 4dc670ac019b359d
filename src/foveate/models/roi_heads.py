"""What regions show: a class for each, and the box once more, better. (Fast R-CNN, arXiv 1504.08083.)

Key names are torchvision's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from foveate.layers.boxes import PROPOSAL_WEIGHTS, CoderWeights, box_iou, decode_boxes, encode_boxes
from foveate.layers.candidates import BestCandidates
from foveate.layers.matching import sample
from foveate.layers.ranks import divisor, mean_of_batch
from foveate.layers.regions import Pooling, PyramidRoIAlign, RoIAlign
from foveate.layers.truth import Truth, matched
from foveate.models.detector import CANDIDATES
from foveate.models.rpn import SMOOTH

LEAST_SIDE = 1e-2  # of an answer, in pixels


@dataclass(frozen=True)
class RegionSettings:
    """overlap: the least IoU of a region with a true box that it stands for; sampled: regions a picture that
    are learnt from, of which that fraction shows objects. least_score: of a candidate; candidates: how many
    of a picture.
    """

    overlap: float = 0.5
    sampled: int = 512
    positive_fraction: float = 0.25
    least_score: float = 0.05
    candidates: int = CANDIDATES
    weights: CoderWeights = field(default=PROPOSAL_WEIGHTS)


class DenseHead(nn.Module):
    """Two dense layers: (N, R, C, h, w) to (N, R, width)."""

    def __init__(self, features: int, width: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.fc6 = nn.Linear(features, width)
        self.fc7 = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)
        self.width = width

    def forward(self, x: Tensor) -> Tensor:
        x = self.dropout(torch.relu(self.fc6(x.flatten(2))))
        return self.dropout(torch.relu(self.fc7(x)))


class ConvHead(nn.Sequential):
    """3x3 convolutions with batch norm, then a dense layer: (N, R, C, h, w) to (N, R, width)."""

    def __init__(self, channels: int, size: int, convolutions: int = 4, width: int = 1024) -> None:
        blocks: list[nn.Module] = [
            nn.Sequential(
                nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU()
            )
            for _ in range(convolutions)
        ]
        super().__init__(*blocks, nn.Flatten(), nn.Linear(channels * size * size, width), nn.ReLU())
        self.width = width
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.flatten(0, 1)).unflatten(0, x.shape[:2])


class Predictor(nn.Module):
    """Scores of the background and of K classes, and four steps for each: (N, R, width) to (N, R, K + 1) and
    (N, R, 4 (K + 1)).
    """

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.cls_score = nn.Linear(width, classes + 1)
        self.bbox_pred = nn.Linear(width, 4 * (classes + 1))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.cls_score(x), self.bbox_pred(x)


class Sampled(NamedTuple):
    """The boxes (M, 4) of a picture, and the rows of those that are learnt from."""

    boxes: Tensor
    chosen: Tensor


class RoIHeads(nn.Module):
    """pool: boxes (N, R, 4) and maps to features (N, R, C, h, w); head: those to (N, R, width)."""

    def __init__(
        self,
        pool: nn.Module,
        head: nn.Module,
        width: int,
        classes: int,
        settings: RegionSettings | None = None,
    ) -> None:
        super().__init__()
        self.box_roi_pool = pool
        self.box_head = head
        self.box_predictor = Predictor(width, classes)
        self.settings = settings or RegionSettings()
        self.best = BestCandidates(self.settings.candidates, classes)

    @property
    def classes(self) -> int:
        return self.box_predictor.cls_score.out_features - 1

    def reset_classes(self, classes: int) -> None:
        """Fresh layers for other classes."""
        old = self.box_predictor.cls_score
        fresh = Predictor(old.in_features, classes)
        self.box_predictor = fresh.to(device=old.weight.device, dtype=old.weight.dtype)
        self.best = BestCandidates(self.settings.candidates, classes)

    def moved(self, maps: Sequence[Tensor], boxes: Tensor) -> tuple[Tensor, Tensor]:
        """Of regions (N, R, 4): how likely each class is (N, R, K), and its box (N, R, K, 4)."""
        scores, steps = self.box_predictor(self.box_head(self.box_roi_pool(boxes, *maps)))
        likely = torch.softmax(scores, dim=2)[..., 1:]  # the background is the first
        steps = steps[..., 4:].reshape(len(boxes), boxes.shape[1], self.classes, 4)
        return likely, decode_boxes(steps, boxes.unsqueeze(2), self.settings.weights)

    def forward(self, maps: Sequence[Tensor], proposals: Tensor, limits: Tensor) -> Tensor:
        """Candidates (N, M, 6) of proposals (N, R, 6); limits as of `RegionProposalNetwork.proposals`."""
        classes, settings = self.classes, self.settings
        boxes, regions = proposals[..., :4], proposals.shape[1]
        likely, found = self.moved(maps, boxes)
        found = found.reshape(len(boxes), regions * classes, 4)
        found = torch.minimum(found.clamp(min=0), limits)
        sides = found[..., 2:4] - found[..., :2]
        real = (proposals[..., 4:5] > 0).to(likely.dtype)  # (N, R, 1): fillings have no score
        likely = (likely * real).reshape(len(boxes), regions * classes)
        usable = (sides.amin(2) >= LEAST_SIDE).to(likely.dtype) * (likely > settings.least_score).to(
            likely.dtype
        )
        together = torch.cat([found, (likely * usable).unsqueeze(2)], dim=2)
        candidates: Tensor = self.best(together)
        return candidates

    def losses(
        self, maps: Sequence[Tensor], proposals: Sequence[Tensor], truths: Sequence[Truth]
    ) -> dict[str, Tensor]:
        """Of sampled proposals (R, 4) of each picture, and its true boxes among them: class and steps."""
        settings = self.settings
        sampled, labels, to, quality = [], [], [], []
        for own, truth in zip(proposals, truths, strict=True):
            all_of = torch.cat([own, truth.wanted.boxes])
            matches, there = matched(all_of, truth, high=settings.overlap, low=settings.overlap)
            chosen = sample(matches, count=settings.sampled, positive_fraction=settings.positive_fraction)
            matches, found = matches[chosen], all_of[chosen]
            positive = matches >= 0
            label = torch.zeros_like(matches)
            label[positive] = there.labels[matches[positive]] + 1
            sampled.append(Sampled(all_of, chosen))
            labels.append(label)
            to.append(there.boxes[matches[positive]])
            quality.append(found[positive])
        scores, steps = self.box_predictor(self.of_sampled(maps, sampled))
        label = torch.cat(labels)
        rows = label.nonzero()[:, 0]
        said = steps[rows].unflatten(1, (self.classes + 1, 4))[torch.arange(len(rows)), label[rows]]
        goal = torch.cat(to)
        apart = F.smooth_l1_loss(
            said, encode_boxes(goal, torch.cat(quality), settings.weights), beta=SMOOTH, reduction="sum"
        )
        return {
            "classes": mean_of_batch(F.cross_entropy(scores, label, reduction="none")),
            "boxes": apart / divisor(len(label), scores),
            "quality": _mean_iou(decode_boxes(said.detach(), torch.cat(quality), settings.weights), goal),
        }

    def reading(self, box: Tensor) -> Pooling | None:
        """How the features of a box (4,) are read from a map; None where they are not read at points."""
        for layer in self.box_roi_pool.modules():
            if isinstance(layer, PyramidRoIAlign):
                return layer.how_of(box)
            if isinstance(layer, RoIAlign):
                return layer.how
        return None

    def of_sampled(self, maps: Sequence[Tensor], sampled: Sequence[Sampled]) -> Tensor:
        """(S, width) of all sampled boxes; pictures are filled up to the most of one."""
        boxes = [one.boxes[one.chosen] for one in sampled]
        most = max(len(one) for one in boxes)
        filled = torch.stack([F.pad(one, (0, 0, 0, most - len(one))) for one in boxes])
        found: Tensor = self.box_head(self.box_roi_pool(filled, *maps))
        return found[torch.stack([torch.arange(most, device=filled.device) < len(one) for one in boxes])]


def _mean_iou(boxes: Tensor, truth: Tensor) -> Tensor:
    iou = box_iou(boxes[:, None], truth[:, None])[:, 0, 0]
    return iou.sum() / max(len(iou), 1)
