"""Box arithmetic, forward and backward, and non-maximum suppression box by box.

Boxes are (..., 4): x1, y1, x2, y2. Twins of `foveate.layers.boxes`, `foveate.layers.suppression` and
`foveate.layers.matching`.
"""

from __future__ import annotations

import math

import numpy as np

from foveate.reference.windows import Array

MOST_GROWTH = math.log(1000.0 / 16.0)
Weights = tuple[float, float, float, float]
PLAIN: Weights = (1.0, 1.0, 1.0, 1.0)


def box_iou(boxes: Array, others: Array) -> Array:
    """Intersection over union of every pair: (N, 4), (M, 4) to (N, M); NaN for two boxes without area."""
    a, b = boxes[:, None], others[None]
    width = np.minimum(a[..., 2], b[..., 2]) - np.maximum(a[..., 0], b[..., 0])
    height = np.minimum(a[..., 3], b[..., 3]) - np.maximum(a[..., 1], b[..., 1])
    shared = np.maximum(width, 0) * np.maximum(height, 0)
    areas = [(c[..., 2] - c[..., 0]) * (c[..., 3] - c[..., 1]) for c in (a, b)]
    with np.errstate(invalid="ignore"):
        iou: Array = shared / (areas[0] + areas[1] - shared)
    return iou


def generalized_iou(boxes: Array, others: Array) -> Array:
    """IoU less the share of the box around both that neither covers, pair by pair: (N, 4) to (N,)."""
    found = np.empty(len(boxes))
    for i, (a, b) in enumerate(zip(boxes, others, strict=True)):
        shared = max(min(a[2], b[2]) - max(a[0], b[0]), 0) * max(min(a[3], b[3]) - max(a[1], b[1]), 0)
        union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
        around = (max(a[2], b[2]) - min(a[0], b[0])) * (max(a[3], b[3]) - min(a[1], b[1]))
        found[i] = shared / union - (around - union) / around
    return found


def encode_boxes(boxes: Array, anchors: Array, weights: Weights = PLAIN) -> Array:
    """The steps (dx, dy, dw, dh) from anchors to boxes, both (N, 4)."""
    sides, from_sides = boxes[:, 2:] - boxes[:, :2], anchors[:, 2:] - anchors[:, :2]
    centres, from_centres = boxes[:, :2] + sides / 2, anchors[:, :2] + from_sides / 2
    steps = np.concatenate([(centres - from_centres) / from_sides, np.log(sides / from_sides)], axis=1)
    return steps * np.array(weights)


def encode_boxes_backward(grad: Array, boxes: Array, anchors: Array, weights: Weights = PLAIN) -> Array:
    """The gradient with respect to the boxes (N, 4)."""
    sides, from_sides = boxes[:, 2:] - boxes[:, :2], anchors[:, 2:] - anchors[:, :2]
    scaled = grad * np.array(weights)
    d_centres, d_sides = scaled[:, :2] / from_sides, scaled[:, 2:] / sides
    return np.concatenate([d_centres / 2 - d_sides, d_centres / 2 + d_sides], axis=1)


def decode_boxes(steps: Array, anchors: Array, weights: Weights = PLAIN) -> Array:
    """The boxes at these steps from anchors, both (N, 4); a side grows 62.5 times at most."""
    sides = anchors[:, 2:] - anchors[:, :2]
    moved = steps / np.array(weights)
    centres = moved[:, :2] * sides + anchors[:, :2] + sides / 2
    halves = np.exp(np.minimum(moved[:, 2:], MOST_GROWTH)) * sides / 2
    return np.concatenate([centres - halves, centres + halves], axis=1)


def decode_boxes_backward(grad: Array, steps: Array, anchors: Array, weights: Weights = PLAIN) -> Array:
    """The gradient with respect to the steps (N, 4); none where a side grew as far as it may."""
    sides = anchors[:, 2:] - anchors[:, :2]
    growth = steps[:, 2:] / weights[2:]
    halves = np.where(growth > MOST_GROWTH, 0, np.exp(np.minimum(growth, MOST_GROWTH)) * sides / 2)
    d_centres, d_halves = grad[:, :2] + grad[:, 2:], grad[:, 2:] - grad[:, :2]
    return np.concatenate([d_centres * sides, d_halves * halves], axis=1) / np.array(weights)


def clip_boxes(boxes: Array, size: tuple[int, int]) -> Array:
    """Boxes (N, 4) cut off at the borders of a picture of (height, width)."""
    height, width = size
    return np.clip(boxes, 0, np.array([width, height, width, height]))


def nms(boxes: Array, scores: Array, threshold: float) -> list[int]:
    """Positions of the boxes that stay, by falling score; each takes away later ones that overlap it more."""
    overlaps, kept = box_iou(boxes, boxes), list[int]()
    for i in np.argsort(-scores, kind="stable").tolist():
        if not any(overlaps[j, i] > threshold for j in kept):
            kept.append(i)
    return kept
