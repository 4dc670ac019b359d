"""A checked blueprint as a torch module, with the anatomy of all networks here."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from foveate.errors import ShapeError
from foveate.layers.known import BLUEPRINT_LAYERS
from foveate.models.anatomy import Network
from foveate.models.blueprint_reader import Layer

if TYPE_CHECKING:
    from foveate.models.blueprint import Blueprint


class BlueprintNetwork(Network):
    """``layers.0``, ``layers.1``, … are the blueprint's layers; the head begins where the map ends.

    Inside blocks: ``layers.6.layers.0`` and ``layers.6.shortcut.0`` in a residual, ``layers.6.branches.1.0``
    in a parallel, ``layers.6.1.0`` (round, layer) in a repeat, ``layers.6.layers.0`` in an unpool; all
    counted from 0.
    """

    def __init__(self, blueprint: Blueprint) -> None:
        super().__init__(
            num_features=blueprint.layers[blueprint.split].input_shape[0],
            num_classes=blueprint.layers[-1].output_shape[0],
            in_channels=blueprint.input[0],
            image_size=None if blueprint.any_size else blueprint.input[1:],
        )
        self.blueprint = blueprint
        self.layers = _sequence(blueprint.layers)

    def forward_features(self, x: Tensor) -> Tensor:
        """Pictures (N, in_channels, H, W) to the map (N, num_features, h, w) before the head."""
        self.check_input(x)
        return self.layers[: self.blueprint.split](x)

    def forward_head(self, features: Tensor) -> Tensor:
        """The map to scores before the softmax: (N, num_classes), or (N, num_classes, H, W) of the pixels."""
        return self.layers[self.blueprint.split :](features)

    def check_input(self, x: Tensor) -> None:
        """Refuse a batch that the layers cannot take, with the size formula and the numbers in it."""
        size = x.shape[2:]
        if x.ndim == 4 and self.image_size is not None and size != self.image_size:
            made_for, given = "x".join(map(str, self.image_size)), "x".join(map(str, size))
            raise ShapeError(
                f"This blueprint is for pictures of {made_for} (its head counts on that), and the input is "
                f"{given}; resize the pictures, or write `input: [{self.in_channels}, {size[0]}, {size[1]}]`."
            )
        super().check_input(x)
        if size != self.blueprint.input[1:]:
            self.blueprint.adapted(size=(size[0], size[1]))

    def classifier_layers(self) -> tuple[str, ...]:
        return (f"layers.{self.blueprint.output_index}",)

    def reset_classifier(self, num_classes: int) -> None:
        """Put a fresh layer that makes ``num_classes`` scores in the old one's place."""
        like = next(self.parameters())
        blueprint = self.blueprint.adapted(classes=num_classes)
        index = blueprint.output_index
        self.layers[index] = _module(blueprint.layers[index]).to(like.device, like.dtype)
        self.blueprint, self.num_classes = blueprint, num_classes


class Residual(nn.Module):
    """The sum of two paths over one input; an empty shortcut is the identity (He et al., 2015)."""

    def __init__(self, layers: nn.Sequential, shortcut: nn.Sequential) -> None:
        super().__init__()
        self.layers = layers
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x) + self.shortcut(x)


class Parallel(nn.Module):
    """Several paths over one input, their channels put behind each other (Szegedy et al., 2014)."""

    def __init__(self, branches: list[nn.Sequential]) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], dim=1)


class Unpool(nn.Module):
    """Layers on a pooled map, whose values go back to where the greatest were (SegNet's pair, 2015)."""

    def __init__(self, size: tuple[int, int], layers: nn.Sequential) -> None:
        super().__init__()
        self.size = size
        self.layers = layers

    def forward(self, x: Tensor) -> Tensor:
        pooled, places = F.max_pool2d(x, self.size, return_indices=True)
        return F.max_unpool2d(self.layers(pooled), places, self.size, output_size=x.shape[-2:])

    def extra_repr(self) -> str:
        return f"size={self.size}"


def _sequence(layers: tuple[Layer, ...]) -> nn.Sequential:
    return nn.Sequential(*map(_module, layers))


def _module(layer: Layer) -> nn.Module:
    if layer.kind in _BLOCKS:
        return _BLOCKS[layer.kind](layer)
    return BLUEPRINT_LAYERS[layer.kind].make(layer.input_shape, **layer.arguments)


_BLOCKS: dict[str, Callable[[Layer], nn.Module]] = {
    "residual": lambda layer: Residual(_sequence(layer.parts[0]), _sequence(layer.parts[1])),
    "parallel": lambda layer: Parallel([_sequence(part) for part in layer.parts]),
    "unpool": lambda layer: Unpool(layer.arguments["size"], _sequence(layer.parts[0])),
    "repeat": lambda layer: nn.Sequential(*map(_sequence, layer.parts)),
}
