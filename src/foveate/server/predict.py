"""`POST /predict`: one picture as the body, or several as multipart."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import cast

from starlette.requests import Request
from starlette.responses import Response

from foveate.errors import RequestError
from foveate.http.body import BodyReader, is_multipart, split_multipart
from foveate.http.replies import json_reply
from foveate.http.schema import read_number
from foveate.http.settings import ServeSettings
from foveate.server.documents import DEFAULT_TOP_K, Predictions, TopK
from foveate.server.engine import Engine
from foveate.tasks.prediction import Drawn, Prediction
from foveate.tasks.values import Answered


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
        task, drawn = self._engine.predictor.task, wants_png(request.headers.get("accept", ""))
        if drawn and not task.draws:
            raise RequestError(406, "This model's answers are no pictures; leave Accept: image/png out.")
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
            if drawn and len(files) != 1:
                raise RequestError(406, f"Expected one picture with Accept: image/png, found {len(files)}.")
            values = await self._engine.read_and_run(files)
            names = [name for name, _ in files] if is_multipart(content_type) else None
            if task.draws:  # answers as large as the pictures: too much for the loop that serves all others
                picture = files[0][1] if drawn else None
                return await asyncio.to_thread(self._answer, values, top_k, names, picture)
            return self._answer(values, top_k, names)

    def _answer(
        self, values: Answered, top_k: int, names: list[str] | None, picture: bytes | None = None
    ) -> Response:
        """names: of the pictures, where several were sent. picture: the only one, if it is to be drawn on."""
        told = self._engine.predictor.task.predictions(values, top_k)
        if picture is not None:
            return self._drawn(told[0], picture)
        predictions = [dict(prediction.to_dict()) for prediction in told]
        if names is not None:
            predictions = [{"file": name, **found} for name, found in zip(names, predictions, strict=True)]
        return json_reply(Predictions(model=self._name, predictions=predictions))

    def _drawn(self, told: Prediction, data: bytes) -> Response:
        whole = self._engine.predictor.preprocessing.whole
        picture = partial(whole, data, max_pixels=self._settings.max_pixels)
        return Response(cast(Drawn, told).png(picture), media_type="image/png")


def wants_png(accept: str) -> bool:
    """Whether a request asks for a picture and for nothing else."""
    kinds = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    return bool(kinds) and all(kind == "image/png" for kind in kinds)
