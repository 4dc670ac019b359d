"""The product of two matrices that are both computed from the picture, as attention has it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from foveate.operators.onnx import OnnxGraph
from foveate.operators.optional_torch import Tensor
from foveate.operators.reading import Reading, Value
from foveate.operators.sums import Arithmetic, Formula, Place, Term, shown
from foveate.operators.table import reads, sums, writes

_NAMES = ("matmul", "mm", "bmm")


@reads(*_NAMES)
def _read(out: Value, input: Any, other: Any) -> Reading | None:
    """Of stacks of as many axes: (N, R, K) and (N, K, C) to (N, R, C), or with heads (N, M, ...)."""
    both = isinstance(input, Value) and isinstance(other, Value)
    if not both or not input.ndim == other.ndim == out.ndim or out.ndim not in (3, 4):
        return None
    return Reading("matmul", "matrix product", inputs=(input.number, other.number))


@writes(*_NAMES)
def _write(g: OnnxGraph, input: Value, other: Value | Tensor) -> Any:
    return g.op("MatMul", input, other)


@sums("matmul")
def _sum(place: Place) -> Arithmetic:
    """A row of the first matrix times a column of the second, of the same channel (or head) in both.

    The term's weights are the column. factors: the steps that both are from.
    """
    left, right = (place.input(i).astype(np.float64) for i in (0, 1))
    row = left[place.channel % len(left), place.row]  # of one channel where it is broadcast
    column = right[place.channel % len(right), :, place.column]
    total = math.fsum(row * column)
    term = Term(place.step.inputs[0], None, column, row, total)
    steps = (Formula(f"sum of {row.size:,} products", shown(total)),)
    facts = {"row": place.row, "column": place.column, "factors": list(place.step.inputs)}
    return Arithmetic("matmul", place.value, total, (term,), steps=steps, facts=facts)
