"""Squeeze-and-excitation (Hu, Shen, Sun: Squeeze-and-excitation networks, 2018)."""

from __future__ import annotations

from foveate.operators.blueprint import MAX_CHANNELS, Argument, Arguments, BlueprintLayer, Shape, Whole, a_map
from foveate.operators.optional_torch import Tensor, nn
from foveate.operators.table import in_blueprints


class SqueezeExcitation(nn.Module):
    """Each channel times a number in 0..1, computed from the means of all channels by two dense layers.

    Shapes: (N, in_channels, H, W) to the same. The dense layers are 1x1 convolutions named ``fc1`` and
    ``fc2``, as in torchvision.
    """

    def __init__(
        self, in_channels: int, squeeze_channels: int, activation: type[nn.Module] = nn.ReLU
    ) -> None:
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(in_channels, squeeze_channels, 1)
        self.activation = activation()
        self.fc2 = nn.Conv2d(squeeze_channels, in_channels, 1)
        self.gate = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        squeezed = self.activation(self.fc1(self.avgpool(x)))  # (N, squeeze_channels, 1, 1)
        return x * self.gate(self.fc2(squeezed))


def _squeezed(channels: int, reduction: int) -> int:
    return max(1, channels // reduction)


def _parameters(args: Arguments, shape: Shape) -> int:
    middle = _squeezed(shape[0], args["reduction"])
    return 2 * shape[0] * middle + shape[0] + middle


in_blueprints(
    {
        "squeeze_excite": BlueprintLayer(
            lambda shape, reduction: SqueezeExcitation(shape[0], _squeezed(shape[0], reduction)),
            "convolution",
            "Weighs each channel by what the whole map holds.",
            shape=lambda args, shape: a_map(shape),
            arguments={"reduction": Argument(Whole(1, MAX_CHANNELS), 16)},
            parameters=_parameters,
            scalar="reduction",
            start={"reduction": 4},
        )
    }
)
