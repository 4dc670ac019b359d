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


Keep = Callable[[Tensor, Mapping[str, Tensor]], Tensor]


@torch.inference_mode()
def outputs_of(module: nn.Module, batches: Iterable[Pictures], keep: Keep | None = None) -> Tensor:
    """(N, ...) float32 of every picture, in order, on the CPU; the module's mode is restored.

    keep: what of a batch's outputs is kept, given its targets (`Learner.kept`); all of it by default.
    """
    was_training = module.training
    module.eval()
    parts = []
    try:
        for batch in batches:
            outputs = module(batch.images).float()
            parts.append((outputs if keep is None else keep(outputs, batch.targets)).cpu())
    finally:
        module.train(was_training)
    return torch.cat(parts)
