"""The half of a task that trains, with torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from foveate.tasks.base import Targets, Task

Arrays = Mapping[str, Tensor]  # a batch's targets, by the names of `Targets.arrays`


class Learner(ABC):
    """How a network learns a task: (N, C, H, W) pictures -> ``outputs``, (N, K) before any softmax."""

    def __init__(
        self,
        task: Task,
        *,
        label_smoothing: float = 0.0,
        weights: Sequence[float] | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        """weights: what an example of each of the K labels counts; None counts all alike."""
        self.task = task
        self.label_smoothing = label_smoothing
        self.weights = None if weights is None else torch.tensor(weights, device=device)

    @abstractmethod
    def loss(self, outputs: Tensor, targets: Arrays) -> Tensor:
        """The mean loss of a batch, a scalar to be minimised."""

    @abstractmethod
    def running(self, outputs: Tensor, targets: Arrays) -> Tensor:
        """The sum over a batch of each picture's value of the first metric, a scalar: what training shows."""

    @abstractmethod
    def scores(self, outputs: Tensor, targets: Targets) -> dict[str, float]:
        """``loss`` and every metric of the task, by name, of a whole split; ``outputs`` on the CPU."""

    @abstractmethod
    def calibrated(self, outputs: np.ndarray, targets: Targets, **wanted: Any) -> Task:
        """The task with what held-out pictures say of how sure it may be."""

    @abstractmethod
    def answer(self) -> nn.Module:
        """``outputs`` -> what ``model.onnx`` gives: a tensor, or a tuple in the order of `Task.outputs`."""


def learner_of(task: Task) -> type[Learner]:
    """The torch half of a task."""
    module, _, name = task.learner.partition(":")
    found: type[Learner] = getattr(import_module(module), name)
    return found
