"""The report: one self-contained HTML page, without a script, a font or a link that leaves it.

Every text goes through Jinja2's escaping, charts are built as element trees, and the page forbids itself
everything but its own styles and pictures (Content-Security-Policy), so names out of a data set stay text.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from foveate import words
from foveate.report import charts
from foveate.report.data import Augmented, ReportData
from foveate.report.html import template
from foveate.tasks.base import Task
from foveate.tasks.measures import LOSS
from foveate.tasks.sections import (
    Column,
    Figure,
    Figures,
    Gallery,
    Lines,
    Mark,
    Panel,
    Picture,
    Table,
    Unit,
)

AUGMENTED_SHOWN = 24
LAYERS_SHOWN = 1000
EPOCHS_SHOWN = 400

_Row = Mapping[str, float | None]


def render_report(data: ReportData) -> str:
    """The whole page as text; write it as UTF-8. The same data gives the same page."""
    return template("report.html.j2").render(_context(data))


def _context(data: ReportData) -> dict[str, Any]:
    headline = data.result.headline
    told = headline.metric.told(headline.value)
    curves, history = _curves(data), data.history[-EPOCHS_SHOWN:]
    return {
        "data": data,
        "result": data.result,
        "created": words.moment(data.created),
        "told": told,
        "big": told.removesuffix("\N{NO-BREAK SPACE}%"),
        "interval": Markup(charts.interval_chart(headline)),
        "augmented": _augmented(data.augmented[:AUGMENTED_SHOWN]),
        "curves": curves,
        "history": _history(history, data.task) if curves else None,
        "layers": _layers(data.layers[:LAYERS_SHOWN]),
        "phases": Markup(charts.stacked_bar(data.seconds_by_phase, "Time spent by phase")),
        "total_seconds": sum(data.seconds_by_phase.values()),
        "outputs": [output.name for output in data.task.outputs],
        "shell_path": shlex.quote(words.shown(data.model_path, 500)),
        "python_path": repr(words.shown(data.model_path, 500)),
    }


def _augmented(items: Sequence[Augmented]) -> Gallery:
    said = "A training picture as the network sees it"
    pictures = []
    for item in items:
        of = f" of {words.shown(item.label)}" if item.label else ""
        pictures.append(Picture([Panel(item.picture, said + of)], [[Mark(item.label)]] if item.label else ()))
    return Gallery(pictures, small=True)


def _curves(data: ReportData) -> Figures | None:
    """Loss, the first metric and the one that training shows by epoch, as far as the history holds them."""
    drawn = []
    for metric in dict.fromkeys((LOSS, data.task.metrics[0], data.task.shown)):
        series = {
            name: points
            for name, prefix in (("validation", "val"), ("training", "train"))
            if (points := _points(data.history, f"{prefix}_{metric.name}"))
        }
        if series:
            title = f"{metric.heading} by epoch: " + "; ".join(
                f"{name} from {points[0][1]:.3g} to {points[-1][1]:.3g}" for name, points in series.items()
            )
            unit: Unit = "percent" if metric.is_fraction else "number"
            drawn.append(Figure(Lines(title, series, unit, data.best_epoch), metric.heading))
    return Figures(drawn) if drawn else None


def _points(history: Sequence[_Row], key: str) -> list[tuple[float, float]]:
    points = []
    for row in history:
        epoch, value = row.get("epoch"), row.get(key)
        if epoch is not None and value is not None and math.isfinite(value):
            points.append((float(epoch), float(value)))
    return points


def _history(rows: Sequence[_Row], task: Task) -> Table:
    """Every number by epoch."""

    def number(row: _Row, key: str, form: str) -> str | None:
        value = row.get(key)
        return None if value is None else format(value, form)

    columns = [("epoch", "epoch", "g"), ("lr", "learning rate", ".2g")]
    for prefix, shown in (("train", (task.shown,)), ("val", task.metrics)):
        columns.append((f"{prefix}_loss", f"{prefix} loss", ".4f"))
        forms = [(metric, ".2%" if metric.is_fraction else ".4g") for metric in shown]
        columns += [(f"{prefix}_{metric.name}", f"{prefix} {metric.words}", form) for metric, form in forms]
    columns.append(("seconds", "seconds", ".1f"))
    cells = [[number(row, key, form) for key, _, form in columns] for row in rows]
    return Table("Numbers by epoch", [Column(heading) for _, heading, _ in columns], cells, wide=True)


def _layers(rows: Sequence[Mapping[str, object]]) -> Table:
    """The layers: numbers grouped, shapes with times signs."""

    def text(value: object) -> str | None:
        if isinstance(value, (tuple, list)):
            return " × ".join(str(part) for part in value)
        return f"{value:,}" if isinstance(value, int) else None if value is None else str(value)

    columns = {"name": Column("layer", "code"), "kind": Column("kind", "text")}
    numbers = ("output_shape", "parameters", "macs", "receptive_field")
    headings = ("output shape", "parameters", "MACs", "receptive field")
    columns |= {key: Column(heading) for key, heading in zip(numbers, headings, strict=True)}
    cells = [[text(row.get(key)) for key in columns] for row in rows]
    return Table("Layers", list(columns.values()), cells, wide=True)
