"""The endpoints of the design page: blueprints as they are written, and their training."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from foveate.http.body import BodyReader
from foveate.http.replies import json_reply
from foveate.inspector import blueprint_checks as blueprints
from foveate.inspector import requests as asked
from foveate.inspector.trainings import Trainings
from foveate.inspector.worker import Desk

MOST_ROWS = 10_000_000


class Designing:
    """What is asked about networks that are being made."""

    def __init__(self, trainings: Trainings, desk: Desk, bodies: BodyReader) -> None:
        self._trainings, self._desk, self._bodies = trainings, desk, bodies

    async def blueprint(self, request: Request) -> Response:
        with await self._bodies.read(request) as body:
            document = asked.json_object(body)
        return json_reply(await self._desk.run(blueprints.check, document))

    async def kinds(self, request: Request) -> Response:
        return json_reply(await self._desk.run(blueprints.kinds))

    async def examples(self, request: Request) -> Response:
        return json_reply(await self._desk.run(blueprints.examples))

    async def trainings(self, request: Request) -> Response:
        if request.method == "GET":
            return json_reply(await self._desk.run(self._trainings.describe))
        with await self._bodies.read(request) as body:
            document = asked.json_object(body)
        return json_reply(await self._desk.run(self._trainings.start, document), 201)

    async def training(self, request: Request) -> Response:
        name = request.path_params["training"]
        if request.method == "DELETE":
            self._trainings.stop(name)
        after = asked.query_number(request, "after", 0, 0, MOST_ROWS)
        return json_reply(self._trainings.get(name).to_dict(after))
