"""The pages for people: `GET /` and `GET /docs`. All they need is in the package; nothing is fetched."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from foveate.errors import RequestError
from foveate.http.about import about, templates
from foveate.runtime.predictor import Predictor
from foveate.words import encodable

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
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
        environment = templates("foveate.server")
        common = {"name": encodable(name), "secured": secured}
        self._index = environment.get_template("index.html.j2").render(
            **about(predictor),
            ranked=predictor.task.label_scores is not None,
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


def _html(text: str) -> Response:
    return Response(text.encode("utf-8"), media_type="text/html; charset=utf-8")
