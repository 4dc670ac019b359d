"""What moves numbers and computes none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor

from foveate.export.emitter import Graph
from foveate.export.operators.table import entry, only, reshape

_END = np.iinfo(np.int64).max  # a slice's open end


@entry("permute")
def _permute(g: Graph, input: Tensor, *dims: Any) -> str:
    order = [int(d) % input.dim() for d in (dims[0] if isinstance(dims[0], Sequence) else dims)]
    return _transposed(g, input, order)


@entry("transpose", "swapaxes")
def _transpose(g: Graph, input: Tensor, dim0: int, dim1: int) -> str:
    order = list(range(input.dim()))
    order[dim0], order[dim1] = order[dim1], order[dim0]
    return _transposed(g, input, order)


def _transposed(g: Graph, input: Tensor, order: list[int]) -> str:
    only(order[0] == 0, "a permutation that moves the batch")
    return g.op("Transpose", input, perm=order)


@entry("pixel_unshuffle")
def _pixel_unshuffle(g: Graph, input: Tensor, downscale_factor: int) -> str:
    r, (_, channels, height, width) = downscale_factor, input.shape
    blocks = g.op("Reshape", input, g.integers([0, channels, height // r, r, width // r, r]))
    return reshape(g, g.op("Transpose", blocks, perm=[0, 1, 3, 5, 2, 4]))


@entry("pixel_shuffle")
def _pixel_shuffle(g: Graph, input: Tensor, upscale_factor: int) -> str:
    return g.op("DepthToSpace", input, blocksize=upscale_factor, mode="CRD")


@entry("channel_shuffle")
def _channel_shuffle(g: Graph, input: Tensor, groups: int) -> str:
    split = g.op("Reshape", input, g.integers([0, groups, input.shape[1] // groups, *input.shape[2:]]))
    return reshape(g, g.op("Transpose", split, perm=[0, 2, 1, 3, 4]))


@entry("cat", "concat")
def _cat(g: Graph, tensors: Sequence[Tensor], dim: int = 0) -> str:
    only(dim % tensors[0].dim() != 0, "cat along the batch")
    return g.op("Concat", *tensors, axis=dim)


@entry("chunk", "split")
def _split(g: Graph, input: Tensor, _sizes: Any, dim: int = 0) -> list[str]:
    only(dim % input.dim() != 0, "split along the batch")
    sizes = [part.shape[dim] for part in g.out]
    names = g.op("Split", input, g.integers(sizes), outputs=len(sizes), axis=dim)
    return [names] if isinstance(names, str) else names


@entry("getitem")
def _getitem(g: Graph, input: Tensor, index: Any) -> str:
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


@entry("pad")
def _pad(
    g: Graph, input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None
) -> str:
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
