"""Means, sums and maxima over axes, and the largest values of an axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from foveate.operators.onnx import OnnxGraph, alike, only, reshape
from foveate.operators.reading import Reading, Value
from foveate.operators.sums import Arithmetic, Formula, Place, Term, shown
from foveate.operators.table import reads, sums, writes


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
    if _over_places(input, dim):
        return Reading("global_max_pool", "global max pool")
    return _over_channels("max", input, dim)


def _reduction(kind: str) -> Any:
    def write(
        g: OnnxGraph, input: Value, dim: Any = None, keepdim: bool = False, *, dtype: Any = None
    ) -> Any:
        only(dim is not None, f"{kind} over everything")
        dims = _axes(input, dim, kind)
        if kind == "ReduceMean" and dims == [2, 3] and input.dim() == 4:  # the form the runtime is fastest in
            return (
                g.op("GlobalAveragePool", input) if keepdim else reshape(g, g.op("GlobalAveragePool", input))
            )
        return g.op(kind, input, g.integers(dims), keepdims=int(keepdim))

    return write


def _axes(input: Value, dim: Any, kind: str) -> list[int]:
    dims = sorted(d % input.dim() for d in (dim if isinstance(dim, Sequence) else [dim]))
    only(0 not in dims, f"{kind} over the batch")
    return dims


for _name, _kind in {
    "mean": "ReduceMean", "sum": "ReduceSum", "amax": "ReduceMax", "amin": "ReduceMin",
}.items():  # fmt: skip
    writes(_name)(_reduction(_kind))


_BEST = {"argmax": ("ArgMax", "ReduceMax"), "argmin": ("ArgMin", "ReduceMin")}


def _writes_best(where: str, greatest: str, of_two: str) -> None:
    """Writes where an axis is greatest, the number there and where, the greater of two; or the least."""
    place, number = _BEST[where]

    def write_where(g: OnnxGraph, input: Value, dim: int | None = None, keepdim: bool = False) -> Any:
        only(dim is not None, f"{where} of everything")
        return g.op(place, input, axis=_axes(input, dim, where)[0], keepdims=int(keepdim))

    def write(g: OnnxGraph, input: Value, dim: Any = None, keepdim: bool = False) -> Any:
        if isinstance(dim, Value):
            return g.op(of_two, *alike(g, input, dim))
        places = write_where(g, input, dim, keepdim)
        numbers = g.op(number, input, g.integers(_axes(input, dim, where)), keepdims=int(keepdim))
        return [numbers, places]

    writes(where)(write_where)
    writes(greatest)(write)


_writes_best("argmax", "max", "Max")
_writes_best("argmin", "min", "Min")


def _over_channels(what: str, input: Any, dim: Any) -> Reading | None:
    if not isinstance(dim, int) or input.ndim != 4 or dim % 4 != 1:
        return None
    word = what.removeprefix("arg")
    label = f"{word} over channels" if word == what else f"channel of the {word}"
    return Reading(f"{what}_over_channels", label)


def _reads_best(what: str) -> None:
    def read_where(out: Value, input: Any, dim: Any = None, keepdim: bool = False) -> Reading | None:
        return _over_channels(f"arg{what}", input, dim)

    def read(out: Any, input: Any, dim: Any = None, keepdim: bool = False) -> Any:
        found = (_over_channels(name, input, dim) for name in (what, f"arg{what}"))
        return None if isinstance(out, Value) else list(found)

    reads(f"arg{what}")(read_where)
    reads(what)(read)


_reads_best("max")
_reads_best("min")


@reads("amin")
def _read_amin(out: Value, input: Any, dim: Any = (), keepdim: bool = False) -> Reading | None:
    return _over_channels("min", input, dim)


@sums("max_over_channels", "min_over_channels", "argmax_over_channels", "argmin_over_channels")
def _sum_best(place: Place) -> Arithmetic:
    """Of the channels at this place, the greatest number or the least: of equals the first."""
    op = place.step.op
    numbers = place.input()[:, place.row, place.column]
    best = int(numbers.argmin() if "min" in op else numbers.argmax())
    number, word = float(numbers[best]), "least" if "min" in op else "greatest"
    total = float(best) if op.startswith("arg") else number
    term = Term(place.step.inputs[0], best, 1.0, number, number)
    steps = [Formula(f"the {word} of {len(numbers)} channels, channel {best}", shown(number))]
    if op.startswith("arg"):
        steps.append(Formula("its channel", shown(total)))
    return Arithmetic(op, place.value, total, (term,), steps=tuple(steps), facts={"channel": best})


@writes("topk")
def _write_topk(g: OnnxGraph, input: Value, k: int, dim: int = -1) -> Any:
    only(dim % input.dim() != 0, "topk over the batch")
    return g.op("TopK", input, g.integers([k]), outputs=2, axis=dim)
