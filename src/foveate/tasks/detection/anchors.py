"""Which shapes of anchors suit the boxes of a data set.

k-means on the logarithms of widths and heights: a step of it is a ratio, as an overlap is. (Redmon and
Farhadi: "YOLO9000", 2016, arXiv 1612.08242, section 2, cluster by the overlap itself.)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SUITS = 0.5  # the overlap of a box with an anchor around the same centre from which on that one suits it
ENOUGH = 0.95  # of the boxes that an anchor suits: then the usual ones do
ROUNDS = 100
LEAST_PX = 1.0  # of a side

Shapes = NDArray[np.float64]  # (n, 2) widths and heights in pixels


def suited(boxes: Shapes, anchors: Shapes) -> float:
    """The share of the boxes that an anchor suits; 1 of none."""
    if not len(boxes):
        return 1.0
    shared = np.minimum(boxes[:, None], anchors[None]).prod(axis=2)
    union = boxes.prod(axis=1)[:, None] + anchors.prod(axis=1)[None] - shared
    return float(((shared / union).max(axis=1) >= SUITS).mean())


def fitted(boxes: Shapes, usual: Sequence[Shapes]) -> list[Shapes]:
    """Of each level as many anchors as it usually has, fitted to the boxes that are of about its size.

    A box belongs to the level whose usual anchors are nearest to it in size. A level with fewer boxes than
    anchors keeps its own. The levels stand by growing size, and so do what comes out and a level's anchors.
    """
    sizes = np.array([np.log(level.prod(axis=1)).mean() for level in usual])
    of_level = np.abs(np.log(boxes.prod(axis=1))[:, None] - sizes).argmin(axis=1)
    found = []
    for number, level in enumerate(usual):
        own = boxes[of_level == number]
        centres = np.exp(clustered(np.log(own), len(level))) if len(own) >= len(level) else level
        found.append(centres[np.argsort(centres.prod(axis=1), kind="stable")])
    return found


def clustered(points: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """(count, D) the means of so many clusters of (n, D) points, n at least as many; always the same.

    The first is at the points' mean, each further one at the point farthest from all before it.
    """
    centres = points.mean(axis=0, keepdims=True)
    while len(centres) < count:
        apart = ((points[:, None] - centres[None]) ** 2).sum(axis=2).min(axis=1)
        centres = np.concatenate([centres, points[[int(apart.argmax())]]])
    for _ in range(ROUNDS):
        nearest = ((points[:, None] - centres[None]) ** 2).sum(axis=2).argmin(axis=1)
        moved = np.array(
            [points[nearest == k].mean(axis=0) if (nearest == k).any() else centres[k] for k in range(count)]
        )
        if np.array_equal(moved, centres):
            break
        centres = moved
    return centres
