"""Start, stop, drain: one process, one event loop, no children.

On SIGTERM or SIGINT the server says it is not ready, goes on answering for ``drain_seconds`` (SIGTERM only:
load balancers need that long to look elsewhere; each answer now closes its connection), then stops listening,
answers what it has accepted, and returns. A second signal ends the process at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from foveate.artifact.predictor import Predictor
from foveate.errors import InputError
from foveate.serve.app import ServerState, make_app
from foveate.serve.connection import expire_all, protocol_class
from foveate.serve.settings import ServeSettings

SIGNALS = (signal.SIGTERM, signal.SIGINT)
INTERRUPTED = 130


def serve(predictor: Predictor, name: str, settings: ServeSettings, on_ready: Callable[[str], None]) -> None:
    """Answer requests until a signal comes; returns when all that was accepted is answered.

    on_ready is called with the server's URL as soon as it can be reached. Raises InputError when it cannot
    listen at ``settings.host`` and ``settings.port``.
    """

    def make() -> tuple[ASGIApp, ServerState, Callable[[], None]]:
        app = make_app(predictor, name, settings)
        return app.asgi, app.state, app.engine.close

    run(make, settings, on_ready)


def run(
    make: Callable[[], tuple[ASGIApp, ServerState, Callable[[], None]]],
    settings: ServeSettings,
    on_ready: Callable[[str], None],
) -> None:
    """Serve what ``make`` gives, as `serve` does: the application, its state, and what closes it at the end.

    It is made when the socket is there: an address that is taken is told at once.
    """
    with contextlib.closing(listen(settings.host, settings.port)) as listener:
        asgi, state, close = make()
        try:
            config = uvicorn.Config(
                asgi,
                http=protocol_class(settings),
                loop="auto",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=int(settings.idle_seconds) or 1,
                timeout_graceful_shutdown=settings.finish_seconds,
            )
            server = _Server(config, state, settings, lambda: on_ready(url_of(listener)))
            server.run(sockets=[listener])
        finally:
            close()


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises InputError, with what to do, when that cannot be."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise InputError(f"--host {host}: no such address on this machine ({error.strerror}).") from error
    family, kind, protocol, _, address = found[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise InputError(
            f"Cannot listen at {host} port {port}: {error.strerror}; give another --port, or --port 0 for "
            "any that is free."
        ) from error
    listener.setblocking(False)
    return listener


def url_of(listener: socket.socket) -> str:
    """Where a browser finds the server."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


class _Server(uvicorn.Server):
    """uvicorn's, with a drain before it stops, deadlines for connections, and exit code 0 at the end."""

    def __init__(
        self,
        config: uvicorn.Config,
        state: ServerState,
        settings: ServeSettings,
        on_ready: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._state = state
        self._settings = settings
        self._on_ready = on_ready
        self._stop_at: float | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()

    async def on_tick(self, counter: int) -> bool:
        if counter % 5 == 0:  # twice a second
            expire_all(self.server_state.connections, asyncio.get_running_loop().time())
        if self._stop_at is not None and time.monotonic() >= self._stop_at:
            self.should_exit = True
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._state.draining = True
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """uvicorn raises the signals again at its end; here a stop that was asked for is success."""
        before = {number: signal.signal(number, self.handle_exit) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._state.draining:
            os._exit(INTERRUPTED)
        self._state.draining = True
        drain_seconds = self._settings.drain_seconds if sig == signal.SIGTERM else 0.0
        self._stop_at = time.monotonic() + drain_seconds
