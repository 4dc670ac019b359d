"""A network together with what its task makes of its numbers: probabilities, mostly."""

from __future__ import annotations

from torch import Tensor, nn

from foveate.models.model import Model
from foveate.tasks.learning import learner_of


class Answered(nn.Module):
    """A network that gives, in place of its K numbers, what the task's first output says of each."""

    def __init__(self, network: nn.Module, answer: nn.Module) -> None:
        """answer: as `Learner.answer` makes it."""
        super().__init__()
        self.network, self.answer = network, answer

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, K)"""
        found = self.answer(self.network(x))
        first: Tensor = found if isinstance(found, Tensor) else found[0]
        return first


def answered(model: Model) -> Answered:
    """The model's network with its task's answer: what `hiding`, `curves` and `occlusion` are to watch."""
    return Answered(model.module, learner_of(model.task)(model.task).answer())
