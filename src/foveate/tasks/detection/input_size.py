"""How large pictures must be for their boxes to be seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from foveate.tasks.detection.targets import BoxTargets

SIDES = (320, 416, 512, 640)  # of the longer side of the network's input, pixels
WANTED_PX = 20  # that nine of ten boxes of each class have on their shorter side
FEW = 20  # boxes of a class, of which a tenth tells nothing
FEWEST_PX = 8  # below which hardly anything of a thing is seen


def shorter_sides(targets: BoxTargets) -> NDArray[np.float64]:
    """(M,) of each box, crowds left out: its shorter side as a share of its picture's longer one."""
    found = [np.zeros(0)]
    for row, one in enumerate(targets.pictures):
        if (size := targets.size(row)) is not None:
            sides = (one.boxes[:, 2:] - one.boxes[:, :2])[~one.crowd].astype(np.float64)
            found.append(sides.min(axis=1, initial=np.inf) / max(size))
    return np.concatenate(found)


def suggested_side(targets: BoxTargets) -> int | None:
    """The least of `SIDES` at which nine of ten boxes of each class are large enough, else the largest.

    Each class counts as much as another, as in AP: small things that are rare are to be seen as well. None of
    no boxes. Pictures that are smaller than that are not enlarged beyond the largest that there is.
    """
    shares, labels = shorter_sides(targets), _labels(targets)
    if not len(shares):
        return None
    classes = [shares[labels == k] for k in np.unique(labels) if (labels == k).sum() >= FEW]
    tenth = min(float(np.percentile(one, 10)) for one in classes or [shares])
    largest = max(max(size) for row in range(len(targets)) if (size := targets.size(row)))
    wanted = next((side for side in SIDES if side * tenth >= WANTED_PX), SIDES[-1])
    return min(wanted, max(largest, SIDES[0]))


def _labels(targets: BoxTargets) -> NDArray[np.int64]:
    """(M,) the classes of the boxes of `shorter_sides`."""
    own = [one for row, one in enumerate(targets.pictures) if targets.size(row) is not None]
    return np.concatenate([np.zeros(0, np.int64), *(one.labels[~one.crowd] for one in own)])


def share_below(targets: BoxTargets, side: int, fewest_px: float = FEWEST_PX) -> float:
    """The share of the boxes that have a side below so many pixels in pictures of this longer side."""
    shares = shorter_sides(targets)
    return float((shares * side < fewest_px).mean()) if len(shares) else 0.0
