"""What is refused before training: batches that a layer cannot learn from."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from foveate.batches.loader import TrainingBatches
from foveate.errors import InputError


def check_batches(module: nn.Module, batches: TrainingBatches) -> None:
    """Refuse batches of one picture where a layer would take the spread of a single value.

    Raises:
        InputError: with the layer's name.
    """
    smallest = min(last - first for first, last in batches.bounds)
    if smallest > 1:
        return
    alone: list[str] = []

    def look(name: str) -> Callable[[nn.Module, tuple[torch.Tensor, ...]], None]:
        def hook(layer: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
            if inputs[0].numel() == inputs[0].shape[1]:  # (1, C) or (1, C, 1, 1)
                alone.append(name)

        return hook

    norms = [(name, one) for name, one in module.named_modules() if isinstance(one, _BatchNorm)]
    hooks = [layer.register_forward_pre_hook(look(name)) for name, layer in norms]
    was_training = module.training
    with torch.inference_mode():
        module.eval()(next(batches.epoch(0)).images[:1])
    module.train(was_training)
    for hook in hooks:
        hook.remove()
    if alone:
        what = "--batch-size 1" if len(batches) > 1 else "A single training picture"
        raise InputError(
            f"{what}: layer {alone[0]} (batch norm) divides by the spread of each channel's values, of which "
            "one picture gives it a single one; train on batches of 2 or more."
        )
