"""Box arithmetic: areas, overlaps, and boxes told as steps from other boxes.

Boxes are float (..., 4): x1, y1, x2, y2 in pixels, from the picture's upper left corner. Everything is a pure
function that gradients go through. The NumPy twins are in `foveate.reference.boxes`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from foveate.operators.optional_torch import Tensor, torch

MOST_GROWTH = math.log(1000.0 / 16.0)  # of a side, in one step: else e to its power runs away


class CoderWeights(NamedTuple):
    """What steps are multiplied by, so that they are about as large as other numbers of a network."""

    x: float = 1.0
    y: float = 1.0
    width: float = 1.0
    height: float = 1.0


PROPOSAL_WEIGHTS = CoderWeights(10.0, 10.0, 5.0, 5.0)  # of steps from proposals, as Fast R-CNN has them


def box_area(boxes: Tensor) -> Tensor:
    """(..., 4) to (...)."""
    return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])


def box_iou(boxes: Tensor, others: Tensor) -> Tensor:
    """Area of the intersection over that of the union, of each pair: (..., N, 4), (..., M, 4) to (..., N, M).

    NaN for two boxes that both have no area; it is greater than no threshold.
    """
    shared, union = _shared_and_union(boxes[..., :, None, :], others[..., None, :, :])
    return shared / union


def generalized_iou(boxes: Tensor, others: Tensor) -> Tensor:
    """IoU less the share of the box around both that neither covers, pair by pair: (..., 4) to (...).

    From −1 to 1; unlike IoU it still says in which direction boxes lie that do not touch. (Rezatofighi et
    al., 2019, arXiv 1902.09630.)
    """
    shared, union = _shared_and_union(boxes, others)
    low = torch.minimum(boxes[..., :2], others[..., :2])
    high = torch.maximum(boxes[..., 2:], others[..., 2:])
    around = (high - low).clamp(min=0).prod(-1)
    return shared / union - (around - union) / around


def _shared_and_union(boxes: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
    low = torch.maximum(boxes[..., :2], others[..., :2])
    high = torch.minimum(boxes[..., 2:], others[..., 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    return shared, box_area(boxes) + box_area(others) - shared


def encode_boxes(boxes: Tensor, anchors: Tensor, weights: CoderWeights = CoderWeights()) -> Tensor:  # noqa: B008
    """The steps (dx, dy, dw, dh) from anchors to boxes, both (..., 4).

    Centres by the anchor's sides, sides by the logarithm of their ratio. (R-CNN, 1311.2524, appendix C.)
    """
    centres, sides = _centres_and_sides(boxes)
    from_centres, from_sides = _centres_and_sides(anchors)
    steps = torch.cat([(centres - from_centres) / from_sides, torch.log(sides / from_sides)], dim=-1)
    return steps * torch.tensor(weights, dtype=steps.dtype, device=steps.device)


def decode_boxes(steps: Tensor, anchors: Tensor, weights: CoderWeights = CoderWeights()) -> Tensor:  # noqa: B008
    """The boxes at these steps (..., 4) from anchors (..., 4): what `encode_boxes` took apart.

    A side grows 62.5 times at most.
    """
    centres, sides = _centres_and_sides(anchors)
    moved = steps / torch.tensor(weights, dtype=steps.dtype, device=steps.device)
    to_centres = moved[..., :2] * sides + centres
    halves = torch.exp(moved[..., 2:].clamp(max=MOST_GROWTH)) * sides * 0.5
    return torch.cat([to_centres - halves, to_centres + halves], dim=-1)


def _centres_and_sides(boxes: Tensor) -> tuple[Tensor, Tensor]:
    sides = boxes[..., 2:] - boxes[..., :2]
    return boxes[..., :2] + 0.5 * sides, sides


def clip_boxes(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Boxes (..., 4) cut off at the borders of a picture of ``size`` (height, width)."""
    height, width = size
    limits = boxes.new_tensor([width, height, width, height])
    return torch.minimum(boxes.clamp(min=0), limits)


def of_side(boxes: Tensor, least: float) -> Tensor:
    """(...) bool: whether both sides of a box are at least so long, in pixels."""
    return ((boxes[..., 2:] - boxes[..., :2]) >= least).all(-1)
