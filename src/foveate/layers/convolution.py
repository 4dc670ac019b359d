"""Convolution with every padding of the guides; torch's own has no uneven sides and no strided "same"."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from foveate.errors import ShapeError
from foveate.geometry import output_size
from foveate.layers.padding import Padding, PaddingMode, Sides, check_fill, check_padding, sides


class Conv2d(nn.Conv2d):
    """``torch.nn.Conv2d``, its keys (``weight``, ``bias``) and arguments, with more kinds of padding.

    Args:
        padding: "valid" (none), "same" (``ceil(n / stride)`` places by TensorFlow's rule, for any stride),
            one number, (height, width), or ((top, bottom), (left, right)).
        padding_mode: "zeros", "reflect", "replicate" or "circular".

    Shapes: (N, in_channels, H, W) to (N, out_channels, H', W'), with H' and W' by the size formula of
    :mod:`foveate.geometry`.

    Raises:
        ShapeError: in ``forward``, when the kernel does not fit into the padded picture, with the formula.
        InputError: when made, for a padding that is none.
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
        groups: int = 1,
        bias: bool = True,
        padding_mode: PaddingMode = "zeros",
    ) -> None:
        check_padding(padding, padding_mode)
        super().__init__(
            in_channels, out_channels, kernel_size, stride, 0, dilation, groups, bias, padding_mode
        )
        # As torch writes it where torch has words for it, so that readers of layers need not know this one.
        self.padding: Any = _as_torch(padding)

    def sides(self, height: int, width: int) -> Sides:
        """((top, bottom), (left, right)) in pixels, as a picture of this size is padded."""
        kernel, stride, dilation = _numbers(self)
        return sides(self.padding, (height, width), kernel, stride, dilation)

    def forward(self, input: Tensor) -> Tensor:
        height, width = input.shape[-2:]
        vertical, horizontal = self.sides(height, width)
        kernel, stride, dilation = _numbers(self)
        output_size(height, kernel[0], stride[0], vertical, dilation[0], axis="height")
        output_size(width, kernel[1], stride[1], horizontal, dilation[1], axis="width")
        if input.shape[-3] != self.in_channels:
            raise ShapeError(
                f"This convolution takes {self.in_channels} channels, and the input is {tuple(input.shape)}."
            )
        even = (vertical[0], horizontal[0])
        if self.padding_mode == "zeros" and (vertical[1], horizontal[1]) == even:
            return F.conv2d(input, self.weight, self.bias, stride, even, dilation, self.groups)
        check_fill(self.padding_mode, (height, width), (vertical, horizontal))
        mode = "constant" if self.padding_mode == "zeros" else self.padding_mode
        padded = F.pad(input, (*horizontal, *vertical), mode)  # (N, C, top + H + bottom, left + W + right)
        return F.conv2d(padded, self.weight, self.bias, stride, 0, dilation, self.groups)


def _numbers(layer: nn.Conv2d) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    (kh, kw), (sh, sw), (dh, dw) = layer.kernel_size, layer.stride, layer.dilation
    return (kh, kw), (sh, sw), (dh, dw)


def _as_torch(padding: Padding) -> str | tuple[int, int] | Sides:
    if padding == "same":
        return "same"
    vertical, horizontal = sides(padding, (1, 1), (1, 1))
    if vertical[0] == vertical[1] and horizontal[0] == horizontal[1]:
        return vertical[0], horizontal[0]
    return vertical, horizontal
