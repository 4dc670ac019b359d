"""Looking at a layer while the network runs; a layer that works in place behind it disturbs nothing.

A hook keeps what the layer gave and hands a copy on: what comes next may overwrite the copy, and gradients
flow back through it as if nothing stood there. The network is left as it was found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from foveate.errors import InputError, UnknownNameError
from foveate.graph.trace import Numbering, Trace, evaluating, trace
from foveate.layers.attention import MultiHeadAttention
from foveate.models.anatomy import Network
from foveate.operators.reading import Value
from foveate.tasks.learning import one_of

# (what a network gives for N pictures, their labels (N,)) -> (N,)
Score = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Watched:
    """What of a network's outputs an explanation is about; by default the label's own output.

    score: what is explained. value: what the answer says, which falls when something is hidden. A task's
    `Learner` has both.
    """

    score: Score = one_of
    value: Score = one_of


OUTPUT = Watched()


# What hands its input on, and what resizes the last map to a fixed grid: no maps of their own to look at.
_TRANSPARENT = (nn.Identity, nn.Dropout, nn.Dropout2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d)


@dataclass(frozen=True)
class MapLayer:
    """A call of a layer or block that gives a map: its name, the module, and its (C, h, w).

    ``alias`` is set where a container only hands on what its last layer gave.
    """

    name: str
    module: nn.Module
    shape: tuple[int, int, int]
    alias: bool


def map_layers(module: nn.Module, x: Tensor) -> dict[str, MapLayer]:
    """Everything in the network that gives a map, by dotted name, in the order in which the maps are ready.

    Names are those of the modules, blocks included; what is called a second time is ``name#2``.

    Args:
        module: the network; it runs once on the first picture of ``x`` (N, C, H, W), in evaluation mode.
    """
    return _map_layers(trace(module, x[:1].clone()))


def _map_layers(traced: Trace) -> dict[str, MapLayer]:
    found: dict[str, MapLayer] = {}
    attention = (call for call in traced.modules if isinstance(call.module, MultiHeadAttention))
    weights = {f"{call.name}.softmax" for call in attention}  # of tokens for tokens: no map of the picture
    number, handed = Numbering(), -1  # the last value that was handed on: who gives it made nothing
    for call in traced.left():
        if not isinstance(call.out, Value) or not (call.name or not call.container):
            continue
        label, alias = number(call.name or type(call.module).__name__), call.out.number == handed
        handed = call.out.number
        if call.out.ndim == 4 and call.name not in weights:
            found[label] = MapLayer(label, call.module, _map_shape(call.out), alias)
    return found


def last_map(module: nn.Module, x: Tensor) -> str:
    """The name of the last layer whose map has places, h·w > 1: it has seen the most and can still point.

    A network that scores each pixel ends in maps of scores, which say what and not why, and makes them fine
    again before: of it, it is the last layer of its coarsest map (Vinogradova, Dibrov, Myers, *Towards
    interpretable semantic segmentation via gradient-weighted class activation mapping*, 2020). A transformer
    says itself where its tokens are to be looked at (`foveate.models.anatomy.Network.map_layer`).

    Raises:
        InputError: the network makes no such map of a picture of this size.
    """
    if isinstance(module, Network) and module.map_layer is not None:
        return module.map_layer
    traced = trace(module, x[:1].clone())
    layers = [
        layer
        for layer in _map_layers(traced).values()
        if not layer.alias
        and layer.shape[1] * layer.shape[2] > 1
        and not isinstance(layer.module, _TRANSPARENT)
    ]
    if isinstance(traced.out, Value) and traced.out.ndim == 4:
        return _coarsest(module, layers, int(traced.out.shape[1]))
    if not layers:
        raise InputError(
            f"{type(module).__name__} makes no map with more than one place of pictures of "
            f"{x.shape[-2]}x{x.shape[-1]}; there is nothing that could point. Try larger pictures, or a "
            "method that needs no map: integrated-gradients, occlusion, saliency."
        )
    return layers[-1].name


def _coarsest(module: nn.Module, layers: list[MapLayer], classes: int) -> str:
    """The last layer of the coarsest map that is none of scores: those have one channel a class."""
    left = [layer for layer in layers if layer.shape[0] != classes]
    if not left:
        raise InputError(
            f"{type(module).__name__} makes no map before its scores; there is nothing that could point. "
            "Take a method that needs no map: integrated-gradients, occlusion, saliency."
        )
    least = min(layer.shape[1] * layer.shape[2] for layer in left)
    return [layer.name for layer in left if layer.shape[1] * layer.shape[2] == least][-1]


def at_once(x: Tensor, most: int = 32) -> int:
    """How many pictures as large as those of ``x`` (N, C, H, W) run together: less memory for larger ones."""
    return max(1, min(most, most * 224 * 224 // (x.shape[-2] * x.shape[-1])))


@contextmanager
def capturing(module: nn.Module, name: str) -> Iterator[list[Tensor]]:
    """While the block lasts, each run of the network adds what the named layer gave to the list.

    The tensors are part of the graph: gradients with respect to them can be asked for.

    Raises:
        UnknownNameError: the network has no module of this name.
    """
    path, _, call = name.partition("#")
    layers = dict(_named(module))
    if path not in layers or not (call == "" or call.isdigit()):
        raise UnknownNameError("layer", name, layers)
    number, found = Numbering(), []

    def hook(layer: nn.Module, args: Any, out: Any) -> Tensor | None:
        if not isinstance(out, Tensor) or number(path) != name.removesuffix("#1"):
            return None
        found.append(out)
        return out.clone()

    def begin(network: nn.Module, args: Any) -> None:
        nonlocal number
        number = Numbering()  # each run counts its calls anew

    handles = [module.register_forward_pre_hook(begin), layers[path].register_forward_hook(hook)]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


def activation_of(module: nn.Module, x: Tensor, name: str) -> Tensor:
    """What the named layer gives for a batch, (N, C, h, w) or (N, F), in evaluation mode.

    A transformer's tokens are given as maps (`as_map`).
    """
    with capturing(module, name) as found, evaluating(module), torch.no_grad():
        module(x.clone())
    return as_map(module, called(found, name))


def called(found: list[Tensor], name: str) -> Tensor:
    """The last tensor that a layer gave. Raises InputError where the layer was not called at all."""
    if not found:
        raise InputError(
            f"Layer {name!r} takes no part in looking at a picture (auxiliary heads do not, and not every "
            "layer is called twice); `foveate summary` lists those that do."
        )
    return found[-1]


def scores_of(module: nn.Module, x: Tensor, target: int | Tensor, score: Score = one_of) -> Tensor:
    """The number of each picture that is explained, (N,); target: the label, or one for each picture (N,).

    Raises ShapeError or InputError where the network gives no such number.
    """
    outputs = module(x.clone())  # a first layer that works in place must not write into the caller's pictures
    return score(outputs, torch.as_tensor(target, device=x.device).expand(len(x)))


def as_map(module: nn.Module, values: Tensor) -> Tensor:
    """What a layer gave, as maps (N, C, h, w): tokens as their patches lie in the picture."""
    if values.ndim == 3 and isinstance(module, Network) and module.map_layer is not None:
        return module.token_map(values)
    return values


def _named(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """All modules inside by their dotted names; a network that is a single layer goes by its kind."""
    for name, child in module.named_modules():
        if name or next(module.children(), None) is None:
            yield name or type(child).__name__, child


def _map_shape(out: Value) -> tuple[int, int, int]:
    return int(out.shape[1]), int(out.shape[2]), int(out.shape[3])
