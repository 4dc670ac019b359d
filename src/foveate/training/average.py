"""An exponential moving average of a network's weights: a smoother network than any single step's."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


class WeightAverage:
    """Keeps ``average.module``, the moving average of ``module``'s parameters and floating-point buffers.

    Args:
        half_life_steps: after so many steps a weight's share in the average has halved. Early in training
            the average is over fewer steps (decay ``(1 + t) / (10 + t)``), so that it does not remember
            the random start.
    """

    def __init__(self, module: nn.Module, half_life_steps: float) -> None:
        self.decay = 0.5 ** (1 / half_life_steps)
        self.module = copy.deepcopy(module).eval().requires_grad_(False)
        self.steps = 0

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Move the average towards the module's present weights; counters are copied."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        ours, theirs = _tensors(self.module), _tensors(module)
        floating = [(a, b) for a, b in zip(ours, theirs, strict=True) if a.is_floating_point()]
        torch._foreach_lerp_([a for a, _ in floating], [b for _, b in floating], 1 - decay)
        for a, b in zip(ours, theirs, strict=True):
            if not a.is_floating_point():
                a.copy_(b)


def _tensors(module: nn.Module) -> list[Tensor]:
    return [*(p.data for p in module.parameters()), *module.buffers()]
