"""What joins tensors and cuts them: concatenation, chunks, slices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from foveate.operators.onnx import OnnxGraph, only, reshape
from foveate.operators.optional_torch import Tensor
from foveate.operators.reading import Reading, Value, step_axis
from foveate.operators.sums import Arithmetic, Formula, Place, Term, in_words, moved, shown
from foveate.operators.table import reads, sums, writes

_AXES = ("channel", "row", "column")

# --- Joining -----------------------------------------------------------------------------------------------


@reads("cat", "concat", "concatenate")
def _read_cat(out: Value, tensors: Any, dim: int = 0) -> Reading | None:
    """parts: the length of each along the axis, and what it is where the network has it as a constant."""
    axis = step_axis(dim, out.ndim)
    if axis is None:
        return None
    constants = [None if isinstance(tensor, Value) else tensor for tensor in tensors]
    parts = tuple((tensor.shape[dim], one) for tensor, one in zip(tensors, constants, strict=True))
    learnt = {f"constant {i}": one for i, one in enumerate(constants) if one is not None}
    given = tuple(tensor.number for tensor in tensors if isinstance(tensor, Value))
    return Reading("concat", "concatenate", {"axis": axis, "parts": parts}, learnt, inputs=given)


@writes("cat", "concat")
def _write_cat(g: OnnxGraph, tensors: Sequence[Value | Tensor], dim: int = 0) -> Any:
    axis = dim % tensors[0].dim()
    only(axis != 0, "cat along the batch")
    values = [tensor for tensor in tensors if isinstance(tensor, Value)]
    if len(values) == len(tensors):
        return g.op("Concat", *tensors, axis=dim)
    only(len(values) == 1, "several tensors and constants in one cat")
    # A constant has no batch to be concatenated with: the tensor is widened by zeros, which it is added to.
    number = next(i for i, tensor in enumerate(tensors) if isinstance(tensor, Value))
    lengths = [tensor.shape[axis] for tensor in tensors]
    pads = [0] * (2 * len(g.out.shape))
    pads[axis], pads[axis + len(g.out.shape)] = sum(lengths[:number]), sum(lengths[number + 1 :])
    around = np.zeros((1, *g.out.shape[1:]), np.float32)
    for i, tensor in enumerate(tensors):
        if isinstance(tensor, Tensor):
            only(bool((tensor == tensor[:1]).all()), "a constant that differs from picture to picture")
            at = sum(lengths[:i])
            place = (slice(None),) * axis + (slice(at, at + lengths[i]),)
            around[place] = tensor[:1].detach().cpu().numpy()
    return g.op("Add", g.op("Pad", values[0], g.integers(pads), 0.0), around)


@sums("concat")
def _sum_cat(place: Place) -> Arithmetic:
    axis, index = place.step.settings["axis"], list(place.index)
    at, sources = index[axis], iter(place.step.inputs)
    for length, constant in place.step.settings["parts"]:
        source = None if constant is not None else next(sources)
        if index[axis] < length:
            break
        index[axis] -= length
    word = _AXES[axis]
    if source is not None:
        words = f"{word} {at} is {word} {index[axis]} of its input"
        return moved(place, Place(place.recording, source, *index), words)
    array = constant.detach().cpu().numpy()
    total = float(array[(0, *index[-(array.ndim - 1) :])])
    term = Term(None, None, 1.0, total, total)
    steps = (Formula(f"{word} {at} is a constant that the network has learnt", shown(total)),)
    return Arithmetic("concat", place.value, total, (term,), steps=steps)


# --- Cutting -----------------------------------------------------------------------------------------------


@reads("chunk", "split")
def _read_split(out: Any, input: Value, _sizes: Any, dim: int = 0) -> list[Reading | None]:
    readings, start = [], 0
    for part in out:
        index = [slice(None)] * input.ndim
        index[dim] = slice(start, start + part.shape[dim])
        readings.append(_slice(part, input, index))
        start += part.shape[dim]
    return readings


def _slice(out: Value, input: Value, index: Sequence[int | slice]) -> Reading | None:
    """taken: for each axis of the input's step, where it starts, and the axis of the output that goes on."""
    if step_axis(1, input.ndim) is None or out.ndim < 2 or index[0] != slice(None):
        return None
    taken: list[tuple[int, int | None]] = [(0, None)] * (1 if input.ndim == 2 else 3)
    kept = 1
    for dim in range(1, input.ndim):
        axis, part = step_axis(dim, input.ndim), index[dim] if dim < len(index) else slice(None)
        if axis is None:
            return None
        if isinstance(part, int):
            taken[axis] = (part % input.shape[dim], None)
            continue
        if not isinstance(part, slice) or part.step not in (None, 1):
            return None
        taken[axis] = (part.indices(input.shape[dim])[0], step_axis(kept, out.ndim))
        kept += 1
    return Reading("slice", "slice", {"taken": tuple(taken)})


@sums("slice")
def _sum_slice(place: Place) -> Arithmetic:
    index = [
        start + (0 if axis is None else place.index[axis]) for start, axis in place.step.settings["taken"]
    ]
    source = Place(place.recording, place.step.inputs[0], *index)
    return moved(place, source, in_words(source))


_END = np.iinfo(np.int64).max  # a slice's open end


@writes("chunk", "split")
def _write_split(g: OnnxGraph, input: Value, _sizes: Any, dim: int = 0) -> Any:
    only(dim % input.dim() != 0, "split along the batch")
    sizes = [part.shape[dim] for part in g.out]
    names = g.op("Split", input, g.integers(sizes), outputs=len(sizes), axis=dim)
    return [names] if isinstance(names, str) else names


@writes("getitem")
def _write_getitem(g: OnnxGraph, input: Value, index: Any) -> Any:
    parts = list(index) if isinstance(index, tuple) else [index]
    if any(part is Ellipsis for part in parts):
        place = parts.index(Ellipsis)
        parts[place : place + 1] = [slice(None)] * (input.dim() - len(parts) + 1)
    axes, starts, ends, steps = [], [], [], []
    for axis, part in enumerate(parts):
        if isinstance(part, int):
            part = slice(part, part + 1 or None)  # noqa: PLW2901 -- kept as an axis of one, reshaped away below
        only(isinstance(part, slice) and (part.step or 1) > 0, "an index that is no slice")
        if part != slice(None):
            axes.append(axis)
            starts.append(part.start or 0)
            ends.append(_END if part.stop is None else part.stop)
            steps.append(part.step or 1)
    only(0 not in axes, "a slice of the batch")
    value = g.value(input)
    if axes:
        value = g.op("Slice", value, *map(g.integers, (starts, ends, axes, steps)))
    return reshape(g, value) if any(isinstance(part, int) for part in parts) else value


@reads("getitem")
def _read_getitem(out: Value, input: Any, index: Any) -> Reading | None:
    whole = slice(None)
    if not isinstance(index, tuple) or len(index) > input.ndim:
        return None
    parts = [*index, *[whole] * (input.ndim - len(index))]
    plain = all(isinstance(part, slice) and part.step in (None, 1) for part in parts)
    if not plain or input.ndim != 4 or parts[:2] != [whole, whole]:
        return _slice(out, input, parts)
    (top, _, _), (left, _, _) = (
        part.indices(side) for part, side in zip(parts[2:], input.shape[2:], strict=True)
    )
    return Reading("crop", "crop", {"top": top, "left": left})


@sums("crop")
def _sum_crop(place: Place) -> Arithmetic:
    row, column = place.row + place.step.settings["top"], place.column + place.step.settings["left"]
    total = float(place.input()[place.channel, row, column])
    term = Term(place.step.inputs[0], place.channel, 1.0, total, total)
    steps = (Formula(f"the value at row {row}, column {column}", shown(total)),)
    return Arithmetic("crop", place.value, total, (term,), steps=steps)
