"""The half of a task that trains, with torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from foveate.errors import InputError, ShapeError
from foveate.tasks import added_metrics
from foveate.tasks.base import Task
from foveate.tasks.targets import Targets
from foveate.tasks.values import Values

if TYPE_CHECKING:
    from foveate.images.preprocess import Preprocessing

PARITY_TOLERANCE = 1e-4  # of a value's size, or of 1 where that is more


class Part(NamedTuple):
    """A piece of a network that is an ONNX file of its own beside ``model.onnx``.

    given: samples (3, ...) of its inputs by name; None where it takes pictures. outputs: what it gives.
    """

    module: nn.Module
    given: Mapping[str, Tensor] | None
    outputs: tuple[str, ...]


Arrays = Mapping[str, Tensor]  # a batch's targets, by the names of `Targets.arrays`


@dataclass(frozen=True)
class MadeFor:
    """What of a network the data decide: options of its name, and why, as a sentence for the user."""

    options: Mapping[str, Any]
    reason: str


class Learner(ABC):
    """How a network learns a task: (N, C, H, W) pictures -> ``outputs``, (N, K) before any softmax.

    linear_model: what a linear head with this loss is called. penalties: of such a head on frozen features,
    from which the best is taken; the strongest first, for each solution is the next one's start.
    """

    linear_model: ClassVar[str] = "a logistic regression"
    penalties: ClassVar[tuple[float, ...]] = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0003)

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
        self.weights = None if weights is None else torch.tensor(weights, device=device, dtype=torch.float64)

    def made_for(self, network: nn.Module, targets: Targets) -> MadeFor | None:
        """With which options a network is better made anew to learn these targets; None where it is well."""
        return None

    def moved(self, targets: Arrays, geometry: Tensor, size: tuple[int, int]) -> Arrays:
        """A batch's targets after the pictures were moved: those that have a place in the picture follow it.

        geometry: (N, 2, 3) float32, for each picture of H x W the affine map in pixels, x to the right and y
        down from its corner: what was at (x, y) is at ``matrix @ (x, y, 1)`` now (`foveate.geometry`). Beyond
        its borders the picture goes on as its mirror image. size: (H, W). By default nothing has a place.
        """
        return targets

    def completed(self, targets: Targets, module: nn.Module, pictures: np.ndarray) -> Targets:
        """The targets with what this network has to be told of its pictures (N, H, W, C) uint8 beside them.

        By default nothing. What takes long to find is kept on the disk by content.
        """
        return targets

    @abstractmethod
    def loss(self, outputs: Tensor, targets: Arrays) -> Tensor:
        """The mean loss of a batch, a scalar to be minimised.

        Where several processes share the batch these are a part of it: see `foveate.layers.ranks`.
        """

    def extent(self, targets: Arrays) -> Tensor:
        """What the sum in the mean loss of these targets is divided by, a scalar.

        So much a part of a batch counts where the parts are computed one after the other.
        """
        first = next(iter(targets.values()))
        return torch.full((), len(first), dtype=torch.float32, device=first.device)

    def kept(self, outputs: Tensor, targets: Arrays) -> Tensor:
        """(n, ...) what of a batch's outputs is kept of a whole split, for `scores`, `losses`, `calibrated`.

        All of it, unless a task has too much to keep.
        """
        return outputs

    @abstractmethod
    def running(self, outputs: Tensor, targets: Arrays) -> Tensor:
        """The sum over a batch of each picture's value of `Task.shown`, a scalar."""

    @abstractmethod
    def scores(self, outputs: Tensor, targets: Targets) -> dict[str, float]:
        """``loss`` and every metric of the task, by name, of a whole split; outputs: as `kept`."""

    def measured(self, outputs: Tensor, targets: Targets) -> dict[str, float]:
        """The `scores`, and what `foveate.tasks.register_metric` added to them."""
        added = added_metrics(self.task.name).items()
        return self.scores(outputs, targets) | {name: of(outputs.numpy(), targets) for name, of in added}

    @abstractmethod
    def losses(self, outputs: Tensor, targets: Targets) -> Tensor:
        """(N,) the plain loss of each picture; ``outputs`` on the CPU."""

    def calibrated_losses(self, outputs: Tensor, targets: Targets) -> Tensor:
        """(N,) the same after the calibration that suits these outputs best: being sure counts nothing."""
        return self.losses(outputs, targets)

    def objective(self, outputs: Tensor, wanted: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        """The summed loss of rows that count ``weight``, and its derivative by ``outputs``; convex.

        For a linear head on frozen features, where `Task.whole_picture`. outputs, wanted: (..., K), the
        latter of `Task.matrix`; weight broadcasts to (..., 1).
        """
        raise InputError(f"A {self.task.name} is not learnt by a linear model.")

    def example_weights(self, wanted: Tensor) -> Tensor:
        """(N,) what each row of `Task.matrix` (N, K) counts as a whole."""
        return wanted.new_ones(len(wanted))

    def calibrated(self, outputs: np.ndarray, targets: Targets, **wanted: Any) -> Task:
        """The task with what held-out pictures say of how sure it may be."""
        return self.task

    def calibrate(self, module: nn.Module, outputs: np.ndarray, targets: Targets) -> None:  # noqa: B027
        """Change a finished network's weights by what held-out pictures say of how sure it may be.

        For a task whose answers are made word by word, each by how sure the one before was; others change
        nothing here, their `calibrated` says it.
        """

    def settled(self, module: nn.Module, preprocessing: Preprocessing) -> Task:
        """The task with what depends on the network that learnt it."""
        return self.task

    def parts(self, module: nn.Module, like: Tensor) -> Mapping[str, Part]:
        """The pieces of `Task.parts` of a network, by file name; ``like``: pictures (N, C, H, W)."""
        return {}

    def answer(self) -> nn.Module:
        """``outputs`` -> what ``model.onnx`` gives: a tensor, or a tuple in the order of `Task.outputs`."""
        return nn.Identity()

    def score(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """(N,) the number that an explanation explains of each picture; labels: (N,) which of the K."""
        return one_of(outputs, labels)

    def values(self, outputs: Tensor) -> Tensor:
        """(N, K) what `answer`, by its first output, says of each label."""
        found = self.answer()(outputs)
        first: Tensor = found if isinstance(found, Tensor) else found[0]
        return first

    def each(self, outputs: Tensor) -> Tensor:
        """(N, K) one number of the network's own a label: of answers that have a place their mean."""
        return outputs.flatten(2).mean(dim=2) if outputs.ndim > 2 else outputs

    def value(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """(N,) that of one label a picture: what falls when the reason for it is hidden."""
        return one_of(self.values(outputs), labels)

    def difference(self, outputs: np.ndarray, expected: Values, found: Values) -> str:
        """How an exported network differs from torch's beyond rounding, in words; empty where it does not.

        outputs: what the network gave in torch; expected: what `answer` made of it; found: the other's.
        """
        return next(
            (
                reason
                for name, value in expected.items()
                if (reason := differing(name, value, found[name], PARITY_TOLERANCE))
            ),
            "",
        )


def differing(name: str, expected: np.ndarray, found: np.ndarray, tolerance: float) -> str:
    """How two arrays differ by more than ``tolerance`` of a value, or of 1; empty where they do not."""
    worst = float((np.abs(expected - found) / np.maximum(np.abs(expected), 1)).max())
    # written so that NaN, which compares false, is a difference
    return "" if worst <= tolerance else f"{name} differs by {worst:.2g}, allowed {tolerance:g}"


def one_of(outputs: Any, labels: Tensor) -> Tensor:
    """(N,) of numbers (N, K) those of ``labels`` (N,). Raises ShapeError, InputError."""
    if not isinstance(outputs, Tensor) or outputs.ndim != 2 or len(outputs) != len(labels):
        shape = tuple(outputs.shape) if isinstance(outputs, Tensor) else type(outputs).__name__
        raise ShapeError(f"Explaining needs one number a label, (N, labels); the network gives {shape}.")
    if int(labels.min()) < 0 or int(labels.max()) >= outputs.shape[1]:
        last = outputs.shape[1] - 1
        raise InputError(f"A label is a number from 0 to {last}, not one of {labels.unique().tolist()}.")
    return outputs.gather(1, labels[:, None])[:, 0]


def learner_of(task: Task) -> type[Learner]:
    """The torch half of a task."""
    module, _, name = task.learner.partition(":")
    found: type[Learner] = getattr(import_module(module), name)
    return found
