"""Which answered boxes meet which true ones, as COCO's evaluation decides it.

The boxes of a class in a picture are taken in order of their scores; each takes the free true box that it
overlaps most, by at least the threshold. True boxes that are ignored, crowds and those of another size than
is asked for, are taken only where no other can be; a crowd may be taken often. An answer that met an ignored
box counts neither way, nor does one of another size that met nothing. The source is cocoeval.py of the COCO
API (github.com/cocodataset/cocoapi), whose results these equal.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

THRESHOLDS = np.linspace(0.5, 0.95, 10)  # of the overlap
# Square pixels: all, small, medium, large.
AREAS = np.array([[0, 1e10], [0, 32.0**2], [32.0**2, 96.0**2], [96.0**2, 1e10]])
MOST = 100  # answers of a class in a picture that are looked at

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]


class Boxes(NamedTuple):
    """Boxes of one class in a picture: (n, 4) x1 y1 x2 y2, and of each a score, or of true ones an area."""

    boxes: Floats
    scores: Floats


class Matches(NamedTuple):
    """What became of D answers, by size (A of `AREAS`) and overlap (T of `THRESHOLDS`).

    scores: (D,) the highest first. met, ignored: (A, T, D). true: (A,) boxes to be found. order: (D,) which
    of the answers given each is. taken: (T, D) the true box that each met, of all sizes; -1 for none.
    """

    scores: Floats
    met: Booleans
    ignored: Booleans
    true: NDArray[np.int64]
    order: NDArray[np.int64]
    taken: NDArray[np.int64]


def overlaps(answers: Floats, true: Floats, crowd: Booleans | None = None) -> Floats:
    """(D, G) intersection over union of boxes (D, 4) and (G, 4); of a crowd over the answer's own area."""
    first = np.maximum(answers[:, None, :2], true[None, :, :2])
    last = np.minimum(answers[:, None, 2:], true[None, :, 2:])
    both = np.prod(np.clip(last - first, 0, None), axis=2)
    own, other = (np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (answers, true))
    union = own[:, None] + other[None] - both
    if crowd is not None:
        union = np.where(crowd[None], own[:, None], union)
    return np.divide(both, union, out=np.zeros_like(both), where=union > 0)


def matched(answers: Boxes, true: Boxes, crowd: Booleans) -> Matches:
    """Match the answers of one class in one picture. true: with areas for scores; crowd: (G,)."""
    order = np.argsort(-answers.scores, kind="stable")[:MOST]
    boxes, scores = answers.boxes[order], answers.scores[order]
    low, high = AREAS[:, 0, None], AREAS[:, 1, None]
    passed_over = crowd[None] | (true.scores[None] < low) | (true.scores[None] > high)  # (A, G)
    shape = (len(AREAS), len(THRESHOLDS), len(boxes))
    met, ignored = np.zeros(shape, bool), np.zeros(shape, bool)
    taken = np.full(shape[1:], -1, np.int64)
    if len(true.boxes) and len(boxes):
        _take(overlaps(boxes, true.boxes, crowd), passed_over, crowd, (met, ignored, taken))
    own = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)[None]
    ignored |= ~met & ((own < low) | (own > high))[:, None]
    return Matches(scores, met, ignored, (~passed_over).sum(axis=1), order, taken)


_NONE = Boxes(np.zeros((0, 4)), np.zeros(0))
NOTHING = matched(_NONE, _NONE, np.zeros(0, bool))  # of a class that neither answers nor the truth have


def _take(
    overlap: Floats,
    passed_over: Booleans,
    crowd: Booleans,
    found: tuple[Booleans, Booleans, NDArray[np.int64]],
) -> None:
    """Answer after answer, for all sizes and thresholds at once; fills ``found``."""
    met, ignored, taken = found
    sizes, count = passed_over.shape
    free = np.ones((sizes, len(THRESHOLDS), count), bool)
    wanted = ~passed_over[:, None]  # (A, 1, G)
    enough = overlap[None] >= THRESHOLDS[:, None, None]  # (T, D, G)
    for d in range(len(overlap)):
        possible = (free | crowd) & enough[None, :, d]
        if not possible.any():
            continue
        best, has_best = _greatest(overlap[d], possible & wanted)
        other, has_other = _greatest(overlap[d], possible & ~wanted)
        chosen, any_ = np.where(has_best, best, other), has_best | has_other
        met[:, :, d], ignored[:, :, d] = any_, any_ & ~has_best
        taken[:, d] = np.where(any_[0], chosen[0], -1)
        a, t = np.nonzero(any_)
        free[a, t, chosen[a, t]] = False


def _greatest(overlap: Floats, among: Booleans) -> tuple[NDArray[np.int64], Booleans]:
    """(A, T) which of G overlaps (G,) is the greatest among those allowed (A, T, G), the last of equal ones;
    and whether any is.
    """
    values = np.where(among, overlap, -1.0)[..., ::-1]
    place = values.argmax(axis=-1)
    return values.shape[-1] - 1 - place, np.asarray(among.any(axis=-1))
