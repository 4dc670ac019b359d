"""Start and stop the inspector: the server of `foveate serve`, with its deadlines and limits."""

from __future__ import annotations

import gc
from collections.abc import Callable

from starlette.types import ASGIApp

from foveate.errors import InputError
from foveate.http.server import run
from foveate.http.settings import ServerState, ServeSettings, is_loopback
from foveate.inspector.app import make_app
from foveate.inspector.session import Session
from foveate.inspector.trainings import Trainings
from foveate.words import setting

MAX_BODY_BYTES = 32 << 20
ANSWER_SECONDS = 120.0  # the first run of the largest networks takes its time


def inspector_settings(host: str, port: int, *, framed: bool = False) -> ServeSettings:
    """Settings for one person at this machine. Raises InputError for an address that others reach.

    The inspector computes whatever it is asked and holds the pictures it is given: it is not for strangers.
    """
    if not is_loopback(host):
        raise InputError(
            f"{setting('host', host)}: the inspector is for this machine only; from another one, reach it "
            "with "
            "`ssh -L 8001:127.0.0.1:8001 MACHINE`."
        )
    return ServeSettings(
        host=host,
        port=port,
        max_body_bytes=MAX_BODY_BYTES,
        answer_seconds=ANSWER_SECONDS,
        drain_seconds=0.0,
        max_connections=64,
        framed=framed,
    )


def serve_inspector(
    session: Session,
    trainings: Trainings,
    name: str,
    settings: ServeSettings,
    on_ready: Callable[[str], None],
) -> None:
    """Answer requests until a signal comes. Raises InputError where it cannot listen."""

    def make() -> tuple[ASGIApp, ServerState, Callable[[], None]]:
        app = make_app(session, trainings, name, settings)
        gc.freeze()  # what importing torch left need not be searched again and again: that takes 0.1 s a time
        return app.asgi, app.state, app.close

    run(make, settings, on_ready)
