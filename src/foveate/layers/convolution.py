"""Convolution with every padding of the guides; torch's own has no uneven sides and no strided "same"."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from foveate.errors import InputError, ShapeError
from foveate.geometry import output_size
from foveate.layers.padding import (
    PADDING_MODES,
    Padding,
    PaddingMode,
    Sides,
    check_fill,
    check_padding,
    places,
    sides,
)
from foveate.operators import blueprint
from foveate.operators.blueprint import Argument, Arguments, BlueprintLayer, Choice, Flag, Shape, a_map
from foveate.operators.onnx import OnnxGraph
from foveate.operators.optional_torch import F, Tensor, nn
from foveate.operators.reading import Pair, Reading, Value, by, pair, strided
from foveate.operators.sums import Arithmetic, Place, Term
from foveate.operators.table import MODULES, LayerEntry, in_blueprints, reads, sums, writes_kind
from foveate.operators.windows import patch_under, weighted, window_of


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


# --- Its entry in the operator table ---


def _convolution(
    weight: Tensor,
    bias: Tensor | None,
    *,
    stride: Pair,
    around: tuple[Pair, Pair],
    dilation: Pair,
    groups: int,
    fill: str = "zeros",
) -> Reading:
    kernel = (int(weight.shape[2]), int(weight.shape[3]))
    depthwise = groups > 1 and groups == weight.shape[0] * 1 and weight.shape[1] == 1
    settings = {
        "kernel": kernel,
        "stride": stride,
        "around": around,
        "dilation": dilation,
        "groups": groups,
        "fill": fill,
    }
    tensors = {"weight": weight} if bias is None else {"weight": weight, "bias": bias}
    label = f"{'depthwise conv' if depthwise else 'conv'} {by(kernel)}"
    return Reading("conv2d", strided(label, stride), settings, tensors)


def _around(padding: Any, kernel: Pair, dilation: Pair) -> Sides:
    """What torch's own convolution pads; of "same", the odd pixel stands at the end."""
    if padding == "same":
        rows, columns = (d * (k - 1) for d, k in zip(dilation, kernel, strict=True))
        return (rows // 2, rows - rows // 2), (columns // 2, columns - columns // 2)
    rows, columns = (0, 0) if padding == "valid" else pair(padding)
    return (rows, rows), (columns, columns)


@dataclass(frozen=True)
class Convolution:
    """The arguments of torch's conv2d."""

    input: Any
    weight: Any
    bias: Any = None
    stride: Any = 1
    padding: Any = 0
    dilation: Any = 1
    groups: int = 1


@reads("conv2d", call=Convolution)
def _read(out: Value, of: Convolution) -> Reading | None:
    if isinstance(of.weight, Value) or isinstance(of.bias, Value) or of.input.ndim != 4:
        return None
    dilation = pair(of.dilation)
    around = _around(of.padding, (of.weight.shape[2], of.weight.shape[3]), dilation)
    return _convolution(
        of.weight, of.bias, stride=pair(of.stride), around=around, dilation=dilation, groups=of.groups
    )


def _read_module(module: nn.Module, x: Value, out: Value) -> Reading:
    conv: Any = module
    stride, dilation = pair(conv.stride), pair(conv.dilation)
    if isinstance(conv, Conv2d):
        around = conv.sides(*x.shape[-2:])
    else:
        around = _around(conv.padding, pair(conv.kernel_size), dilation)
    return _convolution(
        conv.weight,
        conv.bias,
        stride=stride,
        around=around,
        dilation=dilation,
        groups=conv.groups,
        fill=conv.padding_mode,
    )


@writes_kind("conv2d")
def _write(g: OnnxGraph, input: Value, reading: Reading) -> Any:
    given, (rows, columns) = reading.settings, reading.settings["around"]
    pads, source = [rows[0], columns[0], rows[1], columns[1]], g.value(input)
    before = g.producer(source)
    if before is not None and before.name in g.padded:  # torch pads on one side only in a step of its own
        source, amounts = g.padded[before.name]
        pads = [a + b for a, b in zip(pads, amounts, strict=True)]
    return g.op(
        "Conv",
        source,
        *reading.tensors.values(),
        kernel_shape=given["kernel"],
        strides=given["stride"],
        pads=pads,
        dilations=given["dilation"],
        group=given["groups"],
    )


@sums("conv2d")
def _sum(place: Place) -> Arithmetic:
    given, weight = place.step.settings, place.tensor("weight")
    window = window_of(place)
    kernel = weight[place.channel].astype(np.float64)  # (C_in / groups, kh, kw)
    first = place.channel // (len(weight) // given["groups"]) * len(kernel)
    patch = patch_under(place.input()[first : first + len(kernel)], window, given["fill"])
    sums = np.nansum(kernel * patch, axis=(1, 2))
    source = place.step.inputs[0]
    terms = tuple(Term(source, first + i, kernel[i], patch[i], float(sums[i])) for i in range(len(kernel)))
    return weighted(place, terms, place.bias(place.channel), window, kernel.size)


def _shape(args: Arguments, shape: Shape) -> Shape:
    channels, groups, filters = a_map(shape)[0], args["groups"], args["filters"]
    for what, number in (("input channels", channels), ("filters", filters)):
        if number % groups:
            near = max(d for d in range(1, groups + 1) if channels % d == 0 and filters % d == 0)
            raise InputError(
                f"groups must divide the {what}, and {number} is not a multiple of {groups}; "
                f"groups: {near} would fit"
            )
    return filters, *places(args, shape, args["kernel"])


def _parameters(args: Arguments, shape: Shape) -> int:
    window = math.prod(args["kernel"]) * shape[0] // args["groups"]
    return int(args["filters"] * (window + args["bias"]))


def _depthwise_shape(args: Arguments, shape: Shape) -> Shape:
    return a_map(shape)[0] * args["multiplier"], *places(args, shape, args["kernel"])


def _make(shape: Shape, *, filters: int, kernel: Pair, **window: Any) -> nn.Module:
    return Conv2d(shape[0], filters, kernel, **window)


def _make_depthwise(shape: Shape, *, kernel: Pair, multiplier: int, **window: Any) -> nn.Module:
    return Conv2d(shape[0], shape[0] * multiplier, kernel, groups=shape[0], **window)


WINDOW = {
    "kernel": Argument(blueprint.Pair(1)),
    "stride": Argument(blueprint.Pair(1), (1, 1)),
    "padding": Argument(blueprint.Padding(), (0, 0)),
    "dilation": Argument(blueprint.Pair(1), (1, 1)),
    "bias": Argument(Flag(), True),
}
"""Arguments of a convolution in a blueprint, beside those that count its filters."""

_MODE = {"padding_mode": Argument(Choice(tuple(PADDING_MODES)), "zeros")}
_GROUPS = Argument(blueprint.Whole(1, blueprint.MAX_CHANNELS), 1)

MODULES[nn.Conv2d] = MODULES[Conv2d] = LayerEntry(_read_module)
in_blueprints(
    {
        "conv": BlueprintLayer(
            _make,
            "convolution",
            "Slides filters over the map; each one makes a map of its own.",
            shape=_shape,
            arguments={"filters": Argument(blueprint.Count()), **WINDOW, "groups": _GROUPS, **_MODE},
            parameters=_parameters,
            scores="filters",
            start={"filters": 16, "kernel": 3, "padding": 1},
        ),
        "depthwise_conv": BlueprintLayer(
            _make_depthwise,
            "convolution",
            "One filter a channel, so that channels do not mix; cheap.",
            shape=_depthwise_shape,
            arguments={**WINDOW, "multiplier": _GROUPS, **_MODE},
            parameters=lambda a, shape: shape[0] * a["multiplier"] * (math.prod(a["kernel"]) + a["bias"]),
            start={"kernel": 3, "padding": 1},
        ),
    }
)
