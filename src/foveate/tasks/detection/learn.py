"""How boxes are learnt, and what stands between a detector's candidates and its answer.

A detector gives candidates (N, M, 6): x1, y1, x2, y2, score, class. How it learns depends on what it is, in
one stage or in two, so the parts of the loss are its own; this half gives it the true boxes and measures.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from foveate.layers.anchors import Anchored
from foveate.layers.candidates import BestCandidates
from foveate.layers.suppression import NonMaximumSuppression
from foveate.layers.truth import ToLearn, Truth
from foveate.tasks.detection.alike import unlike
from foveate.tasks.detection.anchors import ENOUGH, LEAST_PX, fitted, suited
from foveate.tasks.detection.matching import Matches
from foveate.tasks.detection.metrics import AT_50, Answer, compared
from foveate.tasks.detection.names import (
    AP,
    AP50,
    AP75,
    BOXES,
    CROWD,
    LABELS,
    NO_BOX,
    PROPOSALS,
)
from foveate.tasks.detection.precision import NAMES, curves, twelve
from foveate.tasks.detection.targets import BoxTargets
from foveate.tasks.detection.task import Detection, boxes_of
from foveate.tasks.detection.trust import best_f1, fit_calibration, logit
from foveate.tasks.learning import Arrays, Learner, MadeFor
from foveate.tasks.targets import Targets
from foveate.tasks.values import Values
from foveate.words import share

# IoU of two answers of a class, at most. On BCCD's validation pictures a trained model had an AP50 of 86.6 %
# at 0.6, 87.1 % at 0.55 and 87.0 % at 0.5, and an AP of 54 % at each: of small things two boxes overlap less.
OVERLAP = 0.55
APART = 2048.0  # pixels by which classes are moved apart for suppression: more than pictures have
EDGE = 1e-6  # of a score, whose logit is finite
LEAST_SHARE = 0.3  # of a box that must still be in the picture for it to be looked for
UNSEEN = 0.01  # the score that the loss gives to a true box that no answer meets
# Of answers that rounding may turn: their scores and boxes, and how many of them may be others.
SCORE_APART, SAME_IOU, MOST_OTHERS = 2e-3, 0.98, 0.02


class DetectionLearner(Learner):
    """outputs: candidates (N, M, 6), in training a `foveate.models.detector.ToLearn`."""

    task: Detection

    def loss(self, outputs: Any, targets: Arrays) -> Tensor:
        seen: ToLearn = outputs
        parts = seen.losses(truths(targets))
        self._quality = parts.pop("quality").detach() * len(targets[LABELS])
        return torch.stack(list(parts.values())).sum()

    def running(self, outputs: Any, targets: Arrays) -> Tensor:
        """The mean IoU of learnt boxes and true ones, as the loss of this batch has just found it."""
        return self._quality

    def made_for(self, network: nn.Module, targets: Targets) -> MadeFor | None:
        """Anchors of the boxes' own shapes, for a network that has anchors which suit too few of them."""
        own = boxes_of(targets)
        if not isinstance(network, Anchored) or not network.anchor_shapes or own.on_input is None:
            return None
        boxes = np.concatenate([np.zeros((0, 4)), *own.on_input]).astype(np.float64)
        shapes = np.maximum(boxes[:, 2:] - boxes[:, :2], LEAST_PX)
        usual = [np.array(level) for level in network.anchor_shapes]
        before = suited(shapes, np.concatenate(usual))
        if before >= ENOUGH:
            return None
        anchors = np.concatenate(fitted(shapes, usual))
        after = suited(shapes, anchors)
        if after <= before:
            return None
        reason = (
            f"The anchors are fitted to the boxes: one suits {share(after)} of them (overlaps it by half or "
            f"more around the same centre), where the usual ones suited {share(before)}."
        )
        return MadeFor({"anchors": tuple((float(w), float(h)) for w, h in anchors.round(1))}, reason)

    def moved(self, targets: Arrays, geometry: Tensor, size: tuple[int, int]) -> Arrays:
        boxes, inside = moved_boxes(targets[BOXES], geometry, size)
        # What is hardly in the picture any more is neither to be found nor wrong to find.
        found = {**targets, BOXES: boxes, CROWD: targets[CROWD] | (inside < LEAST_SHARE)}
        if PROPOSALS in targets:
            looked_at, inside = moved_boxes(targets[PROPOSALS], geometry, size)
            found[PROPOSALS] = looked_at * (inside >= LEAST_SHARE).unsqueeze(2)
        return found

    def completed(self, targets: Targets, module: nn.Module, pictures: np.ndarray) -> Targets:
        """With the proposals of a detector whose regions come from outside of it."""
        search = getattr(module, "search", None)
        return targets if search is None else replace(boxes_of(targets), proposals=search.prepare(pictures))

    def scores(self, outputs: Tensor, targets: Targets) -> dict[str, float]:
        found = self._matches(outputs, boxes_of(targets))
        numbers = twelve(curves(list(zip(*found, strict=True))))
        by_name = dict(zip(NAMES, np.nan_to_num(numbers).tolist(), strict=True))
        losses = _losses(found)
        return {"loss": float(losses.mean())} | {one.name: by_name[one.name] for one in (AP, AP50, AP75)}

    def losses(self, outputs: Tensor, targets: Targets) -> Tensor:
        """The mean cross-entropy of answers' scores with whether they meet a true box; see `UNSEEN`."""
        return torch.from_numpy(_losses(self._matches(outputs, boxes_of(targets))))

    def calibrated(self, outputs: np.ndarray, targets: Targets, **wanted: Any) -> Detection:
        plain = type(self)(self.task.with_trust(type(self.task.calibration)(), None))
        found = plain._matches(torch.from_numpy(outputs), boxes_of(targets))
        every = [one for picture in found for one in picture]
        scores = np.concatenate([one.scores[~one.ignored[0, AT_50]] for one in every])
        right = np.concatenate([one.met[0, AT_50][~one.ignored[0, AT_50]] for one in every])
        if not len(scores):
            return self.task
        calibration = fit_calibration(scores, right)
        true = sum(int(one.true[0]) for one in every)
        return self.task.with_trust(calibration, best_f1(calibration.apply(scores), right, true))

    def answer(self) -> nn.Module:
        return Answering(self.task)

    def score(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """The greatest score of a candidate of the class, as a logit."""
        values = self.values(outputs).clamp(EDGE, 1 - EDGE)
        found = values.gather(1, labels[:, None])[:, 0]
        return torch.log(found / (1 - found))

    def values(self, outputs: Tensor) -> Tensor:
        """(N, K) of each class the greatest score of a candidate; 0 where there is none."""
        of_class = outputs[..., 5:] == torch.arange(len(self.task.classes), device=outputs.device)
        return (outputs[..., 4:5] * of_class).amax(dim=1)

    def difference(self, outputs: np.ndarray, expected: Values, found: Values) -> str:
        others, total = unlike(expected, found, score_apart=SCORE_APART, iou=SAME_IOU)
        if others > max(1, MOST_OTHERS * total):
            return f"{others} of {total} boxes are others"
        return ""

    def _matches(self, outputs: Tensor, targets: BoxTargets) -> list[list[Matches]]:
        """Picture by picture, of each class, in pixels of the network's input."""
        with torch.inference_mode():
            boxes, scores, labels, counts = (part.cpu().numpy() for part in self.answer()(outputs))
        found = []
        for row, count in enumerate(counts.tolist()):
            said = Answer(
                boxes[row, :count].astype(np.float64),
                scores[row, :count].astype(np.float64),
                labels[row, :count],
            )
            true = (
                targets[row]
                if targets.on_input is None
                else replace(targets[row], boxes=targets.on_input[row])
            )
            found.append(compared(said, true, len(self.task.classes)))
        return found


class Answering(nn.Module):
    """Candidates (N, M, 6) -> boxes (N, K, 4), calibrated scores and labels (N, K), count (N,); K = most."""

    def __init__(self, task: Detection) -> None:
        super().__init__()
        self.slope, self.offset = map(float, task.calibration)
        self.suppress = NonMaximumSuppression(OVERLAP, task.most)
        self.best = BestCandidates(task.most, 1, columns=5)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        boxes, scores, labels = x[..., :4], x[..., 4:5], x[..., 5:6]
        apart = torch.cat([boxes + labels * APART, scores], dim=2)
        kept = self.suppress(apart).unsqueeze(2)  # (N, M, 1)
        best = self.best(torch.cat([boxes, labels, kept], dim=2))  # (N, K, 7)
        likely = best[..., 5]
        there = (likely > 0).float()
        inside = likely.clamp(min=EDGE, max=1 - EDGE)
        sure = torch.sigmoid(torch.log(inside / (1 - inside)) * self.slope + self.offset)
        return best[..., :4], sure * there, best[..., 4].long(), there.sum(dim=1).long()


def truths(targets: Arrays) -> list[Truth]:
    """The true boxes of each picture of a batch, without what fills up."""
    found = []
    told = targets.get(PROPOSALS, [None] * len(targets[LABELS]))
    for boxes, labels, crowd, proposals in zip(
        targets[BOXES], targets[LABELS], targets[CROWD], told, strict=True
    ):
        there = labels != NO_BOX
        found.append(Truth(boxes[there], labels[there], crowd[there], proposals))
    return found


def moved_boxes(boxes: Tensor, geometry: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Boxes (N, B, 4) around where their corners came to, cut at the picture's borders, and the share left.

    geometry: (N, 2, 3), see `Learner.moved`; size: (H, W).
    """
    x1, y1, x2, y2 = boxes.unbind(2)
    corners = torch.stack(
        [torch.stack(pair, dim=2) for pair in ((x1, y1), (x2, y1), (x2, y2), (x1, y2))], dim=2
    )  # (N, B, 4, 2)
    moved = torch.einsum("nij,nbcj->nbci", geometry[:, :, :2], corners) + geometry[:, None, None, :, 2]
    whole = torch.cat([moved.amin(2), moved.amax(2)], dim=2)
    height, width = size
    limits = whole.new_tensor([width, height, width, height])
    cut = torch.minimum(whole.clamp(min=0), limits)
    before, after = ((one[..., 2:] - one[..., :2]).prod(2) for one in (whole, cut))
    return cut, after / before.clamp(min=1e-6)


def _losses(found: list[list[Matches]]) -> np.ndarray:
    rows = []
    for picture in found:
        parts = [np.zeros(0)]
        for one in picture:
            known = ~one.ignored[0, AT_50]
            odds, met = logit(one.scores[known]), one.met[0, AT_50][known]
            parts.append(np.logaddexp(0, np.where(met, -odds, odds)))
            parts.append(np.full(max(int(one.true[0]) - int(met.sum()), 0), -np.log(UNSEEN)))
        terms = np.concatenate(parts)
        rows.append(terms.mean() if len(terms) else 0.0)
    return np.array(rows, np.float64)
