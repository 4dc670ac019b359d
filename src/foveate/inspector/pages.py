"""The two pages and the files they need, out of the package. Read anew each time: they are small."""

from __future__ import annotations

import re
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import Response

from foveate.errors import RequestError
from foveate.words import encodable

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,40}(\.[a-z0-9-]{1,20})?\.(js|css|svg|png|json)")
TYPES = {
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
    "json": "application/json",
}
# The camera is asked for by the network page alone, and only when its button is pressed.
CAMERA = {"permissions-policy": "camera=(self), geolocation=(), microphone=()"}


class Pages:
    """`GET /`, `GET /design`, `GET /assets/...`."""

    def __init__(self, name: str) -> None:
        self._name = encodable(name)
        self._folders = [resources.files(f"foveate.{room}") / "web" for room in ("inspector", "http")]
        self._templates = Environment(
            loader=PackageLoader("foveate.inspector", "web"),
            autoescape=True,
            undefined=StrictUndefined,
            auto_reload=True,
        )

    async def index(self, request: Request) -> Response:
        return self._page("index.html.j2", CAMERA)

    async def design(self, request: Request) -> Response:
        return self._page("design.html.j2", {})

    async def asset(self, request: Request) -> Response:
        """A file of these pages, or one that all pages share. Raises RequestError 404."""
        file = request.path_params["file"]
        match = NAME.fullmatch(file)
        for folder in self._folders:
            if match is not None and (found := folder / file).is_file():
                return Response(found.read_bytes(), media_type=TYPES[match[2]])
        raise RequestError(404, "There is nothing at this path.")

    def _page(self, template: str, headers: dict[str, str]) -> Response:
        text = self._templates.get_template(template).render(name=self._name)
        return Response(text.encode("utf-8"), headers=headers, media_type="text/html; charset=utf-8")
