"""What a network puts out for a whole split."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

import torch
from torch import Tensor, nn


class Pictures(Protocol):
    """images: (N, C, H, W) float; targets: by name."""

    @property
    def images(self) -> Tensor: ...
    @property
    def targets(self) -> Mapping[str, Tensor]: ...


def outputs_to_learn(module: nn.Module, images: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
    """What the loss takes of pictures (N, C, H, W): the outputs, and those of auxiliary heads.

    Networks of this program give them by ``forward_to_learn``; a caller's own module may have
    ``forward_with_aux`` alone, or neither, and then has no auxiliary heads.
    """
    for name in ("forward_to_learn", "forward_with_aux"):
        if hasattr(module, name):
            found: tuple[Tensor, tuple[Tensor, ...]] = getattr(module, name)(images)
            return found
    return module(images), ()


Keep = Callable[[Tensor, Mapping[str, Tensor]], Tensor]


@torch.inference_mode()
def outputs_of(module: nn.Module, batches: Iterable[Pictures], keep: Keep | None = None) -> Tensor:
    """(N, ...) float32 of every picture, in order, on the CPU; the module's mode is restored.

    Where a module has ``forward_to_measure``, that is asked and told the right answers: a loss may need both.

    keep: what of a batch's outputs is kept, given its targets (`Learner.kept`); all of it by default.
    """
    was_training = module.training
    module.eval()
    parts = []
    try:
        for batch in batches:
            measured = getattr(module, "forward_to_measure", None)
            outputs = measured(batch.images, batch.targets) if measured else module(batch.images)
            outputs = outputs.float()
            parts.append((outputs if keep is None else keep(outputs, batch.targets)).cpu())
    finally:
        module.train(was_training)
    return torch.cat(parts)
