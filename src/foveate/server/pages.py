"""The pages for people: `GET /` and `GET /docs`. All they need is in the package; nothing is fetched."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import Response

from foveate.errors import RequestError
from foveate.runtime.predictor import Predictor
from foveate.words import encodable

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
LABELS_SHOWN = 200
# room -> those of its files that the page takes
_ASSETS = {
    "http": ("page.css", "icon.svg", "page.js", "answers.js", "boxes.js", "masks.js"),
    "server": ("predict.js",),
}


class Pages:
    """The two pages, rendered once, and their style sheet, script and icon, read once."""

    def __init__(
        self, name: str, predictor: Predictor, openapi: dict[str, Any], *, secured: bool, max_body_bytes: int
    ) -> None:
        environment = Environment(
            loader=PackageLoader("foveate.server", "web"), autoescape=True, undefined=StrictUndefined
        )
        common = {"name": encodable(name), "secured": secured}
        self._index = environment.get_template("index.html.j2").render(
            purpose=predictor.task.purpose,
            ranked=predictor.task.label_scores is not None,
            labels=[encodable(label) for label in predictor.task.labels[:LABELS_SHOWN]],
            label_count=len(predictor.task.labels),
            palette=_palette(predictor),
            preprocessing=predictor.preprocessing.describe(),
            facts=_facts(predictor),
            max_body_bytes=max_body_bytes,
            **common,
        )
        self._docs = environment.get_template("docs.html.j2").render(openapi=openapi, **common)
        self._assets = {
            file: (resources.files(f"foveate.{room}") / "web" / file).read_bytes()
            for room, files in _ASSETS.items()
            for file in files
        }

    async def index(self, request: Request) -> Response:
        return _html(self._index)

    async def docs(self, request: Request) -> Response:
        return _html(self._docs)

    async def asset(self, request: Request) -> Response:
        file = request.path_params["file"]
        if file not in self._assets:
            raise RequestError(404, "There is nothing at this path.")
        return Response(self._assets[file], media_type=_TYPES[Path(file).suffix])


def _palette(predictor: Predictor) -> list[tuple[str, str]]:
    """Label and colour, as ``#c80000``, where answers are drawn in colours."""
    task = predictor.task
    colours = [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in task.palette]
    return list(zip(map(encodable, task.labels), colours, strict=False))


def _html(text: str) -> Response:
    return Response(text.encode("utf-8"), media_type="text/html; charset=utf-8")


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
