"""Of a vision transformer: how its tokens lie in the picture, and which steps are attention's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from foveate.errors import InputError
from foveate.explanation.rollout import attention_layers
from foveate.models.anatomy import Network
from foveate.models.model import Model
from foveate.operators.sums import Step


def describe(net: Model, steps: Sequence[Step]) -> dict[str, Any] | None:
    """How its tokens lie, or None for a network without tokens of patches.

    own: how many tokens stand before those of the patches, which follow row by row. grid: how many patches
    down and across. patch: their side in pixels. blocks: of each the ``node`` whose maps are its heads'
    attention weights (a row is the token that looks, a column what it looks at), and ``sum``, the nodes
    behind one of these numbers: the products of query and key, their scaling, the softmax.
    """
    module = net.module
    try:
        layers = attention_layers(module)
    except InputError:
        return None
    if not isinstance(module, Network):
        return None
    (patch,) = module.windows
    blocks = [_block(name, steps) for name in layers]
    return {
        "own": module.own_tokens,
        "grid": list(module.map_size(*net.input_shape[1:])),
        "patch": patch.stride,
        "blocks": blocks,
    }


def _block(layer: str, steps: Sequence[Step]) -> dict[str, Any]:
    number = next(i for i, step in enumerate(steps) if step.module == f"{layer}.softmax")
    chain = [number]
    while steps[chain[0]].op != "matmul":
        chain.insert(0, steps[chain[0]].inputs[0])
    return {"node": f"n{number}", "heads": steps[number].shape[0], "sum": [f"n{i}" for i in chain]}
