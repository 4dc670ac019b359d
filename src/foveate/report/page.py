"""The report: one self-contained HTML page, without a script, a font or a link that leaves it.

Every text goes through Jinja2's escaping, charts are built as element trees, and the page forbids itself
everything but its own styles and pictures (Content-Security-Policy), so names out of a data set stay text.
"""

from __future__ import annotations

import base64
import io
import math
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray
from PIL import Image

from foveate import words
from foveate.errors import ShapeError
from foveate.report import charts, meaning
from foveate.report.data import (
    Augmented,
    DatasetSummary,
    Explanation,
    Explanations,
    Mistake,
    ReportData,
)
from foveate.report.html import template
from foveate.tasks.classification.metrics import Evaluation

__all__ = [
    "Augmented",
    "DatasetSummary",
    "Explanation",
    "Explanations",
    "Mistake",
    "ReportData",
    "render_report",
]

TABLE_CLASSES = 100  # of more classes, the table shows those with the lowest F1
MISTAKES_SHOWN = 24
EXPLANATIONS_SHOWN = 8
AUGMENTED_SHOWN = 24
LAYERS_SHOWN = 1000
EPOCHS_SHOWN = 400
PAIRS_SHOWN = 12
PICTURE_PX = 192  # larger pictures are made smaller: the page shall stay light
PIXELATED_PX = 96  # smaller ones are shown with visible pixels


def render_report(data: ReportData) -> str:
    """The whole page as text; write it as UTF-8. The same data gives the same page."""
    return template("report.html.j2").render(_context(data))


def _context(data: ReportData) -> dict[str, Any]:
    result = data.evaluation
    low, high = result.accuracy_interval
    return {
        "data": data,
        "result": result,
        "created": words.moment(data.created),
        "split": words.split_word(data.evaluated_on),
        "headline": meaning.headline(data),
        "meaning": meaning.meaning(data),
        "warnings": meaning.warnings(data),
        "knows_limits": meaning.knows_limits(data),
        "interval": Markup(charts.interval_chart(result.accuracy, low, high, meaning.baseline(result)[1])),
        "class_rows": _class_rows(result),
        "all_classes_shown": len(result.classes) <= TABLE_CLASSES,
        "matrix": Markup(charts.confusion_chart(result.confusion, result.classes)),
        "matrix_classes": len(charts.matrix_classes(result.confusion)),
        "pairs": _pairs(result),
        "mistakes": [(m, _picture(m.picture)) for m in data.mistakes[:MISTAKES_SHOWN]],
        "explained": _explained(data),
        "augmented": [(a, _picture(a.picture)) for a in data.augmented[:AUGMENTED_SHOWN]],
        "curves": _curves(data),
        "history": _history(data.history[-EPOCHS_SHOWN:]),
        "reliabilities": _reliabilities(data),
        "split_rows": _split_rows(data),
        "layers": [_layer(row) for row in data.layers[:LAYERS_SHOWN]],
        "phases": Markup(charts.stacked_bar(data.seconds_by_phase, "Time spent by phase")),
        "total_seconds": sum(data.seconds_by_phase.values()),
        "shell_path": shlex.quote(words.shown(data.model_path, 500)),
        "python_path": repr(words.shown(data.model_path, 500)),
    }


def _class_rows(result: Evaluation) -> list[dict[str, Any]]:
    """All classes in their order, or the weakest of many, weakest first; classes without samples last."""
    order = np.arange(len(result.classes))
    if len(order) > TABLE_CLASSES:
        order = np.lexsort((order, result.f1, result.support == 0))[:TABLE_CLASSES]
    return [
        {
            "name": result.classes[i],
            "precision": float(result.precision[i]),
            "recall": float(result.recall[i]),
            "f1": float(result.f1[i]),
            "support": int(result.support[i]),
            "bar": Markup(charts.bar(float(result.f1[i]))),
        }
        for i in order
    ]


def _pairs(result: Evaluation) -> list[dict[str, Any]]:
    support = result.confusion.support
    return [
        {"true": result.classes[t], "predicted": result.classes[p], "count": n, "of": int(support[t])}
        for t, p, n in result.confusion.mistakes(PAIRS_SHOWN)
    ]


def _explained(data: ReportData) -> list[dict[str, Any]]:
    """Each explained picture with its heat maps: one for each class in question, the named class first."""
    explanations = data.explanations.items[:EXPLANATIONS_SHOWN] if data.explanations else ()
    shown = []
    for one in explanations:
        maps = [("wrong", one.mistake.predicted, _picture(one.for_predicted))]
        maps += [("right", one.mistake.true, _picture(one.for_true))]
        right = one.mistake.predicted == one.mistake.true
        panels = maps[1:] if right else maps
        shown.append({"mistake": one.mistake, "picture": _picture(one.mistake.picture), "maps": panels})
    return shown


def _curves(data: ReportData) -> list[tuple[str, Markup]]:
    """(caption, chart) for what the history holds; nothing for an empty history."""
    drawn = []
    for caption, key, unit in (("Loss", "loss", "number"), ("Accuracy", "accuracy", "percent")):
        series = {
            name: points
            for name, prefix in (("validation", "val"), ("training", "train"))
            if (points := _points(data.history, f"{prefix}_{key}"))
        }
        if series:
            title = f"{caption} by epoch: " + "; ".join(
                f"{name} from {points[0][1]:.3g} to {points[-1][1]:.3g}" for name, points in series.items()
            )
            chart = charts.line_chart(series, title=title, unit=unit, mark=data.best_epoch)
            drawn.append((caption, Markup(chart)))
    return drawn


def _points(history: Sequence[Mapping[str, float | None]], key: str) -> list[tuple[float, float]]:
    points = []
    for row in history:
        epoch, value = row.get("epoch"), row.get(key)
        if epoch is not None and value is not None and math.isfinite(value):
            points.append((float(epoch), float(value)))
    return points


def _history(rows: Sequence[Mapping[str, float | None]]) -> list[list[str]]:
    def number(row: Mapping[str, float | None], key: str, form: str) -> str:
        value = row.get(key)
        return "–" if value is None else format(value, form)

    columns = [("epoch", "g"), ("lr", ".2g"), ("train_loss", ".4f"), ("train_accuracy", ".2%")]
    columns += [("val_loss", ".4f"), ("val_accuracy", ".2%"), ("val_macro_f1", ".2%"), ("seconds", ".1f")]
    return [[number(row, key, form) for key, form in columns] for row in rows]


def _reliabilities(data: ReportData) -> list[dict[str, Any]]:
    after = data.evaluation.reliability
    both = [("Before temperature scaling", data.reliability_before)] if data.reliability_before else []
    name = "After, as in the model" if both else "As in the model"
    return [
        {
            "name": name,
            "ece": bins.ece,
            "chart": Markup(charts.reliability_chart(bins, f"Reliability diagram. {name}")),
        }
        for name, bins in (*both, (name, after))
        if bins is not None
    ]


def _split_rows(data: ReportData) -> dict[str, Any]:
    """The data set's classes by split: whole up to ``TABLE_CLASSES``, else totals and extremes."""
    counts = {split: list(numbers) for split, numbers in data.dataset.counts.items()}
    whole = len(data.classes) <= TABLE_CLASSES and all(len(n) == len(data.classes) for n in counts.values())
    return {
        "splits": [words.split_word(split) for split in counts],
        "totals": [sum(numbers) for numbers in counts.values()],
        "smallest": [min(numbers, default=0) for numbers in counts.values()],
        "largest": [max(numbers, default=0) for numbers in counts.values()],
        "rows": list(zip(data.classes, *counts.values(), strict=True)) if whole and counts else [],
    }


def _layer(row: Mapping[str, object]) -> dict[str, str]:
    """One layer as text: numbers grouped, shapes with times signs, a missing value as a dash."""

    def text(key: str) -> str:
        value = row.get(key)
        if value is None:
            return "–"
        if isinstance(value, (tuple, list)):
            return " × ".join(str(part) for part in value)
        return f"{value:,}" if isinstance(value, int) else words.shown(value)

    keys = ("name", "kind", "output_shape", "parameters", "macs", "receptive_field")
    return {key: text(key) for key in keys}


def _picture(pixels: NDArray[np.uint8]) -> dict[str, Any]:
    """A picture as a PNG data URI with its displayed size.

    pixels: (H, W, 3), (H, W, 1) or (H, W) uint8. Raises ShapeError for anything else.
    """
    array = np.asarray(pixels)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if (
        array.dtype != np.uint8
        or array.ndim not in (2, 3)
        or array.shape[2:] not in ((), (3,))
        or not array.size
    ):
        raise ShapeError(
            f"A picture of the report must be uint8 (H, W, 3) or (H, W, 1); got {array.dtype} {array.shape}."
        )
    image = Image.fromarray(np.ascontiguousarray(array))
    image.thumbnail((PICTURE_PX, PICTURE_PX), Image.Resampling.BOX)
    stream = io.BytesIO()
    image.save(stream, "PNG", optimize=True)
    return {
        "uri": "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii"),
        "width": image.width,
        "height": image.height,
        "pixelated": max(image.size) < PIXELATED_PX,
    }
