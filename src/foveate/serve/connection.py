"""What may arrive on a socket, and by when: uvicorn's HTTP/1.1 protocol with deadlines and limits.

uvicorn waits for ever for a request's headers and body. Here each phase has its time, and a client that
takes longer is told so where that is possible (408), and closed. A body that is refused early (413) is read
on and thrown away until its end or its time has come: closing at once would make the system reset the
connection, and the client would never see the answer.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from foveate.serve.guard import HEADERS
from foveate.serve.replies import to_json
from foveate.serve.settings import ServeSettings

logger = logging.getLogger("foveate.serve")

MAX_HEADER_BYTES = 64 << 10
GRACE_SECONDS = 2.0  # the application has deadlines of its own, and answers better than a closed socket does
_REASONS = {
    400: "Bad Request",
    408: "Request Timeout",
    431: "Request Header Fields Too Large",
    503: "Service Unavailable",
}


def protocol_class(settings: ServeSettings) -> type[HttpToolsProtocol]:
    """The protocol for `uvicorn.Config(http=...)`, which makes its instances without further arguments."""
    return type("Connection", (Connection,), {"settings": settings})


class Connection(HttpToolsProtocol):
    """One client's connection. ``expire`` is called about twice a second, by the server's loop."""

    settings: ServeSettings

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._reading = ""  # "headers" or "body" while a request arrives
        self._header_bytes = 0
        self._due: float | None = self.loop.time() + self.settings.header_seconds
        if len(self.connections) > self.settings.max_connections:
            self._refuse(503, "The server has too many connections; try again later.", retry=True)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        if self._reading != "body":
            self._header_bytes += len(data)
        super().data_received(data)
        if self._reading == "headers" and self._header_bytes > MAX_HEADER_BYTES:
            self._refuse(431, f"The headers are longer than {MAX_HEADER_BYTES:,} bytes.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._reading == "" and self.cycle is not None:  # the first one's time began with the connection
            self._due = self.loop.time() + self.settings.header_seconds
        self._reading = "headers"

    def on_headers_complete(self) -> None:
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > MAX_HEADER_BYTES:
            self._refuse(431, f"The headers are longer than {MAX_HEADER_BYTES:,} bytes.")
            return
        super().on_headers_complete()
        self._reading = "body"
        self._header_bytes = 0
        self._due = self.loop.time() + self.settings.body_seconds + GRACE_SECONDS

    def on_body(self, body: bytes) -> None:
        if self.cycle is not None:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if self.cycle is None or self.transport.is_closing():
            return
        super().on_message_complete()
        self._reading = ""
        if self.cycle.response_complete:
            self._due = None
        else:
            self._due = self.loop.time() + self.settings.answer_seconds + GRACE_SECONDS

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.get_write_buffer_size():  # the client has not taken the answer yet
            self._due = self.loop.time() + self.settings.answer_seconds
        elif not self._reading:
            self._due = None

    def expire(self, now: float) -> None:
        """Close the connection if its time is up."""
        if self._due is None or now < self._due:
            return
        self._due = None
        if self._reading == "headers" and not self._busy():
            self._refuse(408, f"The headers did not arrive within {self.settings.header_seconds:g} seconds.")
        else:
            self.transport.abort()

    def send_400_response(self, msg: str) -> None:
        """What uvicorn calls when the bytes are no HTTP."""
        if not self.transport.is_closing():
            self._refuse(400, "The request is not valid HTTP/1.1.")

    def _unsupported_upgrade_warning(self) -> None:
        """Other protocols are not spoken here; the request is answered as the HTTP that it is."""

    def _busy(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _refuse(self, status: int, message: str, *, retry: bool = False) -> None:
        body = to_json({"error": message})
        lines = [f"HTTP/1.1 {status} {_REASONS[status]}".encode(), b"content-type: application/json"]
        lines += [name + b": " + value for name, value in HEADERS]
        lines += [b"retry-after: 1"] if retry else []
        lines += [f"content-length: {len(body)}".encode(), b"connection: close", b"", body]
        self._due = self.loop.time() + GRACE_SECONDS  # for taking this
        self.transport.write(b"\r\n".join(lines))
        self.transport.close()


def expire_all(connections: set[Any], now: float) -> None:
    """Close every connection whose time is up."""
    for connection in list(connections):
        connection.expire(now)
