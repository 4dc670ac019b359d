"""Squeeze-and-excitation (Hu, Shen, Sun: Squeeze-and-excitation networks, 2018)."""

from __future__ import annotations

from torch import Tensor, nn


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
