"""Pooling to a given size: adaptive, and global where the size is 1×1."""

from __future__ import annotations

from typing import Any

import numpy as np

from foveate.errors import UnknownNameError
from foveate.geometry import pair
from foveate.layers.pooling import DistanceWeightedPool2d, L2Pool2d, MinPool2d, SumPool2d
from foveate.operators.blueprint import Argument, BlueprintLayer, Pair, Shape, a_map
from foveate.operators.onnx import OnnxGraph, only
from foveate.operators.optional_torch import Tensor, nn, torch
from foveate.operators.reading import Reading, Value, by
from foveate.operators.sums import Arithmetic, Place, Window
from foveate.operators.table import MODULES, LayerEntry, in_blueprints, reads, sums, writes_kind
from foveate.operators.windows import chosen, mean


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


def _cells(n: int, count: int) -> list[tuple[int, int]]:
    return [(i * n // count, -(-(i + 1) * n // count)) for i in range(count)]


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


# --- Their entries in the operator table ---


def _reading(kind: str, size: Any) -> Reading:
    name = {"avg": "average pool", "max": "max pool"}[kind]
    if tuple(size) == (1, 1):
        return Reading(f"global_{kind}_pool", f"global {name}")
    return Reading(f"adaptive_{kind}_pool", f"adaptive {name} to {by(size)}")


@reads("adaptive_avg_pool2d")
def _read_adaptive_avg(out: Value, input: Any, output_size: Any) -> Reading:
    return _reading("avg", out.shape[-2:])


@reads("adaptive_max_pool2d")
def _read_adaptive_max(out: Value, input: Any, output_size: Any, return_indices: bool = False) -> Reading:
    return _reading("max", out.shape[-2:])


@writes_kind("global_avg_pool", "global_max_pool", "adaptive_avg_pool", "adaptive_max_pool")
def _write(g: OnnxGraph, input: Value, reading: Reading) -> Any:
    kind = "AveragePool" if "avg" in reading.op else "MaxPool"
    if reading.op.startswith("global"):
        return g.op(f"Global{kind}", input)
    sides, targets = list(input.shape[2:]), list(g.out.shape[2:])
    if sides == targets:
        return g.value(input)
    only(all(s % t == 0 for s, t in zip(sides, targets, strict=True)), "adaptive windows of several sizes")
    window = [s // t for s, t in zip(sides, targets, strict=True)]
    return g.op(kind, input, kernel_shape=window, strides=window)


MODULES.update(
    {
        GlobalAvgPool2d: LayerEntry(lambda module, x, out: Reading("global_avg_pool", "global average pool")),
        GlobalMaxPool2d: LayerEntry(lambda module, x, out: Reading("global_max_pool", "global max pool")),
        AdaptiveMaxPool2d: LayerEntry(lambda module, x, out: _reading("max", out.shape[-2:])),
    }
)


@sums("global_avg_pool", "global_max_pool", "adaptive_avg_pool", "adaptive_max_pool")
def _sum(place: Place) -> Arithmetic:
    """Global and adaptive pooling: the window is a cell of the map, or all of it."""
    values = place.input()[place.channel]  # (H, W)
    if place.step.op.startswith("global"):
        rows, columns = range(values.shape[0]), range(values.shape[1])
    else:
        rows = range(*_cells(values.shape[0], place.step.shape[1])[place.row])
        columns = range(*_cells(values.shape[1], place.step.shape[2])[place.column])
    patch = values[rows.start : rows.stop, columns.start : columns.stop].astype(np.float64)
    window = Window(
        top=rows.start,
        left=columns.start,
        height=len(rows),
        width=len(columns),
        stride=(len(rows), len(columns)),
        dilation=(1, 1),
        rows=tuple(rows),
        columns=tuple(columns),
    )
    if place.step.op.endswith("max_pool"):
        return chosen(place, patch, window)
    return mean(place, patch, window, patch.size)


def _global(module: type[nn.Module], summary: str) -> BlueprintLayer:
    return BlueprintLayer(
        lambda shape: nn.Sequential(module(), nn.Flatten()),
        "pooling",
        summary,
        shape=lambda args, shape: (a_map(shape)[0],),
        any_size=True,
    )


def _adaptive_shape(args: Any, shape: Shape) -> Shape:
    return a_map(shape)[0], *args["size"]


in_blueprints(
    {
        "adaptive_avg_pool": BlueprintLayer(
            lambda shape, size: nn.AdaptiveAvgPool2d(size),
            "pooling",
            "Means over as many windows as give this size.",
            shape=_adaptive_shape,
            arguments={"size": Argument(Pair(1))},
            scalar="size",
            any_size=True,
            start={"size": 4},
        ),
        "global_avg_pool": _global(
            GlobalAvgPool2d, "One number a channel: the mean of its map. Any picture size fits then."
        ),
        "global_max_pool": _global(GlobalMaxPool2d, "One number a channel: the largest of its map."),
    }
)
