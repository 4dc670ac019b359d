"""One number's arithmetic as JSON."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import numpy as np

from foveate.graph.arithmetic import explain_value
from foveate.inspector.runs import Run
from foveate.operators.sums import Arithmetic, Formula, Term, shown


def describe(run: Run, number: int, channel: int, row: int, column: int) -> dict[str, Any]:
    """The answer of `GET .../sum`. Raises InputError for a place that is not there."""
    found = explain_value(run.recording, number, channel, row, column)
    top, bottom, left, right = found.field
    document = {
        "op": found.op,
        "node": f"n{number}",
        "channel": channel,
        "row": row,
        "column": column,
        "value": plain(found.value),
        "total": plain(found.total),
        "window": None if found.window is None else asdict(found.window),
        "field": {"top": top, "left": left, "bottom": bottom, "right": right},
        "terms": [_term(term) for term in found.terms],
        "bias": plain(found.bias),
        "steps": [asdict(step) for step in found.steps],
    }
    facts = {key: plain(value) for key, value in found.facts.items()}
    return document | facts | (_pixel(run, found, channel, row, column) if found.op == "input" else {})


def _term(term: Term) -> dict[str, Any]:
    return {
        "node": None if term.step is None else f"n{term.step}",
        "channel": term.channel,
        "weight": plain(term.weight),
        "input": plain(term.input),
        "sum": plain(term.sum),
    }


def _pixel(run: Run, found: Arithmetic, channel: int, row: int, column: int) -> dict[str, Any]:
    """How a pixel became a number of the input."""
    pixel = int(run.pixels[row, column, channel])
    p = run.net.preprocessing
    scale, shift = float(p.scale[channel]), float(p.shift[channel]) + 0.0
    step = Formula(f"pixel {pixel} · {shown(scale)} + {shown(shift)}", shown(found.value))
    return {"pixel": pixel, "scale": plain(scale), "shift": plain(shift), "steps": [asdict(step)]}


def largest_part(found: Arithmetic) -> tuple[Term, Any] | None:
    """The term in which the largest product stands, and the sizes of its products; of what a step gave."""
    terms = [term for term in found.terms if term.step is not None]
    if not terms:
        return None
    sizes = [np.abs(np.asarray(term.weight) * np.asarray(term.input)) for term in terms]
    largest = max(range(len(terms)), key=lambda i: float(sizes[i].max()))
    return terms[largest], sizes[largest]


def plain(value: Any) -> Any:
    """Numbers and arrays as strict JSON: nine figures, which tell any float32 apart; None for no number."""
    if isinstance(value, np.ndarray):
        if value.ndim > 1:
            return [plain(part) for part in value]
        return [float(f"{x:.9g}") if math.isfinite(x) else None for x in value.tolist()]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    return value
