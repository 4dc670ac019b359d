"""How several labels are learnt: sigmoid cross-entropy; at the end a temperature, and thresholds."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from foveate.layers.ranks import mean_of_batch
from foveate.tasks.classification.calibration import fit_temperature
from foveate.tasks.learning import Arrays, Learner
from foveate.tasks.multilabel import metrics
from foveate.tasks.multilabel.names import EXACT_MATCH, MACRO_F1, MAP, MICRO_F1
from foveate.tasks.multilabel.task import Multilabel
from foveate.tasks.multilabel.thresholds import UNKNOWN, fit_thresholds
from foveate.tasks.targets import Targets


class MultilabelLearner(Learner):
    """outputs: (N, K) log-odds; targets: ``present`` (N, K) of 0 and 1.

    The loss of a picture is the sum over its labels, in nats: each label is a logistic regression of its own,
    and what it learns does not depend on how many others there are. ``weights`` is torch's ``pos_weight``.
    """

    task: Multilabel

    def loss(self, outputs: Tensor, targets: Arrays) -> Tensor:
        wanted = targets["present"].float()
        if self.label_smoothing:
            wanted = wanted * (1 - self.label_smoothing) + self.label_smoothing / 2
        return mean_of_batch(self._losses(outputs.float(), wanted))

    def running(self, outputs: Tensor, targets: Arrays) -> Tensor:
        return ((outputs >= 0) == (targets["present"] > 0)).all(dim=1).sum()

    def scores(self, outputs: Tensor, targets: Targets) -> dict[str, float]:
        """At thresholds of 0.5: those of the labels are chosen when training is over."""
        present, probabilities = targets.arrays["present"], torch.sigmoid(outputs).numpy()
        given = metrics.decided(probabilities, np.array(UNKNOWN))
        counts, precision = (
            metrics.counted(given, present),
            metrics.average_precisions(probabilities, present),
        )
        plain = F.binary_cross_entropy_with_logits(outputs, _wanted(outputs, targets), reduction="none")
        return {
            "loss": plain.sum(dim=1).mean().item(),
            MAP.name: float(np.nanmean(precision)) if present.any() else 0.0,
            MACRO_F1.name: metrics.macro_f1(counts),
            MICRO_F1.name: metrics.micro_f1(counts),
            EXACT_MATCH.name: float((given == present).all(axis=1).mean()),
        }

    def losses(self, outputs: Tensor, targets: Targets) -> Tensor:
        return self._losses(outputs, _wanted(outputs, targets))

    def _losses(self, outputs: Tensor, wanted: Tensor) -> Tensor:
        """(N,) of each picture."""
        weights = None if self.weights is None else self.weights.to(outputs.dtype)
        losses = F.binary_cross_entropy_with_logits(outputs, wanted, pos_weight=weights, reduction="none")
        return losses.sum(dim=1)

    def calibrated_losses(self, outputs: Tensor, targets: Targets) -> Tensor:
        temperature = _fit_temperature(outputs.numpy(), targets)
        return self.losses(outputs.double() / temperature, targets)

    def objective(self, outputs: Tensor, wanted: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        positive = 1.0 if self.weights is None else self.weights.to(outputs.dtype)
        own = positive * wanted  # what each label that is there counts
        losses = (own + 1 - wanted) * F.softplus(outputs) - own * outputs
        return (losses * weight).sum(), ((own + 1 - wanted) * torch.sigmoid(outputs) - own) * weight

    def calibrated(self, outputs: np.ndarray, targets: Targets, **wanted: Any) -> Multilabel:
        temperature = _fit_temperature(outputs, targets)
        probabilities = torch.sigmoid(torch.from_numpy(outputs).double() / temperature).numpy()
        thresholds = fit_thresholds(probabilities, targets.arrays["present"])
        return Multilabel(self.task.labels, temperature, tuple(thresholds.tolist()))

    def answer(self) -> nn.Module:
        return Sigmoid(self.task.temperature)


class Sigmoid(nn.Module):
    """Log-odds (N, K) -> probabilities (N, K), each by itself: sigmoid of outputs / temperature."""

    def __init__(self, temperature: float = 1.0) -> None:
        super().__init__()
        self.temperature = float(temperature)

    def forward(self, outputs: Tensor) -> Tensor:
        return torch.sigmoid(outputs / self.temperature)


def _wanted(outputs: Tensor, targets: Targets) -> Tensor:
    return torch.from_numpy(np.array(targets.arrays["present"])).to(outputs.dtype)


def _fit_temperature(outputs: np.ndarray, targets: Targets) -> float:
    """One for all labels: each is two classes, for sigmoid(z / T) is the second of softmax((0, z) / T)."""
    odds = np.asarray(outputs, np.float64).ravel()
    return fit_temperature(np.stack([np.zeros_like(odds), odds], axis=1), targets.arrays["present"].ravel())
