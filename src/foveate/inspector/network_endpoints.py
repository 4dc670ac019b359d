"""The endpoints that look at a network and its runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from starlette.requests import Request
from starlette.responses import Response

from foveate.errors import RequestError
from foveate.http.body import BodyReader
from foveate.http.replies import json_reply
from foveate.http.settings import ServeSettings
from foveate.images.kernels import KERNELS
from foveate.inspector import boxes, drawing, pixels, sentences, sums
from foveate.inspector import network_json as network
from foveate.inspector import requests as asked
from foveate.inspector.networks import steps_of
from foveate.inspector.runs import Run
from foveate.inspector.session import MAIN, Session
from foveate.inspector.worker import Desk

MAX_NAME = 120  # characters of a picture's name


def png_reply(content: bytes, headers: dict[str, str] | None = None) -> Response:
    return Response(content, headers=headers, media_type="image/png")


class Looking:
    """What is asked about networks, pictures, runs and nodes."""

    def __init__(self, session: Session, desk: Desk, bodies: BodyReader, settings: ServeSettings) -> None:
        self._session, self._desk, self._bodies, self._settings = session, desk, bodies, settings

    async def document(self, request: Request) -> dict[str, Any]:
        """The request's JSON object. Raises RequestError."""
        with await self._bodies.read(request) as body:
            return asked.json_object(body)

    # --- Networks and pictures -----------------------------------------------------------------------------

    async def network(self, request: Request) -> Response:
        name = request.query_params.get("net", MAIN)
        net = self._session.net(name)
        return json_reply(await self._desk.run(network.describe, name, net))

    async def nets(self, request: Request) -> Response:
        if request.method == "POST":
            return json_reply(await self._desk.run(self._session.open, await self.document(request)), 201)
        return json_reply(self._session.nets())

    async def kernels(self, request: Request) -> Response:
        net = self._session.net(request.path_params["net"])
        channel = int(request.path_params["channel"])
        number = asked.node_number(request.path_params["node"])

        def find() -> dict[str, Any]:
            steps = steps_of(net)
            weight = steps[number].tensors.get("weight") if number < len(steps) else None
            if weight is None or weight.ndim != 4 or channel >= len(weight):
                raise RequestError(404, f"There is no kernel {channel} at n{number}.")
            bias = steps[number].tensors.get("bias")
            first = channel // (len(weight) // steps[number].settings["groups"]) * weight.shape[1]
            return {
                "kernel": sums.plain(weight[channel].numpy()),
                "bias": None if bias is None else float(bias[channel]),
                "channels": list(range(first, first + weight.shape[1])),
            }

        return json_reply(await self._desk.run(find))

    async def pictures(self, request: Request) -> Response:
        name = request.query_params.get("net", MAIN)
        seen = self._session.net(name).preprocessing
        if request.method == "GET":
            return json_reply({"pictures": self._session.pictures.list(name)})
        title, most = request.query_params.get("name", "your picture")[:MAX_NAME], self._settings.max_pixels
        with await self._bodies.read(request) as body:
            made = await self._desk.run(self._session.pictures.read, body, title, seen, most)
        return json_reply(self._session.pictures.describe(made, name), 201)

    async def picture(self, request: Request) -> Response:
        picture = self._session.pictures.get(request.path_params["picture"])
        net = self._session.net(request.query_params.get("net"))
        if request.query_params.get("original") == "1":
            return png_reply(await self._desk.run(drawing.to_png, picture.pixels))
        return png_reply(await self._desk.run(lambda: drawing.to_png(picture.seen_by(net.preprocessing))))

    async def filters(self, request: Request) -> Response:
        known = [{"name": name, "kernel": kernel.tolist()} for name, kernel in KERNELS.items()]
        return json_reply({"filters": known})

    # --- Runs ----------------------------------------------------------------------------------------------

    async def runs(self, request: Request) -> Response:
        return json_reply(await self._desk.run(self._session.run, await self.document(request)), 201)

    async def drawn(self, request: Request) -> Response:
        run = self._session.runs.get(request.path_params["run"])
        return png_reply(await self._desk.run(pixels.drawn_png, run))

    async def pixel(self, request: Request) -> Response:
        run = self._session.runs.get(request.path_params["run"])
        row, column = (asked.query_number(request, name, 0, 0, 100_000_000) for name in ("row", "column"))
        label = asked.query_number(request, "class", -1, 0, 1_000_000)
        return json_reply(
            await self._desk.run(lambda: pixels.describe(run, row, column, None if label < 0 else label))
        )

    async def words(self, request: Request) -> Response:
        run = self._session.runs.get(request.path_params["run"])
        return json_reply(await self._desk.run(sentences.describe, run))

    async def word(self, request: Request) -> Response:
        run = self._session.runs.get(request.path_params["run"])
        number = int(request.path_params["number"])
        word = asked.query_number(request, "class", -1, 0, 1_000_000)
        return json_reply(await self._desk.run(sentences.why, run, number, None if word < 0 else word))

    async def boxes(self, request: Request) -> Response:
        run = self._session.runs.get(request.path_params["run"])
        return json_reply(await self._desk.run(boxes.describe, run))

    async def box(self, request: Request) -> Response:
        run = self._session.runs.get(request.path_params["run"])
        number, what = int(request.path_params["number"]), request.query_params.get("of", boxes.SCORE)
        return json_reply(await self._desk.run(boxes.why, run, number, what))

    async def explain(self, request: Request) -> Response:
        return json_reply(await self._desk.run(self._session.explain, await self.document(request)), 201)

    async def heat(self, request: Request) -> Response:
        return png_reply(self._session.heats.get(request.path_params["heat"]))

    async def sprites(self, request: Request) -> Response:
        size = asked.query_number(request, "height", 48, 8, 128)
        run = self._session.runs.get(request.path_params["run"])
        nodes = asked.query_nodes(request, "nodes", len(run.recording.steps))
        content = await self._desk.run(lambda: drawing.to_png(drawing.sprites(run, size, nodes)))
        return png_reply(content, {"x-columns": str(drawing.SPRITE_COLUMNS), "x-cell": str(size)})

    async def sheet(self, request: Request) -> Response:
        first = asked.query_number(request, "from", 0, 0, 1_000_000)
        count = asked.query_number(request, "count", 64, 1, 4096)
        size = asked.query_number(request, "size", 64, 4, 1024)
        columns = asked.query_number(request, "columns", 8, 1, 256)

        def draw(run: Run, number: int) -> Response:
            values = run.recording.values[number]
            if values.ndim != 3 or first >= len(values):
                raise RequestError(404, f"n{number} has no map {first}.")
            shown = min(count, len(values) - first)
            if max(columns, -(-shown // columns)) * size > drawing.MAX_SHEET_PX:
                raise RequestError(
                    422, f"A sheet has at most {drawing.MAX_SHEET_PX} px a side; ask for less."
                )
            picture, scale = drawing.sheet(values, first, count, size, columns)
            headers = {
                "x-columns": str(columns),
                "x-count": str(shown),
                "x-low": f"{scale.low:.9g}",
                "x-high": f"{scale.high:.9g}",
            }
            return png_reply(drawing.to_png(picture), headers)

        return await self._of_node(request, draw)

    async def map(self, request: Request) -> Response:
        channel = int(request.path_params["channel"])

        def read(run: Run, number: int) -> Response:
            values = run.recording.values[number]
            if values.ndim == 3 and channel >= len(values):
                raise RequestError(404, f"n{number} has the maps 0 to {len(values) - 1}.")
            found = values[channel] if values.ndim == 3 else values[None]
            content = found.to(torch.float32).contiguous().numpy().astype(np.dtype("<f4")).tobytes()
            headers = {"x-height": str(found.shape[0]), "x-width": str(found.shape[1])}
            return Response(content, headers=headers, media_type="application/octet-stream")

        return await self._of_node(request, read)

    async def sum(self, request: Request) -> Response:
        channel, row, column = (
            asked.query_number(request, name, 0, 0, 100_000_000) for name in ("channel", "row", "column")
        )
        return await self._of_node(
            request, lambda run, number: json_reply(sums.describe(run, number, channel, row, column))
        )

    async def _of_node(self, request: Request, work: Callable[[Run, int], Response]) -> Response:
        run, node = request.path_params["run"], request.path_params["node"]
        found: Response = await self._desk.run(self._session.with_node, run, node, work)
        return found
