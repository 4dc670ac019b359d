"""Depthwise-separable convolution (Chollet: Xception, 2016; Howard et al.: MobileNets, 2017)."""

from __future__ import annotations

from torch import Tensor, nn

from foveate.layers.convolution import Conv2d
from foveate.layers.padding import Padding


class SeparableConv2d(nn.Module):
    """Each channel filtered alone (``depthwise``), then mixed by a 1x1 convolution (``pointwise``).

    C·k·k + C·C_out weights in place of C·C_out·k·k. No norm and no activation between, as in Xception.

    Shapes: (N, in_channels, H, W) to (N, out_channels, H', W'). Raises ShapeError as :class:`Conv2d`.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        padding: Padding = 0,
        *,
        dilation: int | tuple[int, int] = 1,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.depthwise = Conv2d(
            in_channels,
            in_channels,
            kernel_size,
            stride,
            padding,
            dilation=dilation,
            groups=in_channels,
            bias=False,
        )
        self.pointwise = Conv2d(in_channels, out_channels, 1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.pointwise(self.depthwise(x))
