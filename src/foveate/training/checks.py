"""What is refused before training: pictures of a size, and batches, that a network cannot take."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from foveate.batches.loader import TrainingBatches
from foveate.errors import InputError
from foveate.tasks.base import Task
from foveate.words import setting


def check_batches(module: nn.Module, batches: TrainingBatches, accumulate: int = 1) -> None:
    """Refuse batches, or parts of them, of one picture where a layer would take the spread of a single value.

    accumulate: in how many parts each batch is computed.

    Raises:
        InputError: with the layer's name.
    """
    if batches.bounds.smallest >= 2 * accumulate:
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
        what = setting("batch_size", 1) if len(batches) > 1 else "A single training picture"
        if batches.bounds.smallest > 1:
            what = f"{setting('accumulate', accumulate)} of a batch of {batches.bounds.smallest}"
        raise InputError(
            f"{what}: layer {alone[0]} (batch norm) divides by the spread of each channel's values, of which "
            "one picture gives it a single one; train on batches of 2 or more."
        )


def check_takes(module: nn.Module, shape: tuple[int, int, int], task: Task) -> None:
    """Send two pictures through, so that a size the network cannot take is refused before training.

    Args:
        shape: (C, H, W) of a picture.

    Raises:
        ShapeError: from the network, with the formula.
        InputError: the outputs are not what the task's labels need.
    """
    device = next(module.parameters()).device
    was_training = module.training
    with torch.inference_mode():
        outputs = module.eval()(torch.zeros(2, *shape, device=device))
    module.train(was_training)
    expected = (2, *task.raw_shape(*shape[1:]))
    if not task.takes_outputs(outputs.shape, *shape[1:]):
        whole, pixels = "whole pictures", "each pixel"
        scored, wanted = (pixels if axes == 4 else whole for axes in (outputs.ndim, len(expected)))
        advice = f"; it scores {scored}, and `foveate models` tells those that score {wanted}"
        raise InputError(
            f"The network gives outputs of shape {tuple(outputs.shape)} for 2 pictures; "
            f"{len(task.labels)} {task.called} need {expected}{advice if scored != wanted else ''}."
        )
