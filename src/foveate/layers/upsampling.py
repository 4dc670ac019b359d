"""Bringing maps to another size: the nearest line, or a mean of the nearest two along each axis (bilinear).

torch's ``F.interpolate`` and ``nn.Upsample``; other modes than these two are left to torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from foveate.layers.interpolation import Between, linear, nearest
from foveate.operators.blueprint import Argument, Arguments, BlueprintLayer, Choice, Flag, Pair, Shape, a_map
from foveate.operators.onnx import OnnxGraph
from foveate.operators.optional_torch import nn
from foveate.operators.reading import Reading, Value, by
from foveate.operators.sums import Arithmetic, Formula, Place, Term, Window, shown
from foveate.operators.table import in_blueprints, reads, sums, writes_kind
from foveate.operators.windows import patch_under, summed

_NEAREST = {"nearest": False, "nearest-exact": True}  # whether the places' middles decide


@dataclass(frozen=True)
class Interpolation:
    """The arguments of torch's interpolate."""

    input: Any
    size: Any = None
    scale_factor: Any = None
    mode: str = "nearest"
    align_corners: bool | None = None
    recompute_scale_factor: bool | None = None
    antialias: bool = False


@reads("interpolate", call=Interpolation)
def _read(out: Value, of: Interpolation) -> Reading | None:
    if of.input.ndim != 4 or of.antialias or of.mode not in {*_NEAREST, "bilinear"}:
        return None
    kept, factor = of.scale_factor is not None and not of.recompute_scale_factor, of.scale_factor
    both = factor if isinstance(factor, tuple | list) else (factor, factor)
    scale = (float(both[0]), float(both[1])) if kept else (None, None)
    to = by(out.shape[2:])
    if of.mode in _NEAREST:
        return Reading("nearest", f"nearest to {to}", {"scale": scale, "middle": _NEAREST[of.mode]})
    settings = {"scale": scale, "align_corners": bool(of.align_corners)}
    return Reading("bilinear", f"bilinear to {to}", settings)


def _lines_between(settings: Any, axis: int, n: int, m: int) -> Between:
    return linear(n, m, settings["scale"][axis], align_corners=settings["align_corners"])


def _lines(settings: Any, axis: int, n: int, m: int) -> Any:
    return nearest(n, m, settings["scale"][axis], middle=settings["middle"])


@writes_kind("bilinear")
def _write_bilinear(g: OnnxGraph, input: Value, reading: Reading) -> Any:
    sizes, given = list(zip(input.shape[2:], g.out.shape[2:], strict=True)), reading.settings
    lines = [_lines_between(given, axis, *sizes[axis]) for axis in (0, 1)]
    plain = [linear(n, m, align_corners=given["align_corners"]) for n, m in sizes]
    if all(np.allclose(a.places, b.places) for a, b in zip(lines, plain, strict=True)):
        how = "align_corners" if given["align_corners"] else "half_pixel"
        return _resized(g, input, mode="linear", coordinate_transformation_mode=how)
    # A scale beside the sizes: ONNX would take the sizes from it, and rounds them otherwise than torch.
    rows, columns = (a.matrix(n).astype(np.float32) for a, (n, _) in zip(lines, sizes, strict=True))
    return g.op("MatMul", rows, g.op("MatMul", input, np.ascontiguousarray(columns.T)))


@writes_kind("nearest")
def _write_nearest(g: OnnxGraph, input: Value, reading: Reading) -> Any:
    sizes = list(zip(input.shape[2:], g.out.shape[2:], strict=True))
    lines = [_lines(reading.settings, axis, *sizes[axis]) for axis in (0, 1)]
    repeated = (
        m % n == 0 and (taken == np.arange(m) // (m // n)).all()
        for taken, (n, m) in zip(lines, sizes, strict=True)
    )
    if all(repeated):
        how = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        return _resized(g, input, mode="nearest", **how)
    # Between two lines, torch and ONNX Runtime round otherwise: they are told one by one.
    return g.op("Gather", g.op("Gather", input, lines[0], axis=2), lines[1], axis=3)


def _resized(g: OnnxGraph, input: Value, **how: Any) -> Any:
    return g.op("Resize", input, "", "", g.integers(g.out.shape[2:]), axes=[2, 3], **how)


@sums("bilinear")
def _sum_bilinear(place: Place) -> Arithmetic:
    lines, shares = [], []
    for axis, at in enumerate((place.row, place.column)):
        n, m = place.input().shape[1 + axis], place.step.shape[1 + axis]
        found = _lines_between(place.step.settings, axis, n, m)
        first, second, share = int(found.first[at]), int(found.second[at]), float(found.share[at])
        lines.append((first, second) if first != second else (first,))
        shares.append(np.array([1 - share, share] if first != second else [1.0]))
    window = _window(*lines)
    patch = patch_under(place.input()[place.channel : place.channel + 1], window)[0]
    return summed(place, window, patch, np.outer(*shares), "products")


@sums("nearest")
def _sum_nearest(place: Place) -> Arithmetic:
    values = place.input()
    row, column = (
        int(_lines(place.step.settings, axis, values.shape[1 + axis], place.step.shape[1 + axis])[at])
        for axis, at in enumerate((place.row, place.column))
    )
    total = float(values[place.channel, row, column])
    patch = np.full((1, 1), total)
    term = Term(place.step.inputs[0], place.channel, np.ones((1, 1)), patch, total)
    steps = (Formula(f"the value at row {row}, column {column}", shown(total)),)
    window = _window((row,), (column,))
    return Arithmetic("nearest", place.value, total, (term,), window=window, steps=steps)


def _window(rows: tuple[int, ...], columns: tuple[int, ...]) -> Window:
    return Window(
        top=rows[0],
        left=columns[0],
        height=len(rows),
        width=len(columns),
        stride=(1, 1),
        dilation=(1, 1),
        rows=rows,
        columns=columns,
    )


def _shape(args: Arguments, shape: Shape) -> Shape:
    channels, height, width = a_map(shape)
    return channels, height * args["factor"][0], width * args["factor"][1]


def _make(shape: Shape, *, factor: tuple[int, int], mode: str, align_corners: bool) -> nn.Module:
    # The corners have no meaning to "nearest"; torch refuses to be told of them.
    return nn.Upsample(
        scale_factor=factor, mode=mode, align_corners=align_corners if mode == "bilinear" else None
    )


in_blueprints(
    {
        "upsample": BlueprintLayer(
            _make,
            "pooling",
            "Makes the map larger by whole factors, between its places or by repeating them.",
            shape=_shape,
            arguments={
                "factor": Argument(Pair(1)),
                "mode": Argument(Choice(("bilinear", "nearest")), "bilinear"),
                "align_corners": Argument(Flag(), False),
            },
            scalar="factor",
            start={"factor": 2},
        )
    }
)
