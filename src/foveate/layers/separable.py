"""Depthwise-separable convolution (Chollet: Xception, 2016; Howard et al.: MobileNets, 2017)."""

from __future__ import annotations

import math
from typing import Any

from foveate.layers.convolution import WINDOW, Conv2d
from foveate.layers.padding import Padding, places
from foveate.operators.blueprint import Argument, Arguments, BlueprintLayer, Count, Shape, a_map
from foveate.operators.optional_torch import Tensor, nn
from foveate.operators.table import in_blueprints


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


def _shape(args: Arguments, shape: Shape) -> Shape:
    return args["filters"], *places(args, a_map(shape), args["kernel"])


def _make(shape: Shape, *, filters: int, kernel: tuple[int, int], **window: Any) -> nn.Module:
    return SeparableConv2d(shape[0], filters, kernel, **window)


in_blueprints(
    {
        "separable_conv": BlueprintLayer(
            _make,
            "convolution",
            "A depthwise convolution, then a 1×1 that mixes the channels.",
            shape=_shape,
            arguments={"filters": Argument(Count()), **WINDOW},
            parameters=lambda a, s: s[0] * math.prod(a["kernel"]) + a["filters"] * (s[0] + a["bias"]),
            start={"filters": 16, "kernel": 3, "padding": 1},
        )
    }
)
