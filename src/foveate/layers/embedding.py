"""Embeddings: a row of a table for each number, such as for each word of a sentence."""

from __future__ import annotations

from typing import Any

from foveate.operators.onnx import OnnxGraph, only
from foveate.operators.optional_torch import Tensor
from foveate.operators.reading import Reading, Value
from foveate.operators.sums import Arithmetic, Formula, Place, Term, shown
from foveate.operators.table import reads, sums, writes


@reads("embedding")
def _read(out: Value, input: Any, weight: Any, *_: Any, **__: Any) -> Reading | None:
    """Of one number a row, (N,) or (N, 1), a vector (K,) a row."""
    if isinstance(weight, Value) or not isinstance(input, Value) or input.shape[1:].numel() != 1:
        return None
    return Reading("embedding", f"embedding {weight.shape[1]:,}", {}, {"weight": weight})


@writes("embedding")
def _write(g: OnnxGraph, input: Value, weight: Tensor, *_: Any, **__: Any) -> Any:
    only(isinstance(weight, Tensor), "an embedding whose table is computed")
    return g.op("Gather", weight, input, axis=0)


@sums("embedding")
def _sum(place: Place) -> Arithmetic:
    """The number that the table has: that of the row whose number came in."""
    row = int(place.input().ravel()[0])
    total = float(place.tensor("weight")[row, place.index[-1]])
    term = Term(place.step.inputs[0], None, 1.0, total, total)
    steps = (Formula(f"row {row}, column {place.index[-1]} of the table", shown(total)),)
    return Arithmetic("embedding", place.value, total, (term,), steps=steps, facts={"row_of_table": row})
