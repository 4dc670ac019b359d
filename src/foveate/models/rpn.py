"""The region proposal network: of every anchor, whether there is an object and where exactly.

Ren, He, Girshick, Sun: "Faster R-CNN: towards real-time object detection with region proposal networks",
2015, arXiv 1506.01497, section 3. Key names are torchvision's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from foveate.layers.anchors import grid_anchors
from foveate.layers.boxes import decode_boxes, encode_boxes
from foveate.layers.candidates import BestCandidates
from foveate.layers.matching import sample
from foveate.layers.ranks import divisor, mean_of_batch
from foveate.layers.suppression import NonMaximumSuppression
from foveate.layers.truth import Truth, matched

SMOOTH = 1 / 9  # where the loss of a step turns from a square to a line
LEAST_SIDE = 1e-3  # of a proposal, in pixels


@dataclass(frozen=True)
class ProposalSettings:
    """before, after: proposals of a level before suppression, and of a picture after it; in training other
    numbers. positive, negative: IoU with a true box. sampled: anchors a picture that are learnt from.
    """

    before: int = 1000
    after: int = 1000
    before_training: int = 2000
    after_training: int = 2000
    overlap: float = 0.7
    positive: float = 0.7
    negative: float = 0.3
    sampled: int = 256
    positive_fraction: float = 0.5


class RPNHead(nn.Module):
    """3x3 convolutions, then for each of A anchors one score and four steps."""

    def __init__(self, width: int, anchors: int, depth: int = 1) -> None:
        super().__init__()
        blocks = [nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.ReLU()) for _ in range(depth)]
        self.conv = nn.Sequential(*blocks)
        self.cls_logits = nn.Conv2d(width, anchors, 1)
        self.bbox_pred = nn.Conv2d(width, 4 * anchors, 1)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.normal_(layer.weight, std=0.01)
                nn.init.constant_(layer.bias, 0.0)  # type: ignore[arg-type]  # it has one

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.conv(x)
        return self.cls_logits(hidden), self.bbox_pred(hidden)


class Selection(nn.Module):
    """Of scored boxes (N, A, 5), some of each level, the best that do not overlap: (N, after, 6).

    before: of a level that go into suppression; overlap: the greatest IoU of two that stay.
    """

    def __init__(self, before: int, after: int, overlap: float) -> None:
        super().__init__()
        self.before, self.after = BestCandidates(before, 1), BestCandidates(after, 1)
        self.suppression = NonMaximumSuppression(overlap, after)

    def forward(self, together: Tensor, counts: Sequence[int]) -> Tensor:
        kept, first = [], 0
        for count in counts:
            best = self.before(together[:, first : first + count])[..., :5]
            sides = best[..., 2:4] - best[..., :2]
            large = (sides.amin(2) >= LEAST_SIDE).to(best.dtype)
            best = torch.cat([best[..., :4], (best[..., 4] * large).unsqueeze(2)], dim=2)
            kept.append(torch.cat([best[..., :4], self.suppression(best).unsqueeze(2)], dim=2))
            first += count
        found: Tensor = self.after(torch.cat(kept, dim=1))
        return found


class Seen(NamedTuple):
    """What the head says of all anchors: scores (N, A), steps (N, A, 4), anchors (A, 4); A of each level."""

    scores: Tensor
    steps: Tensor
    anchors: Tensor
    counts: tuple[int, ...]


class RegionProposalNetwork(nn.Module):
    """Proposals from maps.

    Args:
        cells: of each level the anchors around (0, 0), (A, 4).
        strides: of each level the pixels from a place to the next; None goes by the sides of picture and map,
            as torchvision does, which is less where the picture does not fill the map's last place.
    """

    def __init__(
        self,
        width: int,
        cells: Sequence[Tensor],
        strides: Sequence[int | None],
        *,
        depth: int = 1,
        settings: ProposalSettings | None = None,
    ) -> None:
        super().__init__()
        self.settings = settings or ProposalSettings()
        self.strides = tuple(strides)
        self.head = RPNHead(width, len(cells[0]), depth)
        self.selection = Selection(self.settings.before, self.settings.after, self.settings.overlap)
        self.cells = [one.tolist() for one in cells]  # plain numbers: constants, not weights

    def seen(self, maps: Sequence[Tensor], size: tuple[int, int]) -> Seen:
        """What the head says of pictures of ``size``, from their maps (N, width, h, w)."""
        scores, steps, anchors = [], [], []
        for level, one in enumerate(maps):
            logits, moves = self.head(one)
            places = (one.shape[2], one.shape[3])
            count = logits.shape[1] * places[0] * places[1]
            scores.append(logits.permute(0, 2, 3, 1).reshape(len(logits), count))
            by_anchor = moves.reshape(len(moves), logits.shape[1], 4, places[0] * places[1])
            steps.append(by_anchor.permute(0, 3, 1, 2).reshape(len(moves), count, 4))
            step = self.strides[level]
            stride = (step, step) if step else (size[0] // places[0], size[1] // places[1])
            cells = torch.tensor(self.cells[level], dtype=one.dtype, device=one.device)
            anchors.append(grid_anchors(cells, places, stride))
        counts = tuple(len(one) for one in anchors)
        return Seen(torch.cat(scores, dim=1), torch.cat(steps, dim=1), torch.cat(anchors), counts)

    def proposals(self, seen: Seen, limits: Tensor) -> Tensor:
        """(N, R, 6): boxes, scores from 0 to 1, 0 of what fills up, and a column of 0.

        limits: (4,) or (N, 1, 4): width, height, width, height of the pictures.
        """
        selection, settings = self.selection, self.settings
        if self.training:
            selection = Selection(settings.before_training, settings.after_training, settings.overlap)
        boxes = torch.minimum(decode_boxes(seen.steps, seen.anchors).clamp(min=0), limits)
        together = torch.cat([boxes, torch.sigmoid(seen.scores).unsqueeze(2)], dim=2)
        found: Tensor = selection(together, seen.counts)
        return found

    def losses(self, seen: Seen, truths: Sequence[Truth]) -> dict[str, Tensor]:
        """Of sampled anchors: whether there is an object; of those where there is one, the steps to it."""
        settings = self.settings
        scores, wanted, steps, to = [], [], [], []
        for row, truth in enumerate(truths):
            matches, there = matched(
                seen.anchors, truth, high=settings.positive, low=settings.negative, each_truth=True
            )
            chosen = sample(matches, count=settings.sampled, positive_fraction=settings.positive_fraction)
            positive = chosen[matches[chosen] >= 0]
            scores.append(seen.scores[row, chosen])
            wanted.append((matches[chosen] >= 0).to(seen.scores.dtype))
            steps.append(seen.steps[row, positive])
            to.append(encode_boxes(there.boxes[matches[positive]], seen.anchors[positive]))
        said = torch.cat(scores)
        apart = F.smooth_l1_loss(torch.cat(steps), torch.cat(to), beta=SMOOTH, reduction="sum")
        return {
            "objectness": mean_of_batch(
                F.binary_cross_entropy_with_logits(said, torch.cat(wanted), reduction="none")
            ),
            "proposal_boxes": apart / divisor(len(said), said),
        }
