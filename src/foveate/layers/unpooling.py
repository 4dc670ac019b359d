"""Max-unpooling: each number goes back to the place where a max pooling found its greatest.

All other places are 0 (Zeiler and Fergus, 2014; Badrinarayanan et al., 2015). Where windows overlap, several
numbers may meet at a place, and one of them stays; torch does not say which, so the two are best used with a
stride as long as the window.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from foveate.layers.pooling import MaxPooling, max_pool_in_onnx
from foveate.operators.onnx import OnnxGraph, only, reshape
from foveate.operators.reading import Reading, Value, by
from foveate.operators.sums import Arithmetic, Formula, Place, Term, shown
from foveate.operators.table import reads, sums, writes
from foveate.operators.windows import chosen, pooled_patch


@reads("max_pool2d_with_indices", call=MaxPooling)
def _read_pool(out: Any, of: MaxPooling) -> Any:
    if isinstance(out, Value) or of.input.ndim != 4:
        return None
    return [of.read("max_pool", "max pool"), of.read("max_pool_places", "places of max pool")]


@writes("max_pool2d_with_indices", call=MaxPooling)
def _write_pool(g: OnnxGraph, of: MaxPooling) -> Any:
    only(of.input.dim() == 4, "pooling without a batch")
    window = max_pool_in_onnx(of.read("max_pool", "max pool").settings)
    values, places = g.op("MaxPool", of.input, outputs=2, **window)
    # ONNX counts places through the whole batch, torch on each map alone.
    return [values, g.op("Mod", places, g.integers(of.input.shape[2] * of.input.shape[3]))]


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


@dataclass(frozen=True)
class MaxUnpooling:
    """The arguments of torch's max_unpool2d."""

    input: Any
    indices: Any
    kernel_size: Any
    stride: Any = None
    padding: Any = 0
    output_size: Any = None


@reads("max_unpool2d", call=MaxUnpooling)
def _read(out: Value, of: MaxUnpooling) -> Reading | None:
    if of.input.ndim != 4 or not isinstance(of.indices, Value):
        return None
    label = f"max unpool to {by(out.shape[2:])}"
    return Reading("max_unpool", label, inputs=(of.input.number, of.indices.number))


@writes("max_unpool2d", call=MaxUnpooling)
def _write(g: OnnxGraph, of: MaxUnpooling) -> Any:
    # ONNX's own MaxUnpool counts places through the whole batch, of a size that it works out itself.
    only(of.input.dim() == 4, "unpooling without a batch")
    channels, height, width = g.out.shape[1:]
    count = g.op("Shape", of.input, start=0, end=1)
    zeros = g.op("ConstantOfShape", g.op("Concat", count, g.integers([channels, height * width]), axis=0))
    flat = g.integers([0, channels, -1])
    numbers, places = (g.op("Reshape", value, flat) for value in (of.input, of.indices))
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
