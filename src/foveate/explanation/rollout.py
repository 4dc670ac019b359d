"""Attention roll-out: how much of each patch has come into what the answer is made of, through all blocks.

Abnar and Zuidema, *Quantifying attention flow in transformers*, ACL 2020 (arXiv:2005.00928), section 3: the
heads of a block are averaged, half of each token is what it was before (the residual path), and the blocks'
matrices are multiplied. It follows attention alone: what values hold, and what the dense layers make of
them, it does not know, and it is the same whichever label is asked about.
"""

from __future__ import annotations

from contextlib import ExitStack

import torch
from torch import Tensor, nn

from foveate.errors import InputError
from foveate.explanation.hooks import called, capturing
from foveate.graph.trace import evaluating
from foveate.layers.attention import MultiHeadAttention
from foveate.models.anatomy import Network


def attention_layers(module: nn.Module) -> tuple[str, ...]:
    """The dotted names of the layers in which tokens attend to each other, in the order they were made.

    Raises InputError for a network that has no tokens of patches: attention among the places of a map, which
    goes back into the map, cannot be followed so.
    """
    found = tuple(name for name, part in module.named_modules() if isinstance(part, MultiHeadAttention))
    if not isinstance(module, Network) or not module.own_tokens or not found:
        raise InputError(
            f"{type(module).__name__} has no tokens of patches that attend to each other, so there is no "
            "attention to roll out; vision transformers have (vit_b_16, deit_tiny). Take another method, "
            "such as grad-cam."
        )
    return found


def attention_of(module: nn.Module, x: Tensor) -> list[Tensor]:
    """The attention weights of each block, (N, heads, T, T): row i is where token i looks, and sums to 1.

    Args:
        module: a vision transformer; run in evaluation mode.
        x: normalised pictures, (N, C, H, W).

    Raises InputError as `attention_layers`.
    """
    names = [f"{name}.softmax" for name in attention_layers(module)]
    with ExitStack() as stack:
        found = [stack.enter_context(capturing(module, name)) for name in names]
        stack.enter_context(evaluating(module))
        stack.enter_context(torch.no_grad())
        module(x.clone())
        return [called(one, name) for one, name in zip(found, names, strict=True)]


def rolled_out(weights: list[Tensor]) -> Tensor:
    """The blocks' weights (N, heads, T, T) to (N, T, T): how much of each at first is in each at last."""
    identity = torch.eye(weights[0].shape[-1], dtype=weights[0].dtype, device=weights[0].device)
    total = identity.expand(len(weights[0]), -1, -1)
    for block in weights:
        total = (block.mean(dim=1) + identity) / 2 @ total
    return total


def rollout(module: nn.Module, x: Tensor) -> Tensor:
    """How much of each patch is in the tokens that the answer is made of: (N, h, w), a cell a patch.

    What these tokens hold of themselves is left out, so a map sums to less than 1. Raises InputError as
    `attention_layers`.
    """
    own_tokens = _network(module).own_tokens
    total = rolled_out(attention_of(module, x))
    return _network(module).token_map(total[:, :own_tokens].mean(dim=1)[..., None])[:, 0]


def _network(module: nn.Module) -> Network:
    attention_layers(module)  # raises InputError
    if not isinstance(module, Network):
        raise TypeError(f"{type(module).__name__} is no foveate.Network")
    return module
