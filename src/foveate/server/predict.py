"""`POST /predict`: one picture as the body, or several as multipart."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from foveate.errors import RequestError
from foveate.http.body import BodyReader, is_multipart, split_multipart
from foveate.http.replies import json_reply
from foveate.http.schema import read_number
from foveate.http.settings import ServeSettings
from foveate.server.documents import DEFAULT_TOP_K, Predictions, TopK
from foveate.server.engine import Engine


class Predict:
    """The endpoint. Answers ``{"model", "predictions": [...]}``; see `Prediction.to_dict`."""

    def __init__(self, name: str, engine: Engine, bodies: BodyReader, settings: ServeSettings) -> None:
        self._name = name
        self._engine = engine
        self._bodies = bodies
        self._settings = settings

    async def predict(self, request: Request) -> Response:
        text = request.query_params.get("top_k")
        top_k = DEFAULT_TOP_K if text is None else read_number("top_k", TopK, text)
        self._engine.check_room()  # before the body is read: refused at once, at no cost
        content_type = request.headers.get("content-type", "")
        with await self._bodies.read(request) as body:
            if is_multipart(content_type):
                files = await asyncio.to_thread(
                    split_multipart, content_type, body, self._settings.max_pictures
                )
            else:
                files = [("the body", body)] if body else []
            if not files:
                raise RequestError(
                    400, "Expected a picture in the body (`curl --data-binary @cat.jpg`), found none."
                )
            values = await self._engine.read_and_run(files)
        told = self._engine.predictor.task.predictions(values, top_k)
        predictions = [dict(prediction.to_dict()) for prediction in told]
        if is_multipart(content_type):
            predictions = [
                {"file": name, **found} for (name, _), found in zip(files, predictions, strict=True)
            ]
        return json_reply(Predictions(model=self._name, predictions=predictions))
