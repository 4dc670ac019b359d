"""Non-maximum suppression: of boxes that overlap much, the one with the greatest score stays.

Greedy, as in R-CNN and all its descendants: boxes go by their scores, the greatest first and of equals the
earlier one, and each takes away those after it whose IoU with it is greater than a threshold.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from foveate.layers.boxes import box_iou
from foveate.operators.onnx import OnnxGraph
from foveate.operators.optional_torch import Tensor, nn, torch
from foveate.operators.reading import Reading, Value
from foveate.operators.table import MODULES, LayerEntry

CHUNK = 1024  # boxes that are compared with each other at once: 4 MB of overlaps


def nms(boxes: Tensor, scores: Tensor, threshold: float, labels: Tensor | None = None) -> Tensor:
    """Which boxes stay: (K,) int64, positions in the input, by falling score.

    Args:
        boxes: (M, 4); scores: (M,). Two boxes without area do not overlap.
        threshold: the greatest IoU that two boxes may have.
        labels: (M,) boxes of other labels leave each other alone.
    """
    order = torch.argsort(scores, descending=True, stable=True)
    kept = order[:0]
    for at in range(0, len(order), CHUNK):
        chunk = order[at : at + CHUNK]
        if len(kept):
            chunk = chunk[~_overlap(boxes, kept, chunk, threshold, labels).any(dim=0)]
        kept = torch.cat([kept, chunk[_greedy(_overlap(boxes, chunk, chunk, threshold, labels))]])
    return kept


def _overlap(boxes: Tensor, first: Tensor, second: Tensor, threshold: float, labels: Tensor | None) -> Tensor:
    found = box_iou(boxes[first], boxes[second]) > threshold
    return found if labels is None else found & (labels[first, None] == labels[second])


def _greedy(overlap: Tensor) -> Tensor:
    """(..., M) bool, of overlaps (..., M, M) of boxes that lie in the order of their scores.

    Who stays is decided by those before: with the first k right, one more round makes the first k + 1 right.
    All boxes are decided at once, in as many rounds as the longest chain of boxes that depend on each other.
    """
    above = overlap.triu(diagonal=1).to(torch.float32)  # whom each would take away
    kept = above.new_ones(overlap.shape[:-1])
    while True:
        taken = (kept[..., None, :] @ above)[..., 0, :]
        now = (taken == 0).to(torch.float32)
        if now.is_meta or torch.equal(now, kept):  # shapes alone have nothing to compare
            return kept > 0
        kept = now


class NonMaximumSuppression(nn.Module):
    """The scores of boxes, those that fall set to 0: (N, M, 5) of x1, y1, x2, y2, score to (N, M).

    Of boxes of a score of 0 or less none stays. ``most`` stay of a picture, the best. Its shapes do not
    depend on the numbers, so that a picture without any box is as good as another.
    """

    def __init__(self, threshold: float = 0.5, most: int = 100) -> None:
        super().__init__()
        self.threshold, self.most = float(threshold), int(most)

    def forward(self, x: Tensor) -> Tensor:
        boxes, scores = x[..., :4], x[..., 4]
        order = torch.argsort(scores, dim=1, descending=True, stable=True)  # (N, M)
        sorted_scores = scores.gather(1, order)
        boxes = boxes.gather(1, order[..., None].expand(-1, -1, 4))
        overlap = (box_iou(boxes, boxes) > self.threshold) & (sorted_scores > 0)[..., None]
        stays = _greedy(overlap) & (sorted_scores > 0)
        stays = stays & (stays.to(torch.int64).cumsum(1) <= self.most)
        return torch.zeros_like(scores).scatter(1, order, sorted_scores * stays)

    def extra_repr(self) -> str:
        return f"threshold={self.threshold:g}, most={self.most}"


def _read(module: Any, x: Value, out: Value) -> Reading:
    settings = {"threshold": module.threshold, "most": module.most}
    return Reading("non_maximum_suppression", "non-maximum suppression", settings)


def _write(g: OnnxGraph, module: Any, x: Value) -> str:
    """ONNX tells which boxes stay as a list of any length; it is written back into a row for each picture."""
    count = x.shape[1]
    corners, scores = g.op("Split", x, g.integers([4, 1]), axis=2, outputs=2)
    rows = g.op("Reshape", scores, g.integers([0, 1, count]))
    chosen = g.op(
        "NonMaxSuppression",
        corners,
        rows,
        g.integers([module.most]),
        g.value(np.array([module.threshold], np.float32)),
        g.value(np.array([0.0], np.float32)),
    )  # (any, 3): picture, class, box
    flat = g.op("Reshape", scores, g.integers([0, count]))
    found = g.op("GatherND", rows, chosen)  # the scores of these
    places = g.op("Gather", chosen, np.array([0, 2], np.int64), axis=1)
    name: str = g.op("ScatterND", g.op("Mul", flat, 0.0), places, found)
    return name


def _comparing(module: Any, x: Value, out: Value) -> int:
    """It only compares; `_greedy` multiplies to do so, as often as the numbers have it."""
    return 0


MODULES[NonMaximumSuppression] = LayerEntry(_read, onnx=_write, multiply_adds=_comparing)
