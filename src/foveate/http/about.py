"""What pages of a model say of it, and the templates that they are made of."""

from __future__ import annotations

from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from foveate.runtime.predictor import Predictor
from foveate.words import encodable

LABELS_SHOWN = 200


def templates(package: str) -> Environment:
    """The templates of a package's folder ``web``, and those that all pages share."""
    loaders = [PackageLoader(name, "web") for name in (package, "foveate.http")]
    return Environment(loader=ChoiceLoader(loaders), autoescape=True, undefined=StrictUndefined)


def about(predictor: Predictor) -> dict[str, Any]:
    """Purpose, labels, colours, preprocessing and figures of a model, as templates take them."""
    task = predictor.task
    return {
        "purpose": task.purpose,
        "labels": [encodable(label) for label in task.labels[:LABELS_SHOWN]],
        "label_count": len(task.labels),
        "palette": _palette(predictor),
        "preprocessing": predictor.preprocessing.describe(),
        "facts": _facts(predictor),
    }


def _palette(predictor: Predictor) -> list[tuple[str, str]]:
    """Label and colour, as ``#c80000``, where answers are drawn in colours."""
    task = predictor.task
    colours = [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in task.palette]
    return list(zip(map(encodable, task.labels), colours, strict=False))


def _facts(predictor: Predictor) -> list[str]:
    """What is known of the model, in a few words each."""
    config = predictor.config
    if config is None:
        return []
    facts = []
    if isinstance(architecture := config.architecture.get("name"), str):
        facts.append(encodable(architecture))
    split = config.metrics.get("evaluated_on")
    measured = config.metrics.get(split) if isinstance(split, str) else None
    metric = predictor.task.metrics[0]
    if isinstance(measured, dict) and isinstance(value := measured.get(metric.name), int | float):
        samples = measured.get("samples")
        on = f" on {samples:,} {encodable(str(split))} pictures" if isinstance(samples, int) else ""
        facts.append(f"{metric.words} {metric.told(value)}{on}")
    return facts
