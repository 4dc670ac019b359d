"""Dense layers: every output sees every input."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from foveate.errors import InputError
from foveate.operators.blueprint import Argument, Arguments, BlueprintLayer, Count, Flag, Shape, by
from foveate.operators.onnx import OnnxGraph
from foveate.operators.optional_torch import Tensor, nn
from foveate.operators.reading import Reading, Value
from foveate.operators.sums import Arithmetic, Place, Recording, Term
from foveate.operators.table import in_blueprints, reads, sums, writes
from foveate.operators.windows import weighted


@reads("linear")
def _read_linear(out: Value, input: Any, weight: Any, bias: Any = None) -> Reading | None:
    if isinstance(weight, Value) or isinstance(bias, Value) or not 2 <= input.ndim <= 4:
        return None
    tensors = {"weight": weight} if bias is None else {"weight": weight, "bias": bias}
    return Reading("linear", f"linear {weight.shape[0]:,}", {}, tensors)


@writes("linear")
def _write_linear(g: OnnxGraph, input: Value, weight: Tensor, bias: Tensor | None = None) -> Any:
    if input.dim() == 2:
        return g.op("Gemm", input, weight, *([] if bias is None else [bias]), transB=1)
    product = g.op("MatMul", input, weight.detach().t().contiguous())
    return product if bias is None else g.op("Add", product, bias)


@sums("linear")
def _sum(place: Place) -> Arithmetic:
    """Of a vector (K,); or of the last axis of (1, T, K) or (H, W, K), at this token or place."""
    *at, unit = place.index
    row = place.tensor("weight")[unit].astype(np.float64)
    values = place.input()[tuple(at)].astype(np.float64)
    term = Term(place.step.inputs[0], None, row, values, float(row @ values))
    found = weighted(place, (term,), place.bias(unit), None, row.size)
    maps = None if at else _map_before(place.recording, place.step.inputs[0])
    return replace(found, facts={"map_shape": None if maps is None else list(maps)})


def _map_before(recording: Recording, number: int) -> tuple[int, ...] | None:
    """The shape of the map that a vector was, before it was laid flat."""
    while recording.steps[number].op in ("flatten", "dropout"):
        number = recording.steps[number].inputs[0]
    shape = recording.steps[number].shape
    return shape if len(shape) == 3 else None


def _shape(args: Arguments, shape: Shape) -> Shape:
    if len(shape) != 1:
        raise InputError(
            f"it takes flat values, and what arrives is a map of {by(shape)}; put `flatten` or "
            "`global_avg_pool` before it"
        )
    return (args["units"],)


in_blueprints(
    {
        "flatten": BlueprintLayer(
            lambda shape: nn.Flatten(),
            "dense",
            "The map as one long row of values, for dense layers.",
            shape=lambda args, shape: (math.prod(shape),),
        ),
        "dense": BlueprintLayer(
            lambda shape, units, bias: nn.Linear(shape[0], units, bias),
            "dense",
            "Every output sees every input. The last one makes a score a class.",
            shape=_shape,
            arguments={"units": Argument(Count()), "bias": Argument(Flag(), True)},
            parameters=lambda args, shape: args["units"] * (shape[0] + args["bias"]),
            scalar="units",
            scores="units",
            start={"units": 64},
        ),
    }
)
