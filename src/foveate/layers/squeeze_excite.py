"""Squeeze-and-excitation (Hu, Shen, Sun: Squeeze-and-excitation networks, 2018).

MobileNetV3 (Howard et al., 2019) has a hard sigmoid for its gate.
"""

from __future__ import annotations

from foveate.operators.blueprint import (
    MAX_CHANNELS,
    Argument,
    Arguments,
    BlueprintLayer,
    Choice,
    Shape,
    Whole,
    a_map,
)
from foveate.operators.optional_torch import Tensor, nn
from foveate.operators.table import in_blueprints

GATES: dict[str, type[nn.Module]] = {"sigmoid": nn.Sigmoid, "hardsigmoid": nn.Hardsigmoid}


class SqueezeExcitation(nn.Module):
    """Each channel times a number in 0..1, computed from the means of all channels by two dense layers.

    Shapes: (N, in_channels, H, W) to the same. The dense layers are 1x1 convolutions named ``fc1`` and
    ``fc2``, as in torchvision.
    """

    def __init__(
        self,
        in_channels: int,
        squeeze_channels: int,
        activation: type[nn.Module] = nn.ReLU,
        gate: type[nn.Module] = nn.Sigmoid,
    ) -> None:
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(in_channels, squeeze_channels, 1)
        self.activation = activation()
        self.fc2 = nn.Conv2d(squeeze_channels, in_channels, 1)
        self.gate = gate()

    def forward(self, x: Tensor) -> Tensor:
        squeezed = self.activation(self.fc1(self.avgpool(x)))  # (N, squeeze_channels, 1, 1)
        return x * self.gate(self.fc2(squeezed))


def _squeezed(channels: int, reduction: int) -> int:
    return max(1, channels // reduction)


def _make(shape: Shape, reduction: int, gate: str) -> nn.Module:
    return SqueezeExcitation(shape[0], _squeezed(shape[0], reduction), gate=GATES[gate])


def _parameters(args: Arguments, shape: Shape) -> int:
    middle = _squeezed(shape[0], args["reduction"])
    return 2 * shape[0] * middle + shape[0] + middle


in_blueprints(
    {
        "squeeze_excite": BlueprintLayer(
            _make,
            "convolution",
            "Weighs each channel by what the whole map holds.",
            shape=lambda args, shape: a_map(shape),
            arguments={
                "reduction": Argument(Whole(1, MAX_CHANNELS), 16),
                "gate": Argument(Choice(tuple(GATES)), "sigmoid"),
            },
            parameters=_parameters,
            scalar="reduction",
            start={"reduction": 4},
        )
    }
)
