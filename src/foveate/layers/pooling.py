"""Poolings with a sliding window; the classes here are those that torch lacks.

Pooling acts on each channel alone: (N, C, H, W) to (N, C, H', W'), with H' and W' by the size formula of
:mod:`foveate.geometry`. As in torch, the stride is the window's size unless it is given, and the padding is
equal on both sides and at most half the window. Padding of the classes here has no effect: it is above every
minimum, it adds nothing to a sum, and a weighted average leaves it out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from foveate.errors import InputError
from foveate.geometry import output_size, pair
from foveate.layers.padding import places
from foveate.operators.blueprint import Argument, Arguments, BlueprintLayer, Flag, Pair, Shape, a_map
from foveate.operators.onnx import OnnxGraph, only
from foveate.operators.optional_torch import F, Tensor, nn, torch
from foveate.operators.reading import Reading, Value, window_reader, windowed
from foveate.operators.sums import Arithmetic, Formula, Place, Term, Window, shown
from foveate.operators.table import MODULES, LayerEntry, in_blueprints, reads, sums, writes_kind
from foveate.operators.windows import chosen, mean, pooled_patch, summed


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

    @property
    def weights(self) -> list[list[float]]:
        # Numbers, not a buffer: they follow the input's type and device, and no state dict knows of them.
        vertical, horizontal = (_gaussian(k) for k in self.kernel_size)
        return [[v * h for h in horizontal] for v in vertical]

    def pool(self, x: Tensor) -> Tensor:
        channels = x.shape[-3]
        weights = x.new_tensor(self.weights)  # (kh, kw)
        kernels = weights.expand(channels, 1, *self.kernel_size)
        out = F.conv2d(x, kernels, None, self.stride, self.padding, groups=channels)
        if self.padding == (0, 0):
            return out
        ones = x.new_ones((1, 1, *x.shape[-2:]))
        return out / F.conv2d(ones, weights[None, None], None, self.stride, self.padding)


def _gaussian(k: int) -> list[float]:
    """k weights of sum 1: the bell curve of standard deviation k/4 around the middle of k pixels."""
    bell = [math.exp(-0.5 * ((i - (k - 1) / 2) / (k / 4)) ** 2) for i in range(k)]
    return [weight / sum(bell) for weight in bell]


# --- Their entries in the operator table ---


@dataclass(frozen=True)
class MaxPooling:
    """The arguments of torch's max_pool2d, and of the same with the places of the greatest."""

    input: Any
    kernel_size: Any
    stride: Any = None
    padding: Any = 0
    dilation: Any = 1
    ceil_mode: bool = False
    return_indices: bool = False

    def read(self, op: str, name: str) -> Reading:
        window = (self.kernel_size, self.stride, self.padding)
        return windowed(op, name, *window, dilation=self.dilation, ceil_mode=bool(self.ceil_mode))


@dataclass(frozen=True)
class AveragePooling:
    """The arguments of torch's avg_pool2d."""

    input: Any
    kernel_size: Any
    stride: Any = None
    padding: Any = 0
    ceil_mode: bool = False
    count_include_pad: bool = True
    divisor_override: int | None = None


@reads("max_pool2d", call=MaxPooling)
def _read_max_pool2d(out: Value, of: MaxPooling) -> Reading:
    return of.read("max_pool", "max pool")


@reads("avg_pool2d", call=AveragePooling)
def _read_avg_pool2d(out: Value, of: AveragePooling) -> Reading:
    return windowed(
        "avg_pool",
        "average pool",
        of.kernel_size,
        of.stride,
        of.padding,
        ceil_mode=bool(of.ceil_mode),
        count_include_pad=bool(of.count_include_pad),
        divisor=of.divisor_override,
    )


@writes_kind("max_pool")
def _write_max(g: OnnxGraph, input: Value, reading: Reading) -> Any:
    only(input.dim() == 4, "pooling without a batch")
    before = g.producer(g.value(input))
    if before is not None and before.name in g.padded:
        # A pool's own padding never wins, a padded zero beats negative numbers. ONNX Runtime (1.31) takes one
        # for the other and merges the two steps (its Pad_Fusion), but only where the zero is exactly zero.
        before.input[2] = g.value(float(np.finfo(np.float32).tiny))
    return g.op("MaxPool", input, **max_pool_in_onnx(reading.settings))


@writes_kind("avg_pool")
def _write_average(g: OnnxGraph, input: Value, reading: Reading) -> Any:
    given = reading.settings
    # With ceil_mode the two disagree on what the last window is divided by.
    fits = input.dim() == 4 and not given["ceil_mode"] and given["divisor"] is None
    only(fits, "avg_pool2d with ceil_mode")
    counted = int(given["count_include_pad"])
    return g.op("AveragePool", input, **_window_in_onnx(given), count_include_pad=counted)


def max_pool_in_onnx(given: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes of ONNX's MaxPool, of a reading's settings."""
    more = {"dilations": given["dilation"], "ceil_mode": int(given["ceil_mode"])}
    return _window_in_onnx(given) | more


def _window_in_onnx(given: Mapping[str, Any]) -> dict[str, Any]:
    (top, bottom), (left, right) = given["around"]
    pads = [top, left, bottom, right]
    return {"kernel_shape": given["kernel"], "strides": given["stride"], "pads": pads}


MODULES.update(
    {
        MinPool2d: LayerEntry(window_reader("min_pool", "min pool")),
        SumPool2d: LayerEntry(window_reader("sum_pool", "sum pool")),
        L2Pool2d: LayerEntry(window_reader("l2_pool", "L2 pool")),
        DistanceWeightedPool2d: LayerEntry(window_reader("gaussian_pool", "Gaussian pool", "weights")),
    }
)


@sums("max_pool", "min_pool")
def _sum_greatest(place: Place) -> Arithmetic:
    window, patch = pooled_patch(place)
    return chosen(place, patch, window, least=place.step.op == "min_pool")


@sums("avg_pool")
def _sum_average(place: Place) -> Arithmetic:
    window, patch = pooled_patch(place)
    divisor = place.step.settings["divisor"] or _divisor(place, window, int(np.isfinite(patch).sum()))
    return mean(place, patch, window, divisor)


def _divisor(place: Place, window: Window, inside: int) -> int:
    """What torch divides by: the window cut to the padded map, or to the map alone."""
    if not place.step.settings["count_include_pad"]:
        return inside
    around, (_, height, width) = place.step.settings["around"], place.input().shape
    rows = sum(row < height + around[0][1] for row in window.rows)
    columns = sum(column < width + around[1][1] for column in window.columns)
    return rows * columns


@sums("sum_pool")
def _sum_sum(place: Place) -> Arithmetic:
    return summed(place, *pooled_patch(place))


@sums("l2_pool")
def _sum_l2(place: Place) -> Arithmetic:
    window, patch = pooled_patch(place)
    sum_ = float(np.nansum(patch * patch))
    total = math.sqrt(sum_)
    term = Term(place.step.inputs[0], place.channel, np.ones_like(patch), patch, sum_)
    steps = (
        Formula(f"sum of {int(np.isfinite(patch).sum())} squares", shown(sum_)),
        Formula(f"√{shown(sum_)}", shown(total)),
    )
    return Arithmetic("l2_pool", place.value, total, (term,), window=window, steps=steps)


@sums("gaussian_pool")
def _sum_gaussian(place: Place) -> Arithmetic:
    window, patch = pooled_patch(place)
    weight = np.asarray(place.step.settings["weights"], np.float64)
    return summed(place, window, patch, weight / weight[np.isfinite(patch)].sum(), "products")


def _shape(args: Arguments, shape: Shape) -> Shape:
    size = args["size"]
    for i, axis in ((0, "height"), (1, "width")):
        if 2 * args["padding"][i] > size[i]:
            raise InputError(
                f"the padding of a pooling may be at most half its window, {size[i] // 2} in {axis}, "
                f"and is {args['padding'][i]}"
            )
    stride = args["stride"] or size
    return a_map(shape)[0], *places({**args, "stride": stride}, shape, size)


def _make(
    module: Callable[..., nn.Module], shape: Shape, *, size: Any, stride: Any, **window: Any
) -> nn.Module:
    return module(size, stride or size, **window)


def window_pooling(
    module: Callable[..., nn.Module], summary: str, *, start: Arguments | None = None, **more: Argument
) -> BlueprintLayer:
    """A pooling in blueprints: module(size, stride, padding=..., and the arguments ``more``)."""
    return BlueprintLayer(
        partial(_make, module),
        "pooling",
        summary,
        shape=_shape,
        arguments={
            "size": Argument(Pair(1)),
            "stride": Argument(Pair(1), None),  # None: as the size
            "padding": Argument(Pair(0), (0, 0)),
            **more,
        },
        scalar="size",
        start=start or {"size": 2},
    )


_CEIL = Argument(Flag(), False)
in_blueprints(
    {
        "max_pool": window_pooling(nn.MaxPool2d, "Keeps the largest value of each window.", ceil_mode=_CEIL),
        "avg_pool": window_pooling(nn.AvgPool2d, "Takes the mean of each window.", ceil_mode=_CEIL),
        "min_pool": window_pooling(MinPool2d, "Keeps the smallest value of each window."),
        "sum_pool": window_pooling(SumPool2d, "Adds up each window."),
        "l2_pool": window_pooling(L2Pool2d, "The root of the sum of squares of each window."),
        "gaussian_pool": window_pooling(
            DistanceWeightedPool2d,
            "A mean that weighs a window's middle most.",
            start={"size": 3, "stride": 2, "padding": 1},
        ),
    }
)
