"""Every intermediate result of a network by its dotted name: one tracer for explanations and the page."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from foveate.analysis.walk import Numbering, call_names, evaluating


def trace(module: nn.Module, x: Tensor) -> dict[str, Tensor]:
    """Run the network on ``x`` and keep what each layer gave.

    Args:
        module: any module. It runs in evaluation mode and without gradients, and is left as it was found:
            no hooks, every submodule in its own mode, no statistics changed.
        x: a batch, (N, C, H, W).

    Returns:
        Dotted name -> activation, in the order of the calls. Layers are the modules without children (and
        those with parameters of their own; ``nn.Identity`` is left out); a module called a second time is
        ``name#2``. Functions such as ``F.relu`` are not modules and are not seen. The tensors are copies: a
        layer that works in place cannot overwrite what the one before gave.
    """
    activations: dict[str, Tensor] = {}
    number = Numbering()
    handles = []

    def keep(name: str) -> Any:
        def hook(layer: nn.Module, args: Any, out: Any) -> None:
            if isinstance(out, Tensor):
                activations[number(name)] = out.detach().clone()

        return hook

    try:
        handles = [layer.register_forward_hook(keep(name)) for name, layer in call_names(module)]
        with evaluating(module), torch.no_grad():
            module(x)
    finally:
        for handle in handles:
            handle.remove()
    return activations
