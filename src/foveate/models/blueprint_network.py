"""A checked blueprint as a torch module, with the anatomy of all networks here."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from foveate.errors import ShapeError
from foveate.layers.convolution import Conv2d
from foveate.layers.pooling import (
    DistanceWeightedPool2d,
    GlobalAvgPool2d,
    GlobalMaxPool2d,
    L2Pool2d,
    MinPool2d,
    SumPool2d,
)
from foveate.layers.separable import SeparableConv2d
from foveate.layers.squeeze_excite import SqueezeExcitation
from foveate.models.anatomy import Network
from foveate.models.blueprint_layers import squeezed
from foveate.models.blueprint_reader import Layer

if TYPE_CHECKING:
    from foveate.models.blueprint import Blueprint


class BlueprintNetwork(Network):
    """``layers.0``, ``layers.1``, … are the blueprint's layers; the head begins where the map ends.

    Inside blocks: ``layers.6.layers.0`` and ``layers.6.shortcut.0`` in a residual, ``layers.6.branches.1.0``
    in a parallel, ``layers.6.1.0`` (round, layer) in a repeat; all counted from 0.
    """

    def __init__(self, blueprint: Blueprint) -> None:
        features = blueprint.layers[: blueprint.split]
        super().__init__(
            num_features=features[-1].output_shape[0] if features else blueprint.input[0],
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
        """The map to scores before the softmax (N, num_classes)."""
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


def _sequence(layers: tuple[Layer, ...]) -> nn.Sequential:
    return nn.Sequential(*map(_module, layers))


def _module(layer: Layer) -> nn.Module:
    return _MODULES[layer.kind](layer)


def _conv(layer: Layer, *, filters: int, kernel: tuple[int, int], **window: Any) -> nn.Module:
    return Conv2d(layer.input_shape[0], filters, kernel, **window)


def _depthwise(layer: Layer, *, kernel: tuple[int, int], multiplier: int, **window: Any) -> nn.Module:
    channels = layer.input_shape[0]
    return Conv2d(channels, channels * multiplier, kernel, groups=channels, **window)


def _separable(layer: Layer, *, filters: int, kernel: tuple[int, int], **window: Any) -> nn.Module:
    return SeparableConv2d(layer.input_shape[0], filters, kernel, **window)


def _squeeze_excite(layer: Layer, *, reduction: int) -> nn.Module:
    channels = layer.input_shape[0]
    return SqueezeExcitation(channels, squeezed(channels, reduction))


def _batch_norm(layer: Layer, *, eps: float, momentum: float) -> nn.Module:
    norm = nn.BatchNorm2d if len(layer.input_shape) == 3 else nn.BatchNorm1d
    return norm(layer.input_shape[0], eps=eps, momentum=momentum)


def _pool(
    pooling: Callable[..., nn.Module],
    layer: Layer,
    *,
    size: tuple[int, int],
    stride: tuple[int, int] | None,
    **window: Any,
) -> nn.Module:
    return pooling(size, stride or size, **window)


def _global(pooling: Callable[..., nn.Module], layer: Layer) -> nn.Module:
    return nn.Sequential(pooling(), nn.Flatten())


def _dense(layer: Layer, *, units: int, bias: bool) -> nn.Module:
    return nn.Linear(layer.input_shape[0], units, bias)


def _with_arguments(make: Callable[..., nn.Module]) -> Callable[[Layer], nn.Module]:
    return lambda layer: make(layer, **layer.arguments)


_MODULES: dict[str, Callable[[Layer], nn.Module]] = {
    "conv": _with_arguments(_conv),
    "depthwise_conv": _with_arguments(_depthwise),
    "separable_conv": _with_arguments(_separable),
    "squeeze_excite": _with_arguments(_squeeze_excite),
    "batch_norm": _with_arguments(_batch_norm),
    "relu": lambda layer: nn.ReLU(),
    "leaky_relu": lambda layer: nn.LeakyReLU(layer.arguments["slope"]),
    "relu6": lambda layer: nn.ReLU6(),
    "silu": lambda layer: nn.SiLU(),
    "sigmoid": lambda layer: nn.Sigmoid(),
    "tanh": lambda layer: nn.Tanh(),
    "max_pool": _with_arguments(partial(_pool, nn.MaxPool2d)),
    "avg_pool": _with_arguments(partial(_pool, nn.AvgPool2d)),
    "min_pool": _with_arguments(partial(_pool, MinPool2d)),
    "sum_pool": _with_arguments(partial(_pool, SumPool2d)),
    "l2_pool": _with_arguments(partial(_pool, L2Pool2d)),
    "gaussian_pool": _with_arguments(partial(_pool, DistanceWeightedPool2d)),
    "global_avg_pool": _with_arguments(partial(_global, GlobalAvgPool2d)),
    "global_max_pool": _with_arguments(partial(_global, GlobalMaxPool2d)),
    "adaptive_avg_pool": lambda layer: nn.AdaptiveAvgPool2d(layer.arguments["size"]),
    "dropout": lambda layer: nn.Dropout(layer.arguments["p"]),
    "flatten": lambda layer: nn.Flatten(),
    "dense": _with_arguments(_dense),
    "residual": lambda layer: Residual(_sequence(layer.parts[0]), _sequence(layer.parts[1])),
    "parallel": lambda layer: Parallel([_sequence(part) for part in layer.parts]),
    "repeat": lambda layer: nn.Sequential(*map(_sequence, layer.parts)),
}
