"""One client's connection: requests in turn, each phase with its time, and all that is held with its limit.

A connection is one task that reads a head, lets the application answer, and begins again. What a client sends
ahead stays in the system's buffers, beyond one read: the next request is looked at when the answer before it
was taken. So neither sending without reading nor anything that is no body can make the memory grow.

The end is half a close: the answer, then the end of the stream, and then what still comes is read and thrown
away, for some time. Closing at once while a client sends makes the system reset the connection, and the
client would never see its answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import http
import logging
import time
from email.utils import formatdate
from typing import cast

from starlette.types import ASGIApp

from foveate.errors import RequestError
from foveate.http.exchange import Exchange
from foveate.http.guard import HEADERS
from foveate.http.http1 import (
    CLOSE,
    HEAD_END,
    MAX_HEAD_BYTES,
    Head,
    check_beginning,
    parse_head,
    skip_empty_lines,
)
from foveate.http.replies import error_reply
from foveate.http.settings import ServeSettings

logger = logging.getLogger("foveate.serve")

READ_BYTES = 64 << 10  # at a time; and how much is held before reading pauses
DISCARD_BYTES = 256 << 10  # at a time, of what is thrown away
DISCARD_SECONDS = 0.001  # between two such reads of all connections: whoever floods has to wait
MOST_LINGERING = 1000  # connections that were answered for the last time and are only read out
GRACE_SECONDS = 2.0  # for the application, whose own deadlines answer better; for a client to close
STOP_SECONDS = 0.5  # of silence, when the server stops: a request may be on its way, or the rest of one
LONG_LINE_BYTES = 256
UNBOUNDED = 1 << 62


class Shared:
    """What all connections of a server have in common."""

    def __init__(self, app: ASGIApp, settings: ServeSettings) -> None:
        self.app = app
        self.settings = settings
        self.connections: set[Connection] = set()
        self.lingering: dict[Connection, None] = {}  # those of them that are only read out, oldest first
        self.stopping = False  # what is being answered is answered, and nothing after it
        self.discarding = 0  # connections
        self.scratch = memoryview(bytearray(DISCARD_BYTES))  # a read is copied from it before the next
        self._second, self._date = 0, b""

    def date(self) -> bytes:
        """The time as the Date header has it."""
        if (now := int(time.time())) != self._second:
            self._second, self._date = now, formatdate(now, usegmt=True).encode()
        return self._date


class Connection(asyncio.BufferedProtocol):
    """The protocol; ``received`` holds what has come and was not taken yet."""

    def __init__(self, shared: Shared) -> None:
        self.shared = shared
        self.received = bytearray()
        self._loop = asyncio.get_running_loop()
        self._arrival: asyncio.Future[None] | None = None  # whom to wake when something comes
        self._idle: asyncio.TimerHandle | None = None  # while no request is there: ends the wait for one
        self._due = self._loop.time() + shared.settings.header_seconds  # of the phase at hand
        self._writable, self._lost = asyncio.Event(), asyncio.Event()
        self._writable.set()
        self._ended = False  # the client sends no more
        self._paused = False
        self._to_drop = 0  # bytes

    # --- what the transport calls ---------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.client = _address(transport.get_extra_info("peername"))
        self.server = _address(transport.get_extra_info("sockname"))
        self.shared.connections.add(self)
        taken = len(self.shared.connections) - len(self.shared.lingering)
        self.task = self._loop.create_task(self._run(refused=taken > self.shared.settings.max_connections))

    def get_buffer(self, sizehint: int) -> memoryview:
        return self.shared.scratch if self._to_drop else self.shared.scratch[:READ_BYTES]

    def buffer_updated(self, nbytes: int) -> None:
        dropped = min(nbytes, self._to_drop)
        if dropped:
            self._to_drop -= dropped
            self._pause_reading()
            self._loop.call_later(DISCARD_SECONDS * self.shared.discarding, self._resume_reading)
        if nbytes > dropped:
            self.received += self.shared.scratch[dropped:nbytes]
        if not self._to_drop:
            if self._arrival is None or len(self.received) >= READ_BYTES:
                self._pause_reading()
            self._wake()

    def eof_received(self) -> bool:
        self._ended = True
        self._wake()
        return True  # it may still wait for its answer

    def connection_lost(self, exc: Exception | None) -> None:
        self.shared.connections.discard(self)
        self.shared.lingering.pop(self, None)
        self._ended = True
        self._lost.set()
        self._writable.set()
        self._wake()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def _wake(self) -> None:
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)

    def _pause_reading(self) -> None:
        if not (self._paused or self._transport.is_closing()):
            self._paused = True
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if self._paused and not self._transport.is_closing():
            self._paused = False
            self._transport.resume_reading()

    # --- what an exchange calls -----------------------------------------------------------------------------

    async def more(self) -> bool:
        """Wait until more bytes have come; False when none will."""
        before = len(self.received)
        if not self._ended:
            self._arrival = self._loop.create_future()
            self._resume_reading()
            try:
                await self._arrival
            finally:
                self._arrival = None
        return len(self.received) > before

    async def write(self, data: bytes) -> None:
        """Send; waits while much is yet to be taken, and gives the client up after ``answer_seconds``."""
        if not self._transport.is_closing():
            self._transport.write(data)
            await self._wait_writable()

    async def wait_lost(self) -> None:
        """Wait until the connection is closed."""
        await self._lost.wait()

    async def _wait_writable(self) -> None:
        if self._writable.is_set():
            return
        try:
            async with asyncio.timeout(self.shared.settings.answer_seconds):
                await self._writable.wait()
        except TimeoutError:
            self._transport.abort()

    # --- the task -------------------------------------------------------------------------------------------

    def hurry(self) -> None:
        """The server stops: what is on its way is still answered, and nothing waited for."""
        if self._idle is not None:
            self._idle.cancel()
            self._due = min(self._due, self._loop.time() + STOP_SECONDS)
            self._idle = self._loop.call_at(self._due, self._wake)

    def abort(self) -> None:
        """Close now, whatever is under way."""
        self._transport.abort()

    async def _run(self, *, refused: bool) -> None:
        try:
            if refused:
                message = "The server has too many connections; try again later."
                await self._refuse(RequestError(503, message, {"retry-after": "1"}))
            await self._close(by_halves=refused or await self._converse())
        except Exception:  # a fault of ours must be told, and ends one connection only
            logger.exception("a connection failed")
            self._transport.abort()
        finally:
            self._transport.close()

    async def _converse(self) -> bool:
        """Answer one request after the other; whether the client may still be sending at the end."""
        try:
            head = await self._read_head(self._due)
            while head is not None:
                exchange = Exchange(self, head)
                if not await self._answer(exchange):
                    return not exchange.client_is_done
                if self.received:  # sent ahead: others come first
                    await asyncio.sleep(0)
                head = await self._read_head(None)
        except RequestError as error:
            await self._refuse(error)
            return True
        return False

    async def _read_head(self, due: float | None) -> Head | None:
        """The next request's; None when none comes. Raises RequestError.

        due: when it has to be there, in the loop's time; None where its time begins with its first byte.
        """
        received, settings = self.received, self.shared.settings
        if not skip_empty_lines(received) and not await self._wait_for_request(due):
            return None
        self._due = self._loop.time() + settings.header_seconds if due is None else due
        end = received.find(HEAD_END)
        if end < 0:
            end = await self._find_head_end()
        if end > MAX_HEAD_BYTES:
            raise _too_long()
        head = bytes(received[: end + len(HEAD_END)])
        del received[: end + len(HEAD_END)]
        return parse_head(head)

    async def _wait_for_request(self, due: float | None) -> bool:
        """Whether one begins in time."""
        shared, now = self.shared, self._loop.time()
        self._due = now + shared.settings.idle_seconds if due is None else due
        if shared.stopping:
            self._due = min(self._due, now + STOP_SECONDS)
        # Every request is waited for here, and a timer that wakes without bytes costs less than a timeout.
        self._idle = self._loop.call_at(self._due, self._wake)
        try:
            while not skip_empty_lines(self.received):
                if self._loop.time() >= self._due or not await self.more():
                    return False
        finally:
            self._idle.cancel()
            self._idle = None
        return True

    async def _find_head_end(self) -> int:
        received, settings = self.received, self.shared.settings
        try:
            async with asyncio.timeout_at(self._due):
                searched = 0
                while (end := received.find(HEAD_END, searched)) < 0:
                    if len(received) > MAX_HEAD_BYTES:
                        raise _too_long()
                    if not searched or len(received) < LONG_LINE_BYTES:
                        check_beginning(received)
                    searched = max(0, len(received) - len(HEAD_END) + 1)
                    if not await self.more():
                        raise RequestError(400, "The request is not valid HTTP/1.1: it ends early.", CLOSE)
        except TimeoutError:
            seconds = settings.header_seconds
            message = f"The headers did not arrive within {seconds:g} seconds."
            raise RequestError(408, message, CLOSE) from None
        return end

    async def _answer(self, exchange: Exchange) -> bool:
        """Let the application answer; whether the connection goes on."""
        shared, settings = self.shared, self.shared.settings
        self._due = self._loop.time() + settings.body_seconds
        limit = settings.body_seconds + settings.answer_seconds + 2 * GRACE_SECONDS
        async with asyncio.timeout(limit):
            await shared.app(exchange.scope, exchange.receive, exchange.send)
        if not exchange.complete:
            if not self._lost.is_set():
                raise RuntimeError("the application did not answer")
            return False
        if not exchange.keep_alive:
            return False
        return exchange.body.ended or await self._discard(exchange.body.left or 0)

    async def _refuse(self, error: RequestError) -> None:
        """Answer what is no request that the application could see."""
        response = error_reply(error)
        head = [b"HTTP/1.1 %d %s" % (error.status, _phrase(error.status)), b"date: " + self.shared.date()]
        head += [
            name + b": " + value for name, value in (*response.raw_headers, *HEADERS) if name != b"connection"
        ]
        await self.write(b"\r\n".join([*head, b"connection: close", b"", bytes(response.body)]))

    async def _close(self, *, by_halves: bool) -> None:
        """Send what is to be sent; by halves: and the end, and wait, not for long, for the client's."""
        transport = self._transport
        if not transport.is_closing() and transport.get_write_buffer_size():
            transport.set_write_buffer_limits(0)
            await self._wait_writable()
        if by_halves and not (self._ended or transport.is_closing()):
            transport.write_eof()
            self._linger()
            await self._discard(UNBOUNDED)

    def _linger(self) -> None:
        """Take no room from those who are yet to be answered, nor without end from others that linger."""
        lingering = self.shared.lingering
        lingering[self] = None
        if len(lingering) > MOST_LINGERING:
            oldest = next(iter(lingering))  # it had the longest time to read its answer
            del lingering[oldest]
            oldest.abort()

    async def _discard(self, count: int) -> bool:
        """Read ``count`` bytes and throw them away; whether all came in time.

        Their time ends with the body's; sooner when nothing comes for a while. All connections together are
        read no faster than a bound, so that floods cost the others nothing.
        """
        dropped = min(count, len(self.received))
        del self.received[:dropped]
        self._to_drop = count - dropped
        self.shared.discarding += 1
        due = max(self._due, self._loop.time() + GRACE_SECONDS)
        silence = STOP_SECONDS if self.shared.stopping else GRACE_SECONDS
        try:
            while self._to_drop and not self._ended and (left := due - self._loop.time()) > 0:
                before = self._to_drop
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(min(left, silence)):
                        await self.more()
                if self._to_drop == before:
                    break
            return not self._to_drop
        finally:
            self._to_drop = 0
            self.shared.discarding -= 1


def _address(name: object) -> tuple[str, int] | None:
    return (str(name[0]), int(name[1])) if isinstance(name, tuple) else None


def _phrase(status: int) -> bytes:
    return http.HTTPStatus(status).phrase.encode()


def _too_long() -> RequestError:
    return RequestError(431, f"The headers are longer than {MAX_HEAD_BYTES:,} bytes.", CLOSE)
