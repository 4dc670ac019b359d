"""Optimisers from settings: torch's own, with the parameter groups that convolutional networks want."""

from __future__ import annotations

import torch
from torch import nn

from foveate.training.settings import OptimiserSettings

_NORMS = (nn.modules.batchnorm._BatchNorm, nn.LayerNorm, nn.GroupNorm)


def parameter_groups(module: nn.Module, settings: OptimiserSettings) -> list[dict[str, object]]:
    """Filters with weight decay; biases and norms without; norm biases with their own learning rate.

    Parameters that do not require gradients (a frozen first layer) are left out. Every other parameter is
    in exactly one group.
    """
    norm_biases = {
        id(child.bias) for child in module.modules() if isinstance(child, _NORMS) and child.bias is not None
    }
    decayed, plain, biases = [], [], []
    for parameter in module.parameters():
        if not parameter.requires_grad:
            continue
        if id(parameter) in norm_biases and settings.norm_bias_factor != 1:
            biases.append(parameter)
        elif parameter.ndim < 2:
            plain.append(parameter)
        else:
            decayed.append(parameter)
    groups = [
        {"params": decayed, "weight_decay": settings.weight_decay, "factor": 1.0},
        {"params": plain, "weight_decay": 0.0, "factor": 1.0},
        {"params": biases, "weight_decay": 0.0, "factor": settings.norm_bias_factor},
    ]
    return [group for group in groups if group["params"]]


def make_optimiser(module: nn.Module, settings: OptimiserSettings) -> torch.optim.Optimizer:
    """The optimiser over the module's trainable parameters.

    Each group carries ``factor``: its learning rate is the schedule's times this.
    """
    groups = parameter_groups(module, settings)
    rate = settings.learning_rate
    if settings.name == "sgd":
        return torch.optim.SGD(
            groups,
            lr=rate,
            momentum=settings.momentum,
            nesterov=settings.nesterov and settings.momentum > 0,
            fused=True,
        )
    kind = torch.optim.Adam if settings.name == "adam" else torch.optim.AdamW
    return kind(groups, lr=rate, betas=settings.betas, fused=True)


def set_learning_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Set every group's learning rate to ``rate`` times the group's own factor."""
    for group in optimiser.param_groups:
        group["lr"] = rate * group["factor"]
