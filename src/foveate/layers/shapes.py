"""What moves numbers and computes none: reshaping, joining, cutting, padding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from foveate.operators.onnx import OnnxGraph, only, reshape
from foveate.operators.reading import Reading, Value
from foveate.operators.sums import Arithmetic, Formula, Place, Term, before_flattening, shown
from foveate.operators.table import reads, sums, writes
from foveate.operators.windows import lines

# --- Reshaping ---------------------------------------------------------------------------------------------

_RESHAPES = ("flatten", "view", "reshape", "unflatten", "squeeze", "unsqueeze")
writes(*_RESHAPES, "view_as", "reshape_as")(reshape)


@reads(*_RESHAPES)
def _read_reshape(out: Value, input: Any, *_: Any, **__: Any) -> Reading | None:
    return Reading("flatten", "flatten" if out.ndim == 2 else "reshape") if len(out) == 1 else None


@sums("flatten")
def _sum_flatten(place: Place) -> Arithmetic:
    before = before_flattening(place)
    total = before.value
    words = ", ".join(
        f"{name} {i}" for name, i in zip(("channel", "row", "column"), before.index, strict=False)
    )
    term = Term(before.number, before.channel, 1.0, total, total)
    facts = {"from": {"channel": before.channel, "row": before.row, "column": before.column}}
    steps = (Formula(words, shown(total)),)
    return Arithmetic("flatten", place.value, total, (term,), steps=steps, facts=facts)


@writes("permute")
def _write_permute(g: OnnxGraph, input: Value, *dims: Any) -> Any:
    order = [int(d) % input.dim() for d in (dims[0] if isinstance(dims[0], Sequence) else dims)]
    return _transposed(g, input, order)


@writes("transpose", "swapaxes")
def _write_transpose(g: OnnxGraph, input: Value, dim0: int, dim1: int) -> Any:
    order = list(range(input.dim()))
    order[dim0], order[dim1] = order[dim1], order[dim0]
    return _transposed(g, input, order)


def _transposed(g: OnnxGraph, input: Value, order: list[int]) -> Any:
    only(order[0] == 0, "a permutation that moves the batch")
    return g.op("Transpose", input, perm=order)


@writes("pixel_unshuffle")
def _write_pixel_unshuffle(g: OnnxGraph, input: Value, downscale_factor: int) -> Any:
    r, (_, channels, height, width) = downscale_factor, input.shape
    blocks = g.op("Reshape", input, g.integers([0, channels, height // r, r, width // r, r]))
    return reshape(g, g.op("Transpose", blocks, perm=[0, 1, 3, 5, 2, 4]))


@writes("pixel_shuffle")
def _write_pixel_shuffle(g: OnnxGraph, input: Value, upscale_factor: int) -> Any:
    return g.op("DepthToSpace", input, blocksize=upscale_factor, mode="CRD")


@writes("channel_shuffle")
def _write_channel_shuffle(g: OnnxGraph, input: Value, groups: int) -> Any:
    split = g.op("Reshape", input, g.integers([0, groups, input.shape[1] // groups, *input.shape[2:]]))
    return reshape(g, g.op("Transpose", split, perm=[0, 2, 1, 3, 4]))


# --- Joining and cutting -----------------------------------------------------------------------------------


@reads("cat", "concat", "concatenate")
def _read_cat(out: Value, tensors: Any, dim: int = 0) -> Reading | None:
    if dim % out.ndim != 1 or not all(isinstance(tensor, Value) for tensor in tensors):
        return None
    return Reading("concat", "concatenate", {}, inputs=tuple(tensor.number for tensor in tensors))


@writes("cat", "concat")
def _write_cat(g: OnnxGraph, tensors: Sequence[Value], dim: int = 0) -> Any:
    only(dim % tensors[0].dim() != 0, "cat along the batch")
    return g.op("Concat", *tensors, axis=dim)


@sums("concat")
def _sum_cat(place: Place) -> Arithmetic:
    channel, first = place.channel, 0
    for source in place.step.inputs:
        count = place.recording.steps[source].shape[0]
        if channel < first + count:
            break
        first += count
    index = (channel - first, *place.index[1:])
    total = float(place.recording.values[source][index])
    term = Term(source, channel - first, 1.0, total, total)
    steps = (Formula(f"channel {channel} is channel {channel - first} of its input", shown(total)),)
    return Arithmetic("concat", place.value, total, (term,), steps=steps)


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
def _read_crop(out: Value, input: Any, index: Any) -> Reading | None:
    whole = slice(None)
    if not isinstance(index, tuple) or out.ndim != 4 or input.ndim != 4 or len(index) > 4:
        return None
    parts = [*index, *[whole] * (4 - len(index))]
    if not all(isinstance(part, slice) and part.step in (None, 1) for part in parts):
        return None
    if parts[:2] != [whole, whole]:
        return None
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


# --- Padding -----------------------------------------------------------------------------------------------


@reads("pad")
def _read_pad(out: Value, input: Any, pad: Any, mode: str = "constant", value: Any = None) -> Reading | None:
    if input.ndim != 4 or len(pad) not in (2, 4) or min(pad) < 0:
        return None
    left, right, top, bottom = (*pad, 0, 0)[:4]
    settings = {
        "around": ((top, bottom), (left, right)),
        "fill": "zeros" if mode == "constant" else mode,
        "value": float(value or 0),
    }
    return Reading("pad", "pad", settings)


@writes("pad")
def _write_pad(
    g: OnnxGraph, input: Value, pad: Sequence[int], mode: str = "constant", value: float | None = None
) -> Any:
    modes = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}
    only(mode in modes, f"padding mode {mode}")
    before, after = list(reversed(pad[0::2])), list(reversed(pad[1::2]))  # torch starts with the last axis
    rest = [0] * (input.dim() - len(before))
    only(rest != [], "padding of the batch")
    name: str = g.op(
        "Pad", input, g.integers(rest + before + rest + after), float(value or 0), mode=modes[mode]
    )
    if mode == "constant" and not value and input.dim() == 4 and len(before) == 2 and min(pad) >= 0:
        g.padded[name] = (g.value(input), before + after)
    return name


@sums("pad")
def _sum_pad(place: Place) -> Arithmetic:
    (top, _), (left, _) = place.step.settings["around"]
    values, fill = place.input(), place.step.settings["fill"]
    row, outside_row = lines((place.row - top,), values.shape[1], fill)
    column, outside_column = lines((place.column - left,), values.shape[2], fill)
    if outside_row[0] or outside_column[0]:
        total = place.step.settings["value"]
        return Arithmetic("pad", place.value, total, steps=(Formula("padding", shown(total)),))
    total = float(values[place.channel, row[0], column[0]])
    term = Term(place.step.inputs[0], place.channel, 1.0, total, total)
    steps = (Formula(f"the value at row {row[0]}, column {column[0]}", shown(total)),)
    return Arithmetic("pad", place.value, total, (term,), steps=steps)
