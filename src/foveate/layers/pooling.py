"""Every pooling of the guides by name; the classes here are those that torch lacks.

Pooling acts on each channel alone: (N, C, H, W) to (N, C, H', W'), with H' and W' by the size formula of
:mod:`foveate.geometry`. As in torch, the stride is the window's size unless it is given, and the padding is
equal on both sides and at most half the window. Padding of the classes here has no effect: it is above every
minimum, it adds nothing to a sum, and a weighted average leaves it out.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from foveate.errors import InputError, UnknownNameError
from foveate.geometry import output_size, pair


class _Pool2d(nn.Module):
    """A window sliding over each channel. ``forward`` raises :class:`ShapeError` where it does not fit."""

    def __init__(
        self,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] | None = None,
        padding: int | tuple[int, int] = 0,
    ) -> None:
        super().__init__()
        self.kernel_size = pair(kernel_size)
        self.stride = self.kernel_size if stride is None else pair(stride)
        self.padding = pair(padding)
        if any(p > k // 2 for p, k in zip(self.padding, self.kernel_size, strict=True)):
            raise InputError(
                f"The padding of a pooling is at most half its window, so that no window lies outside; the "
                f"window is {self.kernel_size} and the padding {self.padding}."
            )

    def forward(self, x: Tensor) -> Tensor:
        axes = zip(self.kernel_size, self.stride, self.padding, strict=True)
        for axis, n, (kernel, stride, padding) in zip(("height", "width"), x.shape[-2:], axes, strict=True):
            output_size(n, kernel, stride, padding, axis=axis)
        return self.pool(x)

    def pool(self, x: Tensor) -> Tensor:
        raise NotImplementedError

    def sums(self, x: Tensor) -> Tensor:
        area = self.kernel_size[0] * self.kernel_size[1]
        return F.avg_pool2d(x, self.kernel_size, self.stride, self.padding) * area

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MinPool2d(_Pool2d):
    """The smallest value of each window; its gradient goes to that one."""

    def pool(self, x: Tensor) -> Tensor:
        return -F.max_pool2d(-x, self.kernel_size, self.stride, self.padding)


class SumPool2d(_Pool2d):
    """The sum of each window."""

    def pool(self, x: Tensor) -> Tensor:
        return self.sums(x)


class L2Pool2d(_Pool2d):
    """The root of the sum of squares of each window.

    torch's ``LPPool2d`` has a gradient of NaN where a window is all zero, as it often is behind a ReLU; here
    it is 0 there.
    """

    def pool(self, x: Tensor) -> Tensor:
        squares = self.sums(x * x)
        some = squares > 0
        return torch.where(some, torch.sqrt(torch.where(some, squares, 1.0)), 0.0)


class DistanceWeightedPool2d(_Pool2d):
    """An average of each window whose weights fall with the distance from the window's centre, as a Gaussian.

    Pixel (i, j) of a window of kh x kw weighs ``exp(−½·((i − (kh−1)/2)²/σh² + (j − (kw−1)/2)²/σw²))`` with
    σ = k/4 on each axis, so that the window ends at two standard deviations; the weights under a window, with
    those on padding left out, are divided by their sum.
    """

    def __init__(
        self,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] | None = None,
        padding: int | tuple[int, int] = 0,
    ) -> None:
        super().__init__(kernel_size, stride, padding)
        vertical, horizontal = (_gaussian(k) for k in self.kernel_size)
        # Numbers, not a buffer: they follow the input's type and device, and no state dict knows of them.
        self.weights = [[v * h for h in horizontal] for v in vertical]

    def pool(self, x: Tensor) -> Tensor:
        channels = x.shape[-3]
        weights = x.new_tensor(self.weights)  # (kh, kw)
        kernels = weights.expand(channels, 1, *self.kernel_size)
        out = F.conv2d(x, kernels, None, self.stride, self.padding, groups=channels)
        if self.padding == (0, 0):
            return out
        ones = x.new_ones((1, 1, *x.shape[-2:]))
        return out / F.conv2d(ones, weights[None, None], None, self.stride, self.padding)


class GlobalAvgPool2d(nn.Module):
    """The mean of each map: (N, C, H, W) to (N, C, 1, 1)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean((-2, -1), keepdim=True)


class GlobalMaxPool2d(nn.Module):
    """The largest value of each map, whose gradient goes to one pixel. (N, C, H, W) to (N, C, 1, 1)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(-2).max(dim=-1).values[..., None, None]


class AdaptiveMaxPool2d(nn.AdaptiveMaxPool2d):
    """torch's, for any output size (h, w), in a form that ONNX can hold too.

    Cell i of an axis of n covers the pixels from ``floor(i·n/h)`` up to ``ceil((i+1)·n/h)``.
    """

    output_size: tuple[int, int]

    def __init__(self, output_size: int | tuple[int, int]) -> None:
        super().__init__(pair(output_size))

    def forward(self, input: Tensor) -> Tensor:
        if not torch.compiler.is_exporting():
            return super().forward(input)
        (rows, columns), (height, width) = self.output_size, input.shape[-2:]
        cells = [
            [input[..., top:bottom, left:right].amax((-2, -1)) for left, right in _cells(width, columns)]
            for top, bottom in _cells(height, rows)
        ]
        return torch.stack([torch.stack(row, dim=-1) for row in cells], dim=-2)


POOLINGS: dict[str, type[nn.Module]] = {
    "max": nn.MaxPool2d,
    "average": nn.AvgPool2d,
    "min": MinPool2d,
    "sum": SumPool2d,
    "l2": L2Pool2d,
    "distance_weighted": DistanceWeightedPool2d,
    "global_average": GlobalAvgPool2d,
    "global_max": GlobalMaxPool2d,
    "adaptive_average": nn.AdaptiveAvgPool2d,
    "adaptive_max": AdaptiveMaxPool2d,
}
"""Every pooling of the guides by name; `foveate.reference.POOLINGS` has the same names."""


def pooling(name: str) -> type[nn.Module]:
    """The class of a pooling by its name in :data:`POOLINGS`. Raises :class:`UnknownNameError`."""
    if name not in POOLINGS:
        raise UnknownNameError("pooling", name, POOLINGS)
    return POOLINGS[name]


def _cells(n: int, count: int) -> list[tuple[int, int]]:
    return [(i * n // count, -(-(i + 1) * n // count)) for i in range(count)]


def _gaussian(k: int) -> list[float]:
    """k weights of sum 1: the bell curve of standard deviation k/4 around the middle of k pixels."""
    bell = [math.exp(-0.5 * ((i - (k - 1) / 2) / (k / 4)) ** 2) for i in range(k)]
    return [weight / sum(bell) for weight in bell]
