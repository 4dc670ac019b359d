"""The inception module of GoogLeNet (Szegedy et al.: Going deeper with convolutions, 2014), and side heads.

Deviations from the paper, as in torchvision, whose key names these are (``branch1.conv``, ``branch2.0.bn``):

- the "5x5" branch has a 3x3 kernel: torchvision's weights were trained so, a known slip of its port;
- batch norm (2015) behind each convolution, which has no bias then;
- the side heads pool to 4x4 whatever the picture's size; in the paper 5x5 windows with stride 3 give 4x4.
"""

from __future__ import annotations

from foveate.operators.optional_torch import Tensor, nn, torch


class BasicConv2d(nn.Module):
    """Convolution without bias, batch norm (eps 0.001), ReLU. (N, C, H, W) to (N, out_channels, H', W')."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, stride: int = 1, padding: int = 0
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(out_channels, eps=0.001)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.bn(self.conv(x)))


class Inception(nn.Module):
    """Four branches over one input, joined channel behind channel; arguments as in the paper's table 1.

    Shapes: (N, in_channels, H, W) to (N, out_channels, H, W), the branches' channels summed.

    Args:
        conv1: filters of the 1x1 branch.
        conv3: filters of the 1x1 reduction, and of the 3x3 convolution behind it.
        conv5: the same for the "5x5" branch (3x3 here, see the head of this file).
        pool: 1x1 filters behind the 3x3 max pooling.
    """

    def __init__(
        self, in_channels: int, conv1: int, conv3: tuple[int, int], conv5: tuple[int, int], pool: int
    ) -> None:
        super().__init__()
        self.branch1 = BasicConv2d(in_channels, conv1, 1)
        self.branch2 = nn.Sequential(BasicConv2d(in_channels, conv3[0], 1), BasicConv2d(*conv3, 3, padding=1))
        self.branch3 = nn.Sequential(BasicConv2d(in_channels, conv5[0], 1), BasicConv2d(*conv5, 3, padding=1))
        self.branch4 = nn.Sequential(nn.MaxPool2d(3, 1, padding=1), BasicConv2d(in_channels, pool, 1))
        self.out_channels = conv1 + conv3[1] + conv5[1] + pool

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], dim=1)


class InceptionAux(nn.Module):
    """A side head: scores from half-way up, in training only. (N, in_channels, H, W) to (N, num_classes)."""

    def __init__(self, in_channels: int, num_classes: int, dropout: float = 0.7) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(4)
        self.conv = BasicConv2d(in_channels, 128, 1)
        self.fc1 = nn.Linear(128 * 4 * 4, 1024)
        self.relu = nn.ReLU()
        self.dropout = nn.Dropout(dropout)
        self.fc2 = nn.Linear(1024, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(self.pool(x))  # (N, 128, 4, 4)
        x = self.relu(self.fc1(x.flatten(1)))  # (N, 1024)
        return self.fc2(self.dropout(x))
