"""Means, sums and maxima over axes, and the largest values of an axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from foveate.operators.onnx import UNUSED, OnnxGraph, only, reshape
from foveate.operators.reading import Reading, Value
from foveate.operators.table import reads, writes


def _over_places(input: Any, dim: Any) -> bool:
    if input.ndim != 4 or dim is None:
        return False
    dims = [dim] if isinstance(dim, int) else dim
    return sorted(d % 4 for d in dims) == [2, 3]


@reads("mean")
def _read_mean(out: Value, input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    return Reading("global_avg_pool", "global average pool") if _over_places(input, dim) else None


@reads("amax")
def _read_amax(out: Value, input: Any, dim: Any = (), keepdim: bool = False) -> Any:
    return Reading("global_max_pool", "global max pool") if _over_places(input, dim) else None


def _reduction(kind: str) -> Any:
    def write(
        g: OnnxGraph, input: Value, dim: Any = None, keepdim: bool = False, *, dtype: Any = None
    ) -> Any:
        only(dim is not None, f"{kind} over everything")
        dims = sorted(d % input.dim() for d in (dim if isinstance(dim, Sequence) else [dim]))
        only(0 not in dims, f"{kind} over the batch")
        if kind == "ReduceMean" and dims == [2, 3] and input.dim() == 4:  # the form the runtime is fastest in
            return (
                g.op("GlobalAveragePool", input) if keepdim else reshape(g, g.op("GlobalAveragePool", input))
            )
        return g.op(kind, input, g.integers(dims), keepdims=int(keepdim))

    return write


for _name, _kind in {"mean": "ReduceMean", "sum": "ReduceSum", "amax": "ReduceMax"}.items():
    writes(_name)(_reduction(_kind))


@writes("topk")
def _write_topk(g: OnnxGraph, input: Value, k: int, dim: int = -1) -> Any:
    only(dim % input.dim() != 0, "topk over the batch")
    values, _ = g.op("TopK", input, g.integers([k]), outputs=2, axis=dim)
    return [values, UNUSED]
