"""Random networks whose features do not fade: what they answer is told apart."""

from __future__ import annotations

from typing import Any, TypeVar

import torch
from torch import Tensor, nn

Network = TypeVar("Network", bound=nn.Module)


@torch.no_grad()
def spread(network: Network, x: Tensor, part: str = "") -> Network:
    """The network with weights such that the outputs of each layer (of a part) deviate by 1 on such pictures.

    (Mishkin and Matas, arXiv 1511.06422.) In a deep trunk from chance whose norms do nothing features fade:
    the scores of the small MobileNet's anchors differed by 3e-7, less than rounding.
    """
    seen: set[nn.Module] = set()

    def rescale(layer: nn.Module, _: Any, found: Tensor) -> Tensor | None:
        if layer in seen:  # of the next level
            return None
        seen.add(layer)
        layer.get_parameter("weight").div_(found.std())
        return found / found.std()

    layers = [
        one
        for key, one in network.named_modules()
        if key.startswith(part) and isinstance(one, nn.Conv2d | nn.Linear)
    ]
    for layer in layers:
        if layer.bias is not None:
            layer.bias.zero_()  # a prior of the scores would grow with the weights
    hooks = [one.register_forward_hook(rescale) for one in layers]
    network(x)
    for hook in hooks:
        hook.remove()
    return network
