"""One request and its answer, between a connection's bytes and the application's ASGI messages."""

from __future__ import annotations

import http
from typing import TYPE_CHECKING

from starlette.types import Message, Scope

from foveate.errors import RequestError
from foveate.http.http1 import Head

if TYPE_CHECKING:
    from foveate.http.connection import Connection

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_STATUS_LINES = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in http.HTTPStatus
}


class Exchange:
    """What the application is given: ``scope``, ``receive``, ``send``.

    keep_alive: whether the connection goes on after the answer; settled when the answer begins.
    complete: the whole answer was sent. body: the request's, as far as it was not taken yet.
    """

    def __init__(self, connection: Connection, head: Head) -> None:
        self._connection = connection
        self._is_head = head.method == "HEAD"
        self._awaits_continue = head.expects_continue
        self._start: Message | None = None
        self._left = 0  # bytes that the answer's Content-Length still promises
        self.body = head.body()
        self._asked_to_close = not head.keep_alive
        self.keep_alive = head.keep_alive
        self.started = self.complete = False
        self.scope: Scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": head.version,
            "scheme": "http",
            "method": head.method,
            "root_path": "",
            "path": head.path,
            "raw_path": head.raw_path,
            "query_string": head.query,
            "headers": head.headers,
            "client": connection.client,
            "server": connection.server,
        }
        self._told_all = False  # the application has the body's end

    @property
    def client_is_done(self) -> bool:
        """Whether it said that this was its last request, and all of that is here."""
        return self._asked_to_close and self.body.ended and not self._connection.received

    async def receive(self) -> Message:
        """The next piece of the body; after its end, when the client has gone. Raises RequestError."""
        if self._told_all:
            await self._connection.wait_lost()
            return {"type": "http.disconnect"}
        if self._awaits_continue and not self._connection.received and not self.started:
            await self._connection.write(CONTINUE)
        self._awaits_continue = False
        while not (piece := self.body.take(self._connection.received)) and not self.body.ended:
            if not await self._connection.more():
                return {"type": "http.disconnect"}
        self._told_all = self.body.ended
        return {"type": "http.request", "body": piece, "more_body": not self.body.ended}

    async def send(self, message: Message) -> None:
        """Write a part of the answer; waits where the client does not take it, but not for ever."""
        if message["type"] == "http.response.start":
            self._start = message
            return
        body, more = message.get("body", b""), message.get("more_body", False)
        head = b""
        if self._start is not None:
            head = self._begin(self._start, len(body), more)
            self._start, self.started = None, True
        self._left -= len(body)
        if self._left < 0 or (self._left and not more):
            raise RuntimeError("an answer's length is not what its Content-Length says")
        await self._connection.write(head if self._is_head else head + body)
        self.complete = not more

    def _begin(self, start: Message, size: int, more: bool) -> bytes:
        """The answer's head. Settles whether the connection goes on."""
        status: int = start["status"]
        lines = [_STATUS_LINES[status], b"date: ", self._connection.shared.date(), b"\r\n"]
        length, count = None, 2
        for name, value in start["headers"]:
            if name == b"connection":
                self.keep_alive = self.keep_alive and value != b"close"
                continue
            if name == b"content-length":
                length = int(value)
            lines += (name, b": ", value, b"\r\n")
            count += 1
        if length is None:
            if more:
                raise RuntimeError("an answer in pieces has to have a Content-Length")
            length = size
            lines.append(b"content-length: %d\r\n" % size)
            count += 1
        self._left = length
        self._settle_keep_alive()
        if not self.keep_alive:
            lines.append(b"connection: close\r\n")
            count += 1
        head = b"".join(lines)
        if head.count(b"\n") != count or head.count(b"\r") != count:
            raise RuntimeError("a header of an answer has a line break")
        return head + b"\r\n"

    def _settle_keep_alive(self) -> None:
        """Close after this answer where it is not sure that the next request can be told from this body."""
        if self._connection.shared.stopping or self._awaits_continue:
            self.keep_alive = False
        if self.keep_alive and not self.body.ended:
            try:
                self.body.take(self._connection.received)
            except RequestError:
                self.keep_alive = False
            self.keep_alive = self.keep_alive and (self.body.ended or self.body.left is not None)
