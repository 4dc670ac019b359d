"""What is to be found in pictures, and what a network that looks for it says of its loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol, Self

from foveate.layers.boxes import box_area, box_iou
from foveate.layers.matching import BETWEEN, NOTHING, match
from foveate.operators.optional_torch import Tensor, torch

IN_CROWD = 0.5  # the share of a box in a crowd from which on nothing is said of it


class Truth(NamedTuple):
    """What there is in a picture. boxes: (B, 4) pixels; labels: (B,) int64, from 0; crowd: (B,) bool, what is
    neither to be found nor wrong to find. proposals: (R, 4) where a detector is to look, if it is told.
    """

    boxes: Tensor
    labels: Tensor
    crowd: Tensor
    proposals: Tensor | None = None

    @property
    def wanted(self) -> Truth:
        """What is to be found."""
        kept = ~self.crowd
        return self._replace(boxes=self.boxes[kept], labels=self.labels[kept], crowd=self.crowd[kept])


class ToLearn(Protocol):
    """What a detector saw of a batch of pictures, of which it learns."""

    def losses(self, truths: Sequence[Truth]) -> dict[str, Tensor]:
        """The parts of the loss by name, scalars; ``quality`` is none: the mean IoU of boxes and truth."""

    def detach(self) -> Self: ...


def matched(
    boxes: Tensor, truth: Truth, *, high: float, low: float, each_truth: bool = False
) -> tuple[Tensor, Truth]:
    """`foveate.layers.matching.match` of boxes (M, 4) with what is to be found, and that; without crowds."""
    wanted = truth.wanted
    matches = match(box_iou(wanted.boxes, boxes), high=high, low=low, each_truth=each_truth)
    crowds = truth.boxes[truth.crowd]
    if len(crowds):
        matches[in_crowd(boxes, crowds) & (matches == NOTHING)] = BETWEEN
    return matches, wanted


def in_crowd(boxes: Tensor, crowds: Tensor) -> Tensor:
    """(M,) bool: whether most of a box (M, 4) lies in a crowd (C, 4)."""
    low = torch.maximum(boxes[:, None, :2], crowds[None, :, :2])
    high = torch.minimum(boxes[:, None, 2:], crowds[None, :, 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    return (shared > IN_CROWD * box_area(boxes)[:, None]).any(dim=1)
