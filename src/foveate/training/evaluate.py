"""Logits and scores of a network over a split."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from foveate.scores import ClassCounts


class LabelledImages(Protocol):
    """images: (N, C, H, W) float; labels: (N,) int64."""

    @property
    def images(self) -> Tensor: ...
    @property
    def labels(self) -> Tensor: ...


@dataclass(frozen=True)
class Scores:
    """Mean cross-entropy, accuracy, and macro-F1 as the report has it (`foveate.scores`)."""

    loss: float
    accuracy: float
    macro_f1: float


@torch.inference_mode()
def logits_of(module: nn.Module, batches: Iterable[LabelledImages]) -> tuple[Tensor, Tensor]:
    """Logits (N, K) float32 and labels (N,) of every sample, on the CPU; the module's mode is restored."""
    was_training = module.training
    module.eval()
    try:
        pairs = [(module(batch.images).float().cpu(), batch.labels.cpu()) for batch in batches]
    finally:
        module.train(was_training)
    return torch.cat([logits for logits, _ in pairs]), torch.cat([labels for _, labels in pairs])


def scores(logits: Tensor, labels: Tensor) -> Scores:
    """Scores of logits (N, K) against labels (N,), on the CPU."""
    counts = ClassCounts.of(labels.numpy(), logits.numpy().argmax(axis=1), logits.shape[1])
    return Scores(F.cross_entropy(logits, labels).item(), counts.accuracy, counts.macro_f1)
