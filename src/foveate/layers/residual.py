"""The two blocks of ResNet (He et al.: Deep residual learning for image recognition, 2015): y = F(x) + x.

Deviation from the paper, as in torchvision: the bottleneck's stride is in its 3x3 convolution, not in the
first 1x1 ("ResNet v1.5"). Key names (``conv1``, ``bn1``, ``downsample.0``) are torchvision's; but each ReLU
has a name of its own, so that the activation of each can be looked at.
"""

from __future__ import annotations

from typing import ClassVar

from foveate.operators.optional_torch import Tensor, nn


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside the shortcut. (N, C, H, W) to (N, channels, ⌈H/stride⌉, …)."""

    expansion: ClassVar[int] = 1

    def __init__(self, in_channels: int, channels: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample = _downsample(in_channels, channels, stride)
        self.relu2 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        out = self.relu1(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return self.relu2(out + shortcut)


class Bottleneck(nn.Module):
    """1x1 to ``channels``, 3x3, 1x1 to 4·channels. (N, C, H, W) to (N, 4·channels, ⌈H/stride⌉, …).

    ``dilation`` is that of the 3x3 convolution. ResNeXt's (Xie et al.: Aggregated residual transformations
    for deep neural networks, 2016) is in ``groups``, and has ``inner`` channels in place of ``channels``.
    """

    expansion: ClassVar[int] = 4

    def __init__(
        self,
        in_channels: int,
        channels: int,
        stride: int = 1,
        dilation: int = 1,
        *,
        groups: int = 1,
        inner: int | None = None,
    ) -> None:
        super().__init__()
        inner, out_channels = channels if inner is None else inner, channels * self.expansion
        self.conv1 = nn.Conv2d(in_channels, inner, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inner)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(inner, inner, 3, stride, dilation, dilation, groups, bias=False)
        self.bn2 = nn.BatchNorm2d(inner)
        self.relu2 = nn.ReLU()
        self.conv3 = nn.Conv2d(inner, out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.downsample = _downsample(in_channels, out_channels, stride)
        self.relu3 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        out = self.relu1(self.bn1(self.conv1(x)))
        out = self.relu2(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        return self.relu3(out + shortcut)


def _downsample(in_channels: int, out_channels: int, stride: int) -> nn.Sequential | None:
    """The paper's option B: a 1x1 convolution on the shortcut where, and only where, the shape changes."""
    if stride == 1 and in_channels == out_channels:
        return None
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels)
    )
