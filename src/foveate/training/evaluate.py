"""What a network puts out for a whole split."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import torch
from torch import Tensor, nn


class Pictures(Protocol):
    """images: (N, C, H, W) float."""

    @property
    def images(self) -> Tensor: ...


@torch.inference_mode()
def outputs_of(module: nn.Module, batches: Iterable[Pictures]) -> Tensor:
    """(N, ...) float32 of every picture, in order, on the CPU; the module's mode is restored."""
    was_training = module.training
    module.eval()
    try:
        parts = [module(batch.images).float().cpu() for batch in batches]
    finally:
        module.train(was_training)
    return torch.cat(parts)
