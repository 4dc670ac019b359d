"""What moves numbers and computes none: reshaping, turning axes, padding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from foveate.operators.onnx import OnnxGraph, only, reshape
from foveate.operators.reading import Reading, Value
from foveate.operators.sums import (
    Arithmetic,
    Formula,
    Place,
    Term,
    before_flattening,
    in_words,
    moved,
    shown,
)
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
    return moved(place, before, in_words(before))


@reads("permute")
def _read_permute(out: Value, input: Any, *dims: Any) -> Reading | None:
    return _turned(out, _order(input, dims))


@reads("transpose", "swapaxes")
def _read_transpose(out: Value, input: Any, dim0: int, dim1: int) -> Reading | None:
    return _turned(out, _exchanged(input, dim0, dim1))


def _order(input: Any, dims: tuple[Any, ...]) -> list[int]:
    return [int(d) % input.ndim for d in (dims[0] if isinstance(dims[0], Sequence) else dims)]


def _exchanged(input: Any, dim0: int, dim1: int) -> list[int]:
    order = list(range(input.ndim))
    order[dim0], order[dim1] = order[dim1], order[dim0]
    return order


def _turned(out: Value, order: list[int]) -> Reading | None:
    """order: the input's axes, in the order in which the output has them; of the step in ``settings``."""
    if order[0] != 0 or out.ndim not in (3, 4):
        return None
    axes = tuple(axis - 1 for axis in order[1:]) if out.ndim == 4 else tuple(order)
    return Reading("transpose", "transpose", {"order": axes})


@sums("transpose")
def _sum_transpose(place: Place) -> Arithmetic:
    index = [0, 0, 0]
    for axis, n in zip(place.step.settings["order"], place.index, strict=True):
        index[axis] = n
    source = Place(place.recording, place.step.inputs[0], *index)
    return moved(place, source, in_words(source))


@writes("permute")
def _write_permute(g: OnnxGraph, input: Value, *dims: Any) -> Any:
    return _transposed(g, input, _order(input, dims))


@writes("transpose", "swapaxes")
def _write_transpose(g: OnnxGraph, input: Value, dim0: int, dim1: int) -> Any:
    return _transposed(g, input, _exchanged(input, dim0, dim1))


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
