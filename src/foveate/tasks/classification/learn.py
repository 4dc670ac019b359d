"""How a classifier learns: softmax cross-entropy, accuracy and macro-F1, and a temperature at the end."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from foveate.layers.normalisation import Softmax
from foveate.layers.ranks import mean_of_batch, mean_over_ranks
from foveate.scores import ClassCounts
from foveate.tasks.classification.calibration import apply_temperature, fit_temperature
from foveate.tasks.classification.parity import probabilities_differ
from foveate.tasks.classification.task import PROBABILITIES, Classification
from foveate.tasks.classification.threshold import PRECISION, fit_unsure_rule
from foveate.tasks.learning import Arrays, Learner
from foveate.tasks.targets import Targets
from foveate.tasks.values import Values


class ClassificationLearner(Learner):
    """outputs: logits (N, K); targets: ``labels`` (N,)."""

    task: Classification

    def loss(self, outputs: Tensor, targets: Arrays) -> Tensor:
        return cross_entropy(
            outputs.float(),
            targets["labels"],
            class_weights=None if self.weights is None else self.weights.float(),
            label_smoothing=self.label_smoothing,
        )

    def extent(self, targets: Arrays) -> Tensor:
        if self.weights is None:
            return super().extent(targets)
        return self.weights.float()[targets["labels"]].sum()

    def running(self, outputs: Tensor, targets: Arrays) -> Tensor:
        return (outputs.argmax(dim=1) == targets["labels"]).sum()

    def scores(self, outputs: Tensor, targets: Targets) -> dict[str, float]:
        labels = targets.arrays["labels"]
        counts = ClassCounts.of(labels, outputs.numpy().argmax(axis=1), outputs.shape[1])
        loss = F.cross_entropy(outputs, torch.from_numpy(np.array(labels))).item()
        return {"loss": loss, "accuracy": counts.accuracy, "macro_f1": counts.macro_f1}

    def losses(self, outputs: Tensor, targets: Targets) -> Tensor:
        labels = torch.from_numpy(np.array(targets.arrays["labels"]))
        return F.cross_entropy(outputs, labels, reduction="none")

    def calibrated_losses(self, outputs: Tensor, targets: Targets) -> Tensor:
        temperature = fit_temperature(outputs.numpy(), targets.arrays["labels"])
        return self.losses(outputs.double() / temperature, targets)

    def objective(self, outputs: Tensor, wanted: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        log_shares = torch.log_softmax(outputs, dim=-1)
        return -(log_shares * wanted * weight).sum(), (log_shares.exp() - wanted) * weight

    def example_weights(self, wanted: Tensor) -> Tensor:
        if self.weights is None:
            return super().example_weights(wanted)
        return self.weights.to(wanted.dtype)[wanted.argmax(dim=1)]

    def calibrated(self, outputs: np.ndarray, targets: Targets, **wanted: Any) -> Classification:
        labels = targets.arrays["labels"]
        temperature = fit_temperature(outputs, labels)
        precision = wanted.get("unsure_precision", PRECISION)
        rule = fit_unsure_rule(apply_temperature(outputs, temperature), labels, precision)
        return Classification(self.task.classes, temperature, rule)

    def answer(self) -> nn.Module:
        return Softmax(self.task.temperature)

    def difference(self, outputs: np.ndarray, expected: Values, found: Values) -> str:
        sizes = np.abs(outputs).max(axis=1) / self.task.temperature
        return probabilities_differ(expected[PROBABILITIES], found[PROBABILITIES], sizes)


def cross_entropy(
    logits: Tensor,
    labels: Tensor,
    *,
    class_weights: Tensor | None = None,
    label_smoothing: float = 0.0,
) -> Tensor:
    """The mean loss of a batch in nats: a sample of weight w counts as w samples do.

    torch's own weights multiply each class's part of a smoothed target by that class's weight, so that the
    share which smoothing gives to a rare class outweighs the label of a frequent one; a class of weight 50
    then draws every answer to itself. Here the weight stands before the loss of the whole sample.

    Args:
        logits: (N, K). labels: (N,) in 0..K-1.
        class_weights: (K,) what a sample of each class counts; None counts all alike.
        label_smoothing: the share of the target that is spread evenly over all classes (Szegedy et al., 2016,
            arXiv 1512.00567, section 7).
    """
    losses = F.cross_entropy(logits, labels, reduction="none", label_smoothing=label_smoothing)  # (N,)
    if class_weights is None:
        return mean_of_batch(losses)
    weights = class_weights[labels]
    return (losses * weights).sum() / mean_over_ranks(weights.sum())
