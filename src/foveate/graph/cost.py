"""What a network costs: parameters, bytes on disk, memory to train it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from torch import nn

# Numbers an optimiser remembers for each parameter.
OPTIMIZER_STATES = {"sgd": 0, "momentum": 1, "adam": 2}


def count_parameters(module: nn.Module) -> int:
    """Numbers that are learnt; one that several layers share is counted once."""
    return sum(parameter.numel() for parameter in module.parameters())


def disk_bytes(module: nn.Module) -> int:
    """Bytes of the weights file: parameters and buffers at their own precision, the file's header aside."""
    return sum(tensor.nbytes for tensor in module.state_dict().values())


@dataclass(frozen=True)
class TrainingMemory:
    """An estimate of the bytes that one training step needs, and the formula it was made with."""

    batch_size: int
    optimizer: str
    parameters: int
    gradients: int
    optimizer_state: int
    activations: int

    @property
    def total(self) -> int:
        return self.parameters + self.gradients + self.optimizer_state + self.activations

    @property
    def formula(self) -> str:
        states = OPTIMIZER_STATES[self.optimizer]
        return (
            f"parameters + gradients (as many) + {self.optimizer} state ({states} × parameters) "
            f"+ batch {self.batch_size} × (input + every layer's output that is not in place)"
        )

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"total": self.total, "formula": self.formula}


def training_memory(
    parameter_bytes: int, activation_bytes: int, batch_size: int, optimizer: str = "adam"
) -> TrainingMemory:
    """Estimate the memory of a training step.

    ``activation_bytes`` is what one picture leaves behind: the input and each layer's output. Autograd keeps
    most of it for the backward pass; an output that nothing needs again may be freed early, while a
    convolution's workspace comes on top, so expect the truth within about a third of this.
    """
    return TrainingMemory(
        batch_size=batch_size,
        optimizer=optimizer,
        parameters=parameter_bytes,
        gradients=parameter_bytes,
        optimizer_state=OPTIMIZER_STATES[optimizer] * parameter_bytes,
        activations=activation_bytes * batch_size,
    )
