"""Transposed convolution: a convolution's way back, by which maps grow (Long et al., 2015).

Input place i puts kernel tap m on output place ``i·s + m·d − p``, so that an axis of n grows to
``(n − 1)·s − 2·p + d·(k − 1) + output_padding + 1``. The module and the function are torch's own; here is
what the program knows of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from foveate.errors import InputError
from foveate.geometry import transposed_size, worked_transposed
from foveate.operators import blueprint
from foveate.operators.blueprint import Argument, Arguments, BlueprintLayer, Flag, Shape, a_map
from foveate.operators.onnx import OnnxGraph, only
from foveate.operators.optional_torch import nn
from foveate.operators.reading import Pair, Reading, Value, by, pair
from foveate.operators.sums import Arithmetic, Place, Term, Window
from foveate.operators.table import in_blueprints, reads, sums, writes_kind
from foveate.operators.windows import patch_under, weighted


@dataclass(frozen=True)
class TransposedConvolution:
    """The arguments of torch's conv_transpose2d."""

    input: Any
    weight: Any
    bias: Any = None
    stride: Any = 1
    padding: Any = 0
    output_padding: Any = 0
    groups: int = 1
    dilation: Any = 1


@reads("conv_transpose2d", call=TransposedConvolution)
def _read(out: Value, of: TransposedConvolution) -> Reading | None:
    if isinstance(of.weight, Value) or isinstance(of.bias, Value) or of.input.ndim != 4:
        return None
    kernel, steps = (int(of.weight.shape[2]), int(of.weight.shape[3])), pair(of.stride)
    rows, columns = pair(of.padding)
    settings = {
        "kernel": kernel,
        "stride": steps,
        "around": ((rows, rows), (columns, columns)),
        "output_padding": pair(of.output_padding),
        "dilation": pair(of.dilation),
        "groups": of.groups,
    }
    tensors = {"weight": of.weight} if of.bias is None else {"weight": of.weight, "bias": of.bias}
    grown = "" if steps == (1, 1) else f" ×{steps[0] if steps[0] == steps[1] else by(steps)}"
    return Reading("conv_transpose2d", f"transposed conv {by(kernel)}{grown}", settings, tensors)


@writes_kind("conv_transpose2d")
def _write(g: OnnxGraph, input: Value, reading: Reading) -> Any:
    given, (rows, columns) = reading.settings, reading.settings["around"]
    less = all(more < step for more, step in zip(given["output_padding"], given["stride"], strict=True))
    only(less, "an output padding of a stride or more, which the runtime refuses")
    return g.op(
        "ConvTranspose",
        input,
        *reading.tensors.values(),
        kernel_shape=given["kernel"],
        strides=given["stride"],
        pads=[rows[0], columns[0], rows[1], columns[1]],
        output_padding=given["output_padding"],
        dilations=given["dilation"],
        group=given["groups"],
    )


@sums("conv_transpose2d")
def _sum(place: Place) -> Arithmetic:
    """Of the kernel, the taps that fall on this place: every ``stride``-th."""
    given, weight = place.step.settings, place.tensor("weight")
    (rows, row_taps), (columns, column_taps) = (_met(place, axis) for axis in (0, 1))
    filters = weight.shape[1]  # of one group; the weight is (C_in, filters, kh, kw)
    channels, group = len(weight) // given["groups"], place.channel // filters
    first = group * channels
    kernel = weight[first : first + channels, place.channel % filters].astype(
        np.float64
    )  # (channels, kh, kw)
    kernel = kernel[:, row_taps][:, :, column_taps]
    source, window = place.step.inputs[0], None
    terms: tuple[Term, ...] = ()
    if kernel.size:
        window = _window(rows, columns)
        patch = patch_under(place.input()[first : first + channels], window)
        totals = np.nansum(kernel * patch, axis=(1, 2))
        terms = tuple(Term(source, first + i, kernel[i], patch[i], float(totals[i])) for i in range(channels))
    return weighted(place, terms, place.bias(place.channel), window, kernel.size)


def _met(place: Place, axis: int) -> tuple[list[int], list[int]]:
    """The input lines whose kernels reach this place along an axis, ascending, and with which tap each."""
    given, out = place.step.settings, (place.row, place.column)[axis]
    stride, dilation = given["stride"][axis], given["dilation"][axis]
    lines, taps = [], []
    for tap in reversed(range(given["kernel"][axis])):
        line, rest = divmod(out + given["around"][axis][0] - tap * dilation, stride)
        if rest == 0:
            lines.append(line)
            taps.append(tap)
    return lines, taps


def _window(rows: list[int], columns: list[int]) -> Window:
    apart = [lines[1] - lines[0] if len(lines) > 1 else 1 for lines in (rows, columns)]
    return Window(
        top=rows[0],
        left=columns[0],
        height=rows[-1] - rows[0] + 1,
        width=columns[-1] - columns[0] + 1,
        stride=(1, 1),
        dilation=(apart[0], apart[1]),
        rows=tuple(rows),
        columns=tuple(columns),
    )


def _shape(args: Arguments, shape: Shape) -> Shape:
    channels, groups, filters = a_map(shape)[0], args["groups"], args["filters"]
    for what, number in (("input channels", channels), ("filters", filters)):
        if number % groups:
            raise InputError(f"groups must divide the {what}, and {number} is not a multiple of {groups}")
    return filters, *(_side(args, shape[1 + i], i) for i in (0, 1))


def _side(args: Arguments, n: int, i: int) -> int:
    kernel, stride, padding, more, dilation = (
        args[name][i] for name in ("kernel", "stride", "padding", "output_padding", "dilation")
    )
    axis = ("height", "width")[i]
    if more >= stride:
        raise InputError(f"output_padding must be less than the stride, {stride} in {axis}, and is {more}")
    side = transposed_size(n, kernel, stride, padding, output_padding=more, dilation=dilation)
    if side < 1:
        words = worked_transposed(n, kernel, stride, padding, output_padding=more, dilation=dilation)
        raise InputError(f"of a {axis} of {n} it leaves {words}; make the padding smaller")
    return side


def _parameters(args: Arguments, shape: Shape) -> int:
    window = math.prod(args["kernel"]) * shape[0] // args["groups"]
    return int(args["filters"] * (window + args["bias"]))


def _make(shape: Shape, *, filters: int, kernel: Pair, **more: Any) -> nn.Module:
    return nn.ConvTranspose2d(shape[0], filters, kernel, **more)


in_blueprints(
    {
        "transposed_conv": BlueprintLayer(
            _make,
            "convolution",
            "A convolution's way back: each place spreads a kernel, and the map grows by the stride.",
            shape=_shape,
            arguments={
                "filters": Argument(blueprint.Count()),
                "kernel": Argument(blueprint.Pair(1)),
                "stride": Argument(blueprint.Pair(1), (1, 1)),
                "padding": Argument(blueprint.Pair(0), (0, 0)),
                "output_padding": Argument(blueprint.Pair(0), (0, 0)),
                "dilation": Argument(blueprint.Pair(1), (1, 1)),
                "groups": Argument(blueprint.Whole(1, blueprint.MAX_CHANNELS), 1),
                "bias": Argument(Flag(), True),
            },
            parameters=_parameters,
            scores="filters",
            start={"filters": 16, "kernel": 4, "stride": 2, "padding": 1},
        )
    }
)
