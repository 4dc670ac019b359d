"""How a class for each pixel is learnt: cross-entropy and overlap over the pixels, ignored ones left out.

Of a whole split not every pixel's outputs are kept, which would fill the memory, but one row of numbers a
picture: what its classes' overlaps are made of, its loss, and the outputs at some of its pixels, by which the
calibration goes.
Pixels of one picture are much alike: few of each picture tell more than all of some.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from foveate.layers.ranks import mean_over_ranks
from foveate.tasks.classification.calibration import apply_temperature, fit_temperature
from foveate.tasks.classification.threshold import PRECISION, fit_unsure_rule
from foveate.tasks.learning import Arrays, Learner
from foveate.tasks.segmentation.metrics import Overlaps
from foveate.tasks.segmentation.names import CLASSES, CONFIDENCE, IGNORED
from foveate.tasks.segmentation.targets import MASKS
from foveate.tasks.segmentation.task import Segmentation
from foveate.tasks.targets import Targets
from foveate.tasks.values import Values

DIFFERING = 1e-4  # the share of pixels whose class rounding may turn, where two are nearly as likely
CONFIDENCE_STEPS = 2  # of 255, by which rounding may move a confidence


SAMPLED = 128  # pixels of a picture


class SegmentationLearner(Learner):
    """outputs: logits (N, K, h, w), of the picture's size or, in training, coarser; targets: masks (N, H, W).

    Of outputs coarser than the masks each stands for the pixels that it covers, and one of these, drawn anew
    each time, says what it should be: on average that is the loss of all of them, at a fraction of its cost.
    """

    task: Segmentation

    def loss(self, outputs: Tensor, targets: Arrays) -> Tensor:
        labels = labels_on(outputs, targets[MASKS], drawn=True)
        weights = None if self.weights is None else self.weights.float()
        entropy, lost = cross_entropy_and_dice(outputs.float(), labels, weights)
        return entropy + lost

    def running(self, outputs: Tensor, targets: Arrays) -> Tensor:
        labels = labels_on(outputs, targets[MASKS])
        known = labels != IGNORED
        right = ((outputs.argmax(dim=1) == labels) & known).sum(dim=(1, 2))
        return (right / known.sum(dim=(1, 2)).clamp(min=1)).sum()

    def moved(self, targets: Arrays, geometry: Tensor, size: tuple[int, int]) -> Arrays:
        return {**targets, MASKS: moved_masks(targets[MASKS], geometry)}

    def kept(self, outputs: Tensor, targets: Arrays) -> Tensor:
        return tallied(outputs, targets[MASKS]).packed()

    def scores(self, outputs: Tensor, targets: Targets) -> dict[str, float]:
        tally = self._tally(outputs)
        pooled = Overlaps(*tally.counts.sum(dim=0).numpy())
        right = float(pooled.hits.sum() / max(int(pooled.true.sum()), 1))
        return {"loss": float(tally.losses.mean()), "miou": float(pooled.miou), "pixel_accuracy": right}

    def losses(self, outputs: Tensor, targets: Targets) -> Tensor:
        return self._tally(outputs).losses

    def calibrated(self, outputs: np.ndarray, targets: Targets, **wanted: Any) -> Segmentation:
        logits, labels = self._known_pixels(outputs)
        if not len(labels):
            return self.task
        temperature = fit_temperature(logits, labels)
        precision = wanted.get("unsure_precision", PRECISION)
        rule = fit_unsure_rule(apply_temperature(logits, temperature), labels, precision)
        return self.task.with_trust(temperature, rule)

    def answer(self) -> nn.Module:
        return ClassMap(self.task.temperature)

    def score(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """The mean logit of a class over the pixels that are called it; over all where none is."""
        called = (outputs.argmax(dim=1) == labels[:, None, None]).to(outputs.dtype)
        called = torch.where(called.sum(dim=(1, 2), keepdim=True) > 0, called, torch.ones_like(called))
        rows = torch.arange(len(labels), device=outputs.device)
        return (outputs[rows, labels] * called).sum(dim=(1, 2)) / called.sum(dim=(1, 2))

    def values(self, outputs: Tensor) -> Tensor:
        """(N, K) the mean probability of each class over the picture: about its share of it."""
        return torch.softmax(outputs / self.task.temperature, dim=1).mean(dim=(2, 3))

    def difference(self, outputs: np.ndarray, expected: Values, found: Values) -> str:
        same = expected[CLASSES] == found[CLASSES]
        share = float(1 - same.mean())
        if not share <= DIFFERING:
            return f"the class of {share:.2%} of the pixels differs, allowed {DIFFERING:.2%}"
        apart = np.abs(expected[CONFIDENCE].astype(int) - found[CONFIDENCE].astype(int))[same]
        worst = int(apart.max(initial=0))
        return "" if worst <= CONFIDENCE_STEPS else f"the confidence differs by {worst} of 255"

    def _tally(self, outputs: Tensor) -> Tally:
        return Tally.unpacked(outputs, len(self.task.classes))

    def _known_pixels(self, outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(M, K) logits and (M,) labels of the sampled pixels that have one."""
        tally = self._tally(torch.from_numpy(outputs))
        known = tally.labels != IGNORED
        return tally.logits[known].double().numpy(), tally.labels[known].numpy()


class ClassMap(nn.Module):
    """Logits (N, K, H, W) -> the likeliest class and its probability in 255ths, (N, H, W) uint8 each."""

    def __init__(self, temperature: float = 1.0) -> None:
        super().__init__()
        self.temperature = float(temperature)

    def forward(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        # The greatest of softmax is 1 / sum(exp(z - greatest z)). ONNX Runtime's softmax over channels takes
        # as long as all convolutions of a light network together, this a tenth of it.
        logits = outputs / self.temperature
        rest = (logits - logits.amax(dim=1, keepdim=True)).exp().sum(dim=1)  # 1 and more
        return outputs.argmax(dim=1).to(torch.uint8), (255 / rest + 0.5).to(torch.uint8)


def cross_entropy_and_dice(
    outputs: Tensor, labels: Tensor, weights: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """The mean loss of the pixels that have a label, in nats, and the overlap that is lost.

    The second is one less the overlap of probabilities and truth, the mean over the classes that the batch
    shows. Each class counts alike, however few its pixels: it is what mean IoU asks for, and cross-entropy
    does not (Milletari, Navab, Ahmadi: "V-Net", 3DV 2016, arXiv 1606.04797, equation of section 3). One
    softmax gives both. They are 0 where no pixel has a label.

    outputs: (N, K, H, W); labels: (N, H, W) int64, IGNORED included; weights: (K,) what a pixel counts in
    the first.
    """
    known = labels != IGNORED
    some = labels.where(known, 0)  # fixed shapes throughout, which a card can record
    logarithms = torch.log_softmax(outputs, dim=1)
    of_truth = logarithms.gather(1, some[:, None])[:, 0]
    counts = known.to(outputs.dtype) if weights is None else weights[some] * known
    entropy = -(counts * of_truth).sum() / mean_over_ranks(counts.sum()).clamp(min=1e-6)
    classes = torch.arange(outputs.shape[1], device=labels.device)
    true = labels[:, None] == classes[:, None, None]  # (N, K, H, W); IGNORED is no class
    likely = logarithms.exp() * known[:, None]
    sums = [found.sum(dim=(0, 2, 3)) for found in (likely * true, likely, true)]
    both, said, pixels = mean_over_ranks(torch.stack(sums))
    lost = 1 - 2 * both / (said + pixels).clamp(min=1e-6)
    shown = pixels > 0
    return entropy, (lost * shown).sum() / shown.sum().clamp(min=1)


def labels_on(outputs: Tensor, masks: Tensor, *, drawn: bool = False) -> Tensor:
    """(N, h, w) int64: of the mask's pixels that each output covers, one in the middle, or a drawn one.

    outputs: (N, K, h, w); masks: (N, H, W) uint8.
    """
    (height, width), size = masks.shape[1:], outputs.shape[2:]
    if (height, width) == tuple(size):
        return masks.long()
    # Drawn where the masks lie: on a card the step is recorded, and Python's numbers would stay the same.
    within: Sequence[float | Tensor] = (0.5, 0.5)
    if drawn:
        within = torch.rand(2, device=masks.device).unbind()
    places = []
    for side, to_side, part in zip((height, width), size, within, strict=True):
        at = (torch.arange(to_side, device=masks.device) + part) * (side / to_side)
        places.append(at.long().clamp(max=side - 1))
    return masks[:, places[0]][:, :, places[1]].long()


def moved_masks(masks: Tensor, geometry: Tensor) -> Tensor:
    """Masks (N, H, W) uint8 after the pictures were moved by (N, 2, 3), see `Learner.moved`."""
    height, width = masks.shape[1:]
    size = torch.cat([geometry.new_full((1,), side) for side in (width, height)])
    linear = _inverse(geometry[:, :, :2])
    offset = -(linear @ geometry[:, :, 2:])[:, :, 0]
    # From pixels to -1..1 and back: x = (u + 1) width / 2.
    matrix = linear * (size / size[:, None])[None]
    centre = (linear @ (size / 2)[:, None])[:, :, 0] + offset
    shift = centre * 2 / size - 1
    theta = torch.cat([matrix, shift[:, :, None]], dim=2)
    grid = F.affine_grid(theta, [len(masks), 1, height, width], align_corners=False)
    found = F.grid_sample(
        masks[:, None].float(), grid, mode="nearest", padding_mode="reflection", align_corners=False
    )
    return found[:, 0].to(torch.uint8)


def _inverse(matrix: Tensor) -> Tensor:
    """(N, 2, 2) of (N, 2, 2). torch's own waits for a card, to tell of those that have none; maps have."""
    a, b, c, d = matrix.flatten(1).unbind(1)
    return torch.stack([d, -b, -c, a], dim=1).view(-1, 2, 2) / (a * d - b * c)[:, None, None]


@dataclass(frozen=True)
class Tally:
    """Of n pictures: counts (n, 3, K) pixels of each class that are right, true and said, as in `Overlaps`;
    losses (n,) mean of a pixel, nats; logits (n, S, K) at some pixels and labels (n, S) there, IGNORED where
    a pixel has none.
    """

    counts: Tensor
    losses: Tensor
    logits: Tensor
    labels: Tensor

    def packed(self) -> Tensor:
        """(n, 3 K + 1 + S (K + 1)) float32."""
        parts = (self.counts.flatten(1), self.losses[:, None], self.logits.flatten(1), self.labels)
        return torch.cat([part.float() for part in parts], dim=1)

    @classmethod
    def unpacked(cls, rows: Tensor, classes: int) -> Tally:
        """The inverse of `packed`."""
        sizes = [3 * classes, 1, SAMPLED * classes, SAMPLED]
        counts, losses, logits, labels = rows.split(sizes, dim=1)
        return cls(
            counts.unflatten(1, (3, classes)).round().long(),
            losses[:, 0],
            logits.unflatten(1, (SAMPLED, classes)),
            labels.round().long(),
        )


def tallied(outputs: Tensor, masks: Tensor) -> Tally:
    """outputs: (n, K, H, W); masks: (n, H, W) of the same size, IGNORED included."""
    count, classes = outputs.shape[:2]
    labels = masks.long()
    known = labels != IGNORED
    said = outputs.argmax(dim=1)
    picture = torch.arange(count, device=outputs.device)[:, None, None]
    cells = ((picture * classes + labels) * classes + said)[known]
    table = torch.bincount(cells, minlength=count * classes * classes).view(count, classes, classes)
    counts = torch.stack([table.diagonal(dim1=1, dim2=2), table.sum(dim=2), table.sum(dim=1)], dim=1)
    losses = F.cross_entropy(outputs, labels, ignore_index=IGNORED, reduction="none")
    mean = losses.sum(dim=(1, 2)) / known.sum(dim=(1, 2)).clamp(min=1)
    rows = _some(labels.shape[1] * labels.shape[2]).to(outputs.device)
    some = outputs.flatten(2)[:, :, rows].transpose(1, 2)
    return Tally(counts, mean, some, labels.flatten(1)[:, rows])


def _some(count: int) -> Tensor:
    """Which of a picture's pixels are sampled: drawn once, the same for all pictures of a size."""
    random = np.random.Generator(np.random.PCG64(count))
    return torch.from_numpy(np.sort(random.integers(0, count, SAMPLED)))
