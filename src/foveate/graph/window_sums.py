"""The arithmetic of what looks at many values: convolutions, dense layers, poolings."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from foveate.graph.recording import Recording
from foveate.graph.value import Arithmetic, Array, Formula, Place, Term, Window, shown


def _window(place: Place) -> Window:
    given = place.step.settings
    (kh, kw), (sh, sw), (dh, dw) = given["kernel"], given["stride"], given["dilation"]
    (before_rows, _), (before_columns, _) = given["around"]
    top, left = place.row * sh - before_rows, place.column * sw - before_columns
    return Window(
        top=top,
        left=left,
        height=dh * (kh - 1) + 1,
        width=dw * (kw - 1) + 1,
        stride=(sh, sw),
        dilation=(dh, dw),
        rows=tuple(top + dh * i for i in range(kh)),
        columns=tuple(left + dw * j for j in range(kw)),
    )


def _patch(values: Array, window: Window, fill: str = "zeros") -> Array:
    """(C, kh, kw) float64 of maps (C, H, W) under a window; NaN where nothing is there."""
    rows, outside_rows = lines(window.rows, values.shape[1], fill)
    columns, outside_columns = lines(window.columns, values.shape[2], fill)
    patch = values[:, rows][:, :, columns].astype(np.float64)
    patch[:, outside_rows] = np.nan
    patch[:, :, outside_columns] = np.nan
    return patch


def lines(wanted: tuple[int, ...], n: int, fill: str) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Where lines are taken from on an axis of n, and which of them lie outside and are empty."""
    index = np.asarray(wanted, np.int64)
    outside = (index < 0) | (index >= n)
    if fill == "reflect":
        index = np.abs(index)
        index = np.where(index >= n, 2 * (n - 1) - index, index)
    elif fill == "circular":
        index = index % n
    inside = np.clip(index, 0, n - 1)  # what "replicate" means
    return inside, outside & (fill == "zeros")


def _convolution(place: Place) -> Arithmetic:
    given, weight, bias = place.step.settings, place.tensor("weight"), place.optional("bias")
    window = _window(place)
    kernel = weight[place.channel].astype(np.float64)  # (C_in / groups, kh, kw)
    first = place.channel // (len(weight) // given["groups"]) * len(kernel)
    patch = _patch(place.input()[first : first + len(kernel)], window, given["fill"])
    sums = np.nansum(kernel * patch, axis=(1, 2))
    source = place.step.inputs[0]
    terms = tuple(Term(source, first + i, kernel[i], patch[i], float(sums[i])) for i in range(len(kernel)))
    return _weighted(place, terms, bias, window, kernel.size)


def _linear(place: Place) -> Arithmetic:
    weight, bias = place.tensor("weight"), place.optional("bias")
    row, values = weight[place.channel].astype(np.float64), place.input().astype(np.float64)
    term = Term(place.step.inputs[0], None, row, values, float(row @ values))
    found = _weighted(place, (term,), bias, None, row.size)
    maps = _map_before(place.recording, place.step.inputs[0])
    return replace(found, facts={"map_shape": None if maps is None else list(maps)})


def _map_before(recording: Recording, number: int) -> tuple[int, ...] | None:
    """The shape of the map that a vector was, before it was laid flat."""
    while recording.steps[number].op in ("flatten", "dropout"):
        number = recording.steps[number].inputs[0]
    shape = recording.steps[number].shape
    return shape if len(shape) == 3 else None


def _weighted(
    place: Place, terms: tuple[Term, ...], bias: Array | None, window: Window | None, products: int
) -> Arithmetic:
    total = math.fsum(term.sum for term in terms)
    steps = [Formula(f"sum of {products:,} products", shown(total))]
    added = None if bias is None else float(bias[place.channel])
    if added is not None:
        steps.append(Formula(f"{shown(total)} + bias {shown(added)}", shown(total + added)))
        total += added
    return Arithmetic(place.step.op, place.value, total, terms, added, window, steps=tuple(steps))


def _greatest(place: Place) -> Arithmetic:
    """Max and min pooling: no weights, but where the number comes from."""
    window = _window(place)
    patch = _patch(place.input()[place.channel : place.channel + 1], window)[0]
    least = place.step.op == "min_pool"
    return _chosen(place, patch, window, least=least)


def _chosen(place: Place, patch: Array, window: Window | None, *, least: bool = False) -> Arithmetic:
    at = np.unravel_index(int(np.nanargmin(patch) if least else np.nanargmax(patch)), patch.shape)
    total, word = float(patch[at]), "least" if least else "greatest"
    weight = np.zeros_like(patch)
    weight[at] = 1.0
    term = Term(place.step.inputs[0], place.channel, weight, patch, total)
    count = int(np.isfinite(patch).sum())
    text = f"the {word} of {count}, at row {at[0]}, column {at[1]} of the window"
    return Arithmetic(
        place.step.op,
        place.value,
        total,
        (term,),
        window=window,
        steps=(Formula(text, shown(total)),),
        facts={"at": [int(at[0]), int(at[1])]},
    )


def _average(place: Place) -> Arithmetic:
    window, given = _window(place), place.step.settings
    patch = _patch(place.input()[place.channel : place.channel + 1], window)[0]
    divisor = given["divisor"] or _divisor(place, window, int(np.isfinite(patch).sum()))
    return _mean(place, patch, window, divisor)


def _divisor(place: Place, window: Window, inside: int) -> int:
    """What torch divides by: the window cut to the padded map, or to the map alone."""
    if not place.step.settings["count_include_pad"]:
        return inside
    around, (_, height, width) = place.step.settings["around"], place.input().shape
    rows = sum(row < height + around[0][1] for row in window.rows)
    columns = sum(column < width + around[1][1] for column in window.columns)
    return rows * columns


def _mean(place: Place, patch: Array, window: Window | None, divisor: float) -> Arithmetic:
    sum_, weight = float(np.nansum(patch)), np.full_like(patch, 1 / divisor)
    total = sum_ / divisor
    term = Term(place.step.inputs[0], place.channel, weight, patch, total)
    steps = (
        Formula(f"sum of {int(np.isfinite(patch).sum()):,} values", shown(sum_)),
        Formula(f"{shown(sum_)} / {divisor:,}", shown(total)),
    )
    return Arithmetic(
        place.step.op, place.value, total, (term,), window=window, steps=steps, facts={"divisor": divisor}
    )


def _summed(place: Place) -> Arithmetic:
    """Sum, L2 and Gaussian pooling."""
    window, op = _window(place), place.step.op
    patch = _patch(place.input()[place.channel : place.channel + 1], window)[0]
    weight = np.ones_like(patch)
    if op == "gaussian_pool":
        weight = np.asarray(place.step.settings["weights"], np.float64)
        weight = weight / weight[np.isfinite(patch)].sum()
    squares = op == "l2_pool"
    sum_ = float(np.nansum(weight * (patch * patch if squares else patch)))
    total = math.sqrt(sum_) if squares else sum_
    term = Term(place.step.inputs[0], place.channel, weight, patch, sum_)
    what = "squares" if squares else "values" if op == "sum_pool" else "products"
    steps = [Formula(f"sum of {int(np.isfinite(patch).sum())} {what}", shown(sum_))]
    steps += [Formula(f"√{shown(sum_)}", shown(total))] if squares else []
    return Arithmetic(op, place.value, total, (term,), window=window, steps=tuple(steps))


def _over_places(place: Place) -> Arithmetic:
    """Global and adaptive pooling: the window is a cell of the map, or all of it."""
    values = place.input()[place.channel]  # (H, W)
    if place.step.op.startswith("global"):
        rows, columns = range(values.shape[0]), range(values.shape[1])
    else:
        rows = _cell(values.shape[0], place.step.shape[1], place.row)
        columns = _cell(values.shape[1], place.step.shape[2], place.column)
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
        return _chosen(place, patch, window)
    return _mean(place, patch, window, patch.size)


def _cell(n: int, count: int, i: int) -> range:
    return range(i * n // count, -(-(i + 1) * n // count))


WINDOWS: dict[str, Callable[[Place], Arithmetic]] = {
    "conv2d": _convolution,
    "linear": _linear,
    "max_pool": _greatest,
    "min_pool": _greatest,
    "avg_pool": _average,
    **dict.fromkeys(("sum_pool", "l2_pool", "gaussian_pool"), _summed),
    **dict.fromkeys(
        ("global_avg_pool", "global_max_pool", "adaptive_avg_pool", "adaptive_max_pool"), _over_places
    ),
}
