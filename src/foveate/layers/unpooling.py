"""Max-unpooling: each number goes back to the place where a max pooling found its greatest.

All other places are 0 (Zeiler and Fergus, 2014; Badrinarayanan et al., 2015). Where windows overlap, several
numbers may meet at a place, and one of them stays; torch does not say which, so the two are best used with a
stride as long as the window.
"""

# ruff: noqa: PLR0917 -- arguments of torch's functions, in torch's order

from __future__ import annotations

from typing import Any

import numpy as np

from foveate.operators.onnx import OnnxGraph, only, reshape
from foveate.operators.reading import Reading, Value, by, pair, windowed
from foveate.operators.sums import Arithmetic, Formula, Place, Term, shown
from foveate.operators.table import reads, sums, writes
from foveate.operators.windows import chosen, pooled_patch


@reads("max_pool2d_with_indices")
def _read_pool(
    out: Any,
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = True,
) -> Any:
    if isinstance(out, Value) or input.ndim != 4:
        return None
    how = {"dilation": dilation, "ceil_mode": bool(ceil_mode)}
    where = windowed("max_pool_places", "places of max pool", kernel_size, stride, padding, **how)
    return [windowed("max_pool", "max pool", kernel_size, stride, padding, **how), where]


@writes("max_pool2d_with_indices")
def _write_pool(
    g: OnnxGraph,
    input: Value,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = True,
) -> Any:
    only(input.dim() == 4, "pooling without a batch")
    kernel, around = pair(kernel_size), pair(padding)
    values, places = g.op(
        "MaxPool",
        input,
        outputs=2,
        kernel_shape=kernel,
        strides=kernel if stride is None or stride in ([], ()) else pair(stride),
        pads=[*around, *around],
        dilations=pair(dilation),
        ceil_mode=int(ceil_mode),
    )
    # ONNX counts places through the whole batch, torch on each map alone.
    return [values, g.op("Mod", places, g.integers(input.shape[2] * input.shape[3]))]


@sums("max_pool_places")
def _sum_places(place: Place) -> Arithmetic:
    """The place of the greatest under a window, counted row by row."""
    window, patch = pooled_patch(place)
    found = chosen(place, patch, window)
    row, column = (
        lines[i] for lines, i in zip((window.rows, window.columns), found.facts["at"], strict=True)
    )
    width = place.input().shape[2]
    total = float(row * width + column)
    steps = (*found.steps, Formula(f"row {row} · {width} + column {column}", shown(total)))
    return Arithmetic(place.step.op, place.value, total, found.terms, window=window, steps=steps)


@reads("max_unpool2d")
def _read(
    out: Value,
    input: Any,
    indices: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    output_size: Any = None,
) -> Reading | None:
    if input.ndim != 4 or not isinstance(indices, Value):
        return None
    label = f"max unpool to {by(out.shape[2:])}"
    return Reading("max_unpool", label, inputs=(input.number, indices.number))


@writes("max_unpool2d")
def _write(
    g: OnnxGraph,
    input: Value,
    indices: Value,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    output_size: Any = None,
) -> Any:
    # ONNX's own MaxUnpool counts places through the whole batch, of a size that it works out itself.
    only(input.dim() == 4, "unpooling without a batch")
    channels, height, width = g.out.shape[1:]
    count = g.op("Shape", input, start=0, end=1)
    zeros = g.op("ConstantOfShape", g.op("Concat", count, g.integers([channels, height * width]), axis=0))
    flat = g.integers([0, channels, -1])
    numbers, places = (g.op("Reshape", value, flat) for value in (input, indices))
    return reshape(g, g.op("ScatterElements", zeros, places, numbers, axis=2))


@sums("max_unpool")
def _sum(place: Place) -> Arithmetic:
    """The number whose place this is; 0 where there is none."""
    numbers, places = (place.input(i)[place.channel] for i in (0, 1))
    at = np.argwhere(places == place.row * place.step.shape[2] + place.column)
    if not len(at):
        steps = (Formula("no window found its greatest here", shown(0.0)),)
        return Arithmetic(place.step.op, place.value, 0.0, steps=steps)
    # Of several that meet here, the one that stayed.
    row, column = min(at, key=lambda index: abs(float(numbers[tuple(index)]) - place.value))
    total = float(numbers[row, column])
    term = Term(place.step.inputs[0], place.channel, 1.0, total, total)
    steps = (Formula(f"the value at row {row}, column {column}: its greatest lay here", shown(total)),)
    return Arithmetic(place.step.op, place.value, total, (term,), steps=steps)
