"""Start, stop, drain: one process, one event loop, no children.

On SIGTERM or SIGINT the server says it is not ready, goes on answering for ``drain_seconds`` (SIGTERM only:
load balancers need that long to look elsewhere; each answer now closes its connection), then stops listening,
answers what it has accepted and what the system has accepted for it, and returns. A second signal ends the
process at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import socket
from collections.abc import Callable, Iterator

from starlette.types import ASGIApp

from foveate.errors import InputError
from foveate.http.connection import GRACE_SECONDS, MOST_LINGERING, Connection, Shared
from foveate.http.settings import ServerState, ServeSettings
from foveate.words import setting

SIGNALS = (signal.SIGTERM, signal.SIGINT)
INTERRUPTED = 130
BACKLOG = 2048  # connections that the system holds until they are accepted, maybe all in one moment
OTHER_FILES = 100  # that a server has open beside its connections


def run(
    make: Callable[[], tuple[ASGIApp, ServerState, Callable[[], None]]],
    settings: ServeSettings,
    on_ready: Callable[[str], None],
) -> None:
    """Answer requests until a signal comes; returns when all that was accepted is answered.

    make: gives the application, its state, and what closes it at the end; it is called when the socket is
        there, so that an address that is taken is told at once.
    on_ready: called with the server's URL as soon as it can be reached.

    Raises InputError when it cannot listen at ``settings.host`` and ``settings.port``.
    """
    with contextlib.closing(listen(settings.host, settings.port)) as listener:
        asgi, state, close = make()
        try:
            _allow_files(settings.max_connections + MOST_LINGERING + BACKLOG + OTHER_FILES)
            server = _Server(asgi, state, settings)
            with asyncio.Runner(loop_factory=_new_event_loop) as runner:
                runner.run(server.run(listener, lambda: on_ready(url_of(listener))))
        finally:
            close()


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises InputError, with what to do, when that cannot be."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise InputError(
            f"{setting('host', host)}: no such address on this machine ({error.strerror})."
        ) from error
    family, kind, protocol, _, address = found[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise InputError(
            f"Cannot listen at {host} port {port}: {error.strerror}; give another {setting('port')}, or "
            f"{setting('port', 0)} for "
            "any that is free."
        ) from error
    listener.setblocking(False)
    return listener


def url_of(listener: socket.socket) -> str:
    """Where a browser finds the server."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


def _new_event_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ModuleNotFoundError:  # not made for this system
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def _allow_files(count: int) -> None:
    """Let this process have as many files open as it takes connections, where the system allows it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class _Server:
    """Listens, drains, and stops, as this module's first lines say."""

    def __init__(self, app: ASGIApp, state: ServerState, settings: ServeSettings) -> None:
        self._shared = Shared(app, settings)
        self._state = state
        self._settings = settings
        self._drain_seconds = 0.0
        self._stop_asked = asyncio.Event()

    async def run(self, listener: socket.socket, on_ready: Callable[[], None]) -> None:
        """Serve until a signal comes; closes the listener."""
        loop = asyncio.get_running_loop()
        with self._signals(loop):
            server = await loop.create_server(self._connect, sock=listener.dup(), backlog=BACKLOG)
            on_ready()
            await self._stop_asked.wait()
            await asyncio.sleep(self._drain_seconds)
            self._shared.stopping = True
            server.close()
            await self._take_waiting(listener)
            await asyncio.sleep(0)  # the newest are made known
            await self._finish()

    def _connect(self) -> Connection:
        return Connection(self._shared)

    async def _take_waiting(self, listener: socket.socket) -> None:
        """Those that the system has connected already are answered too; closing would reset them."""
        loop = asyncio.get_running_loop()
        with listener:
            for _ in range(BACKLOG):
                try:
                    client, _ = listener.accept()
                except BlockingIOError:
                    return
                except OSError:  # it has gone already, or there are too many open files
                    continue
                client.setblocking(False)
                await loop.connect_accepted_socket(self._connect, client)

    async def _finish(self) -> None:
        """Answer what was accepted; say 503 to what takes too long, and close what then still does."""
        connections = list(self._shared.connections)
        for connection in connections:
            connection.hurry()
        if not (tasks := [connection.task for connection in connections]):
            return
        _, late = await asyncio.wait(tasks, timeout=self._settings.finish_seconds)
        if late:
            for task in late:
                task.cancel()
            await asyncio.wait(late, timeout=GRACE_SECONDS)
        for connection in list(self._shared.connections):
            connection.abort()

    @contextlib.contextmanager
    def _signals(self, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
        """A stop that was asked for is success; afterwards the signals mean what they meant before."""
        before = {number: signal.getsignal(number) for number in SIGNALS}
        for number in SIGNALS:
            loop.add_signal_handler(number, self._stop, number)
        try:
            yield
        finally:
            for number, handler in before.items():
                loop.remove_signal_handler(number)
                signal.signal(number, handler)

    def _stop(self, number: int) -> None:
        if self._state.draining:
            os._exit(INTERRUPTED)
        self._state.draining = True
        self._drain_seconds = self._settings.drain_seconds if number == signal.SIGTERM else 0.0
        self._stop_asked.set()
