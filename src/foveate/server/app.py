"""Which path leads where. `make_app` joins the parts; `serve` runs what it returns."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version as version_of

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp

from foveate.http import metrics as metrics_module
from foveate.http.body import BodyReader
from foveate.http.guard import Guard
from foveate.http.metrics import Metrics
from foveate.http.replies import json_reply
from foveate.http.server import run
from foveate.http.settings import ServerState, ServeSettings
from foveate.runtime.predictor import Predictor
from foveate.server.documents import Health
from foveate.server.engine import Engine
from foveate.server.inference import InferenceProtocol
from foveate.server.openapi import describe
from foveate.server.pages import Pages
from foveate.server.predict import Predict

MAX_MODEL_NAME = 100  # characters


@dataclass(frozen=True)
class App:
    """The ASGI application and what whoever runs it needs: close the engine last."""

    asgi: Guard
    engine: Engine
    state: ServerState
    metrics: Metrics


def url_name(name: str) -> str:
    """A folder's name as a model's name in paths: what a URL would have to escape becomes ``-``.

    >>> url_name("my model (2)")
    'my-model-2'
    """
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:MAX_MODEL_NAME] or "model"


def make_app(predictor: Predictor, name: str, settings: ServeSettings) -> App:
    """The application for one model, whose name in paths is ``name`` (see `url_name`)."""
    state, metrics = ServerState(), Metrics()
    engine = Engine(predictor, settings, metrics)
    bodies = BodyReader(settings)
    version = version_of("foveate")
    openapi = describe(name, predictor, settings, version)
    secured = settings.api_key is not None
    pages = Pages(name, predictor, openapi, secured=secured, max_body_bytes=settings.max_body_bytes)
    v2 = InferenceProtocol(name, engine, bodies, settings=settings, state=state, version=version)
    metrics.ready.set_function(lambda: not state.draining)

    async def health(request: Request) -> Response:
        document = Health(status="stopping" if state.draining else "ok", model=name, version=version)
        return json_reply(document, 503 if state.draining else 200)

    async def measured(request: Request) -> Response:
        return Response(metrics.text(), headers={"content-type": metrics_module.CONTENT_TYPE})

    async def openapi_json(request: Request) -> Response:
        return json_reply(openapi)

    model = "/v2/models/{model}"
    versioned = model + "/versions/{version}"
    router = Router(
        [
            Route("/predict", Predict(name, engine, bodies, settings).predict, methods=["POST"]),
            Route("/health", health),
            *(Route(path + "/infer", v2.infer, methods=["POST"]) for path in (model, versioned)),
            Route("/v2/health/ready", v2.ready),
            Route("/v2/health/live", v2.live),
            Route("/metrics", measured, name="metrics"),
            Route("/", pages.index),
            Route("/assets/{file}", pages.asset),
            Route("/docs", pages.docs),
            Route("/openapi.json", openapi_json),
            Route("/v2", v2.server_metadata),
            *(Route(path, v2.model_metadata) for path in (model, versioned)),
            *(Route(path + "/ready", v2.model_ready) for path in (model, versioned)),
        ],
        redirect_slashes=False,
    )
    return App(Guard(router, settings, metrics, state), engine, state, metrics)


def serve(predictor: Predictor, name: str, settings: ServeSettings, on_ready: Callable[[str], None]) -> None:
    """Answer requests until a signal comes; returns when all that was accepted is answered.

    on_ready is called with the server's URL as soon as it can be reached. Raises InputError when it cannot
    listen at ``settings.host`` and ``settings.port``.
    """

    def make() -> tuple[ASGIApp, ServerState, Callable[[], None]]:
        app = make_app(predictor, name, settings)
        return app.asgi, app.state, app.engine.close

    run(make, settings, on_ready)
