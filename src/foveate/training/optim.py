"""Optimisers from settings: torch's own, with the parameter groups that convolutional networks want."""

from __future__ import annotations

import torch
from torch import Tensor, nn

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
    stages = {stage: number for number, stage in enumerate(stages_of(module))}
    trunk = tuple(f"{layer}." for layer in getattr(module, "trunk_layers", ()))
    members: dict[tuple[int, float, float], list[nn.Parameter]] = {}
    for name, parameter in module.named_parameters():
        if not parameter.requires_grad:
            continue
        kind, decay, factor = 0, settings.weight_decay, 1.0
        if id(parameter) in norm_biases and settings.norm_bias_factor != 1:
            kind, decay, factor = 2, 0.0, settings.norm_bias_factor
        elif parameter.ndim < 2:
            kind, decay = 1, 0.0
        factor *= settings.stage_decay ** (len(stages) - 1 - stages[stage_of(name)])
        if name.startswith(trunk):
            factor *= settings.trunk_factor
        members.setdefault((kind, decay, factor), []).append(parameter)
    return [
        {"params": members[key], "weight_decay": key[1], "factor": key[2]}
        for key in sorted(members, key=lambda key: (key[0], -key[2]))
    ]


def stages_of(module: nn.Module) -> list[str]:
    """The stages of a network from the first to the last, as the beginnings of its parameters' names."""
    return list(dict.fromkeys(stage_of(name) for name, _ in module.named_parameters()))


def stage_of(name: str) -> str:
    """A parameter's name up to its first number: ``features.3``, ``layer2.0``; ``fc`` where it has none.

    A network with a field behind it (`foveate.models.refined`) has the stages that it has without, and the
    field's: ``network.fc`` is ``fc``.
    """
    parts = name.removeprefix("network.").split(".")
    number = next((place for place, part in enumerate(parts) if part.isdigit()), None)
    return parts[0] if number is None else ".".join(parts[: number + 1])


def make_optimiser(
    module: nn.Module, settings: OptimiserSettings, *, recorded: bool = False
) -> torch.optim.Optimizer:
    """The optimiser over the module's trainable parameters.

    Each group carries ``factor``: its learning rate is the schedule's times this. recorded: whether its steps
    are recorded (`foveate.batches.recording`); its learning rates are then tensors beside the weights.
    """
    groups = parameter_groups(module, settings)
    rate = settings.learning_rate
    if recorded:
        device = next(module.parameters()).device
        groups = [{**group, "lr": torch.tensor(rate, device=device)} for group in groups]
    if settings.name == "sgd":
        return torch.optim.SGD(
            groups,
            lr=rate,
            momentum=settings.momentum,
            nesterov=settings.nesterov and settings.momentum > 0,
            fused=True,
        )
    kind = torch.optim.Adam if settings.name == "adam" else torch.optim.AdamW
    on_card = recorded and device.type == "cuda"
    optimiser = kind(groups, lr=rate, betas=settings.betas, fused=True, capturable=on_card)
    # It warns of steps that are not recorded, as the first ones are.
    optimiser._warned_capturable_if_run_uncaptured = True
    return optimiser


def set_learning_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Set every group's learning rate to ``rate`` times the group's own factor."""
    for group in optimiser.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate * group["factor"])
        else:
            group["lr"] = rate * group["factor"]
