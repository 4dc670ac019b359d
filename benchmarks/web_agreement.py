"""How alike two documents of one picture are, by the kind of answer: Python's, and the browser's.

A difference counts where it is none of a tie: ``margin`` says by how much a score would have to change for
Python to give another answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from foveate.tasks.segmentation.rle import decode, from_document

TIE = 1e-3
Document = dict[str, Any]


@dataclass(frozen=True)
class Agreement:
    """same: both say the same. margin: how far Python is from saying another. apart: of their scores."""

    same: bool
    margin: float
    apart: float

    @property
    def wrong(self) -> bool:
        """Whether another answer is told though it was no tie."""
        return not self.same and self.margin >= TIE


def classification(ours: Document, theirs: Document) -> Agreement:
    """The first label; apart: of the probabilities of labels that both tell."""
    first, second, *_ = [*(one["probability"] for one in ours["top"]), 0.0]
    return Agreement(ours["label"] == theirs["label"], first - second, tops_apart(ours, theirs))


def multilabel(ours: Document, theirs: Document) -> Agreement:
    """The set of labels; margin: of the label that is nearest to its threshold."""
    margin = min(abs(one["probability"] - one["threshold"]) for one in ours["top"])
    return Agreement(set(ours["labels"]) == set(theirs["labels"]), margin, tops_apart(ours, theirs))


def tops_apart(ours: Document, theirs: Document) -> float:
    found = {one["label"]: one["probability"] for one in theirs["top"]}
    pairs = [(one["probability"], found[one["label"]]) for one in ours["top"] if one["label"] in found]
    return max((abs(one - other) for one, other in pairs), default=1.0)


def regression(ours: Document, theirs: Document) -> Agreement:
    """Numbers have no labels: the same are those within 1e-3 of the half width of their 90 % interval."""
    apart = 0.0
    for one, other in zip(ours["numbers"], theirs["numbers"], strict=True):
        unit = (one["high"] - one["low"]) / 2 if "low" in one else abs(one["value"])
        apart = max(apart, abs(one["value"] - other["value"]) / max(unit, 1e-9))
    return Agreement(apart < TIE, 1.0, apart)


def segmentation(ours: Document, theirs: Document) -> Agreement:
    """apart: the share of pixels of another class; the same are those with at most one in a thousand."""
    apart = float(np.mean(painted(ours) != painted(theirs)))
    return Agreement(apart <= TIE, 1.0, apart)


def painted(document: Document) -> np.ndarray:
    """The class of each pixel, by number of its name; 0 where there is none. (H, W)"""
    mask = np.zeros((document["height"], document["width"]), np.int64)
    for one in document["classes"]:
        mask[decode(from_document(one["rle"]))] = hash(one["label"])
    return mask


def detection(ours: Document, theirs: Document) -> Agreement:
    """Boxes of a class that lie on each other; margin: of the surest that has none from the threshold."""
    left, margin, apart = list(theirs["boxes"]), 1.0, 0.0
    same = len(ours["boxes"]) == len(left)
    for box in ours["boxes"]:
        mine = max((one for one in left if one["label"] == box["label"]), key=overlap(box), default=None)
        if mine is None or overlap(box)(mine) < 0.9:
            same, margin = False, min(margin, abs(box["score"] - ours["threshold"]))
        else:
            left.remove(mine)
            apart = max(apart, abs(box["score"] - mine["score"]))
    for box in left:
        same, margin = False, min(margin, abs(box["score"] - ours["threshold"]))
    return Agreement(same, margin, apart)


def overlap(box: Document) -> Callable[[Document], float]:
    """IoU with this box, of boxes [x, y, width, height]."""
    x, y, width, height = box["bbox"]

    def measured(other: Document) -> float:
        left, top, wide, high = other["bbox"]
        across = max(0.0, min(x + width, left + wide) - max(x, left))
        down = max(0.0, min(y + height, top + high) - max(y, top))
        common = across * down
        return common / max(width * height + wide * high - common, 1e-9)

    return measured


def captioning(ours: Document, theirs: Document) -> Agreement:
    """The sentence; apart: of the probabilities of its words. Second words are not told: no ties."""
    pairs = list(zip(ours["words"], theirs["words"], strict=False))
    apart = max((abs(one["probability"] - other["probability"]) for one, other in pairs), default=0.0)
    return Agreement(ours["sentence"] == theirs["sentence"], 1.0, apart)


def answer(document: Document) -> str:
    """What is said, in short: to count how many different answers were compared."""
    if "boxes" in document:
        return " ".join(sorted(one["label"] for one in document["boxes"]))
    if "numbers" in document:
        return " ".join(f"{one['value']:.3g}" for one in document["numbers"])
    if "classes" in document:
        return " ".join(sorted(one["label"] for one in document["classes"]))
    if "labels" in document:
        return " ".join(sorted(document["labels"]))
    return str(document.get("sentence", document.get("label")))


BY_TASK: dict[str, Callable[[Document, Document], Agreement]] = {
    "classification": classification,
    "multilabel": multilabel,
    "regression": regression,
    "segmentation": segmentation,
    "detection": detection,
    "captioning": captioning,
}
