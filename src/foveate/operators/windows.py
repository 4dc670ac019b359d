"""The parts of sums that look through a window: convolutions and poolings."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from foveate.operators.sums import Arithmetic, Array, Formula, Place, Term, Window, shown


def window_of(place: Place) -> Window:
    """Where the window of a sliding operation stands."""
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


def patch_under(values: Array, window: Window, fill: str = "zeros") -> Array:
    """(C, kh, kw) float64 of maps (C, H, W) under a window; NaN where nothing is there."""
    rows, outside_rows = lines(window.rows, values.shape[1], fill)
    columns, outside_columns = lines(window.columns, values.shape[2], fill)
    patch = values[:, rows][:, :, columns].astype(np.float64)
    patch[:, outside_rows] = np.nan
    patch[:, :, outside_columns] = np.nan
    return patch


def pooled_patch(place: Place) -> tuple[Window, Array]:
    """A pooling's window, and what is under it: (kh, kw) float64, NaN where nothing is there."""
    window = window_of(place)
    return window, patch_under(place.input()[place.channel : place.channel + 1], window)[0]


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


def weighted(
    place: Place, terms: tuple[Term, ...], bias: float | None, window: Window | None, products: int
) -> Arithmetic:
    """The sum of products of a convolution or dense layer, with its bias."""
    total = math.fsum(term.sum for term in terms)
    steps = [Formula(f"sum of {products:,} products", shown(total))]
    if bias is not None:
        steps.append(Formula(f"{shown(total)} + bias {shown(bias)}", shown(total + bias)))
        total += bias
    return Arithmetic(place.step.op, place.value, total, terms, bias, window, steps=tuple(steps))


def chosen(place: Place, patch: Array, window: Window | None, *, least: bool = False) -> Arithmetic:
    """The greatest number under a window, or the least: no weights, but where it comes from."""
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


def mean(place: Place, patch: Array, window: Window | None, divisor: float) -> Arithmetic:
    """What is under a window, added up and divided."""
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


def summed(
    place: Place, window: Window, patch: Array, weight: Array | float = 1.0, what: str = "values"
) -> Arithmetic:
    """A weighted sum of what is under a window; ``what`` is added up, in words."""
    weight = np.broadcast_to(weight, patch.shape)
    total = float(np.nansum(weight * patch))
    term = Term(place.step.inputs[0], place.channel, weight, patch, total)
    steps = (Formula(f"sum of {int(np.isfinite(patch).sum())} {what}", shown(total)),)
    return Arithmetic(place.step.op, place.value, total, (term,), window=window, steps=steps)
