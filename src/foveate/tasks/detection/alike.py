"""Whether two runs of one detector tell of the same boxes, in whatever order."""

from __future__ import annotations

import numpy as np

from foveate.tasks.detection.names import BOXES, COUNT, LABELS, SCORES
from foveate.tasks.values import Values

SCORE_FLOOR = 0.05  # below, an answer is noise


def unlike(values: Values, others: Values, *, score_apart: float, iou: float) -> tuple[int, int]:
    """How many boxes have no like in the other run, and of how many in all.

    Alike are boxes of one class that meet by ``iou``, with scores that differ by ``score_apart`` at most.
    """
    alone = total = 0
    for row in range(len(values[COUNT])):
        one, other = (_sure(of, row) for of in (values, others))
        total += max(len(one), len(other))
        alone += max(len(one), len(other)) - _same(one, other, score_apart, iou)
    return alone, total


def _sure(values: Values, row: int) -> np.ndarray:
    """(n, 6) the answers of a picture that are more than noise."""
    count = int(values[COUNT][row])
    parts = (values[BOXES][row, :count], values[SCORES][row, :count, None], values[LABELS][row, :count, None])
    together = np.concatenate(parts, axis=1)
    return together[together[:, 4] > SCORE_FLOOR]


def _same(one: np.ndarray, other: np.ndarray, score_apart: float, least: float) -> int:
    """How many answers of one have their like among the other's, each once."""
    free = np.ones(len(other), bool)
    for box in one:
        low, high = np.maximum(box[:2], other[:, :2]), np.minimum(box[2:4], other[:, 2:4])
        shared = np.prod(np.clip(high - low, 0, None), axis=1)
        areas = [np.prod(each[..., 2:4] - each[..., :2], axis=-1) for each in (box, other)]
        iou = shared / np.maximum(areas[0] + areas[1] - shared, 1e-9)
        alike = (
            free & (other[:, 5] == box[5]) & (np.abs(other[:, 4] - box[4]) <= score_apart) & (iou >= least)
        )
        if alike.any():
            free[int(np.argmax(np.where(alike, iou, -1)))] = False
    return int((~free).sum())
