"""Which of the true boxes a network's boxes are to become, and a sample of both that tells enough."""

from __future__ import annotations

from foveate.operators.optional_torch import Tensor, torch

NOTHING, BETWEEN = -1, -2  # a box that shows no object; one of which nothing is said


def match(iou: Tensor, *, high: float, low: float, each_truth: bool = False) -> Tensor:
    """(M,) int64: for each box the true one that it overlaps most, NOTHING below ``low``, else BETWEEN.

    Args:
        iou: (T, M) of true boxes and boxes.
        high: the least IoU of a match.
        each_truth: the boxes that a true box overlaps most are matched however little that is.
    """
    if len(iou) == 0:
        return torch.full((iou.shape[1],), NOTHING, dtype=torch.int64, device=iou.device)
    best, which = iou.max(dim=0)
    matches = which.clone()
    matches[best < low] = NOTHING
    matches[(best >= low) & (best < high)] = BETWEEN
    if each_truth:
        most = iou.amax(dim=1, keepdim=True)
        found = (iou == most).any(dim=0)
        matches[found] = which[found]
    return matches


def sample(
    matches: Tensor, *, count: int, positive_fraction: float, generator: torch.Generator | None = None
) -> Tensor:
    """(S,) int64: positions of at most ``count`` boxes, of them at most that fraction with a match.

    Matches first. Drawn without repetition; equal generators draw the same. Without one torch's own draws,
    which training seeds in every step.
    """
    positive, negative = (matches >= 0).nonzero()[:, 0], (matches == NOTHING).nonzero()[:, 0]
    taken = min(len(positive), int(count * positive_fraction))
    rest = min(len(negative), count - taken)
    return torch.cat([_some(positive, taken, generator), _some(negative, rest, generator)])


def _some(positions: Tensor, count: int, generator: torch.Generator | None) -> Tensor:
    if count == len(positions):
        return positions
    drawn = torch.randperm(len(positions), generator=generator)[:count]  # on the processor: the same anywhere
    return positions[drawn.to(positions.device)]
