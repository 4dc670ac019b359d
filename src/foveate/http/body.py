"""A request's body, read within its limits, and the pictures that are in it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from foveate.errors import RequestError
from foveate.http.http1 import CLOSE
from foveate.http.settings import ServeSettings
from foveate.words import first_line

MAX_NAME_LENGTH = 255  # characters of a file's name that are repeated in the answer
MAX_PART_HEADER_BYTES = 8192
MAX_FIELDS = 64  # parts of a form beside its pictures


class BodyReader:
    """Reads bodies, each within its limits, and all that are held at a time within one together."""

    def __init__(self, settings: ServeSettings) -> None:
        self._settings = settings
        self._held = 0  # bytes

    async def read(self, request: Request) -> Held:
        """The whole body; use it in a ``with``, at whose end its bytes no longer count as held.

        Raises RequestError: 413 as soon as the body is known to be too large, 408 when it comes too slowly,
        415 when it is compressed, 503 when too much is held already, 400 for a length that is none.
        """
        limit = self._settings.max_body_bytes
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            raise RequestError(415, "Expected a body without Content-Encoding; send it uncompressed.")
        length = request.headers.get("content-length")
        if length is not None and int(length) > limit:
            raise _too_large(limit)
        held = Held(self)
        try:
            async with asyncio.timeout(self._settings.body_seconds):
                await self._fill(held, request, limit)
        except TimeoutError:
            held.release()
            seconds = self._settings.body_seconds
            message = f"The body did not arrive within {seconds:g} seconds."
            raise RequestError(408, message, CLOSE) from None
        except BaseException:
            held.release()
            raise
        return held

    async def _fill(self, held: Held, request: Request, limit: int) -> None:
        content = bytearray()  # a list of what a client sends byte by byte would be many times as large
        more = True
        while more:
            message = await request.receive()
            if message["type"] == "http.disconnect":
                raise RequestError(400, "The body ended early.", CLOSE)
            chunk = message.get("body", b"")
            more = message.get("more_body", False)
            self._held += len(chunk)
            held.size += len(chunk)
            if held.size > limit:
                raise _too_large(limit)
            if self._held > self._settings.max_waiting_bytes:
                raise RequestError(503, "The server holds too many bodies; try again.", {"retry-after": "1"})
            if not more and not content:
                held.content = chunk
                return
            content += chunk
        held.content = bytes(content)

    def _release(self, size: int) -> None:
        self._held -= size


class Held:
    """A body in memory; ``with`` ends its being counted."""

    def __init__(self, reader: BodyReader) -> None:
        self._reader = reader
        self.size = 0  # bytes
        self.content = b""

    def __enter__(self) -> bytes:
        return self.content

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """Count these bytes as held no more; may be called twice."""
        self._reader._release(self.size)
        self.size, self.content = 0, b""


def _too_large(limit: int) -> RequestError:
    return RequestError(413, f"The body is larger than {limit:,} bytes, the most this server takes.")


def _too_many(limit: int) -> RequestError:
    return RequestError(413, f"Expected at most {limit} pictures in a request; send them in several.")


def is_multipart(content_type: str) -> bool:
    return content_type.lower().startswith("multipart/form-data")


def split_multipart(content_type: str, body: bytes, max_pictures: int) -> list[tuple[str, bytes]]:
    """The (name, content) of the pictures in a ``multipart/form-data`` body.

    These are its files; where it has none, all its fields. What is empty is none: a browser sends that for a
    file that was not chosen. The name is the file's, or the field's. Raises RequestError 400 or 413.
    """
    boundary = parse_options_header(content_type)[1].get(b"boundary")
    if not boundary or len(boundary) > 70:  # RFC 2046, 5.1.1
        raise RequestError(400, "Expected a boundary of 1 to 70 characters in Content-Type.")
    parts = _Parts(max_pictures)
    parser = MultipartParser(boundary, parts.callbacks())  # type: ignore[arg-type]
    try:
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise RequestError(400, f"The multipart body is malformed ({first_line(error, 120)}).") from None
    if not parts.whole:
        raise RequestError(400, "The multipart body ends before its last boundary.")
    given = [part for part in parts.done if part.content]
    pictures = [part for part in given if part.is_file] or given
    if len(pictures) > max_pictures:
        raise _too_many(max_pictures)
    return [(part.name, part.content) for part in pictures]


@dataclass(frozen=True, slots=True)
class _Part:
    name: str
    content: bytes
    is_file: bool


class _Parts:
    """Collects what the parser reports, piece by piece."""

    def __init__(self, max_pictures: int) -> None:
        self.done: list[_Part] = []
        self.whole = False
        self._max_pictures = max_pictures
        self._headers: dict[bytes, bytes] = {}
        self._field = self._value = b""
        self._data: list[bytes] = []

    def callbacks(self) -> dict[str, Any]:
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._add_field,
            "on_header_value": self._add_value,
            "on_header_end": self._end_header,
            "on_part_data": lambda data, start, end: self._data.append(data[start:end]),
            "on_part_end": self._end_part,
            "on_end": self._end,
        }

    def _begin(self) -> None:
        if len(self.done) == self._max_pictures + MAX_FIELDS:
            raise _too_many(self._max_pictures)
        self._headers, self._data = {}, []

    def _add_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]
        self._check_header()

    def _add_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]
        self._check_header()

    def _check_header(self) -> None:
        if len(self._field) + len(self._value) > MAX_PART_HEADER_BYTES or len(self._headers) > 16:
            raise RequestError(400, "The multipart body has a part with too long a header.")

    def _end_header(self) -> None:
        self._headers[self._field.lower()] = self._value
        self._field = self._value = b""

    def _end_part(self) -> None:
        options = parse_options_header(self._headers.get(b"content-disposition", b""))[1]
        kind = self._headers.get(b"content-type", b"").strip().lower()
        name = options.get(b"filename") or options.get(b"name") or b""
        text = name.decode("utf-8", "replace")[:MAX_NAME_LENGTH] or f"part {len(self.done) + 1}"
        is_file = b"filename" in options or kind.startswith((b"image/", b"application/octet-stream"))
        self.done.append(_Part(text, b"".join(self._data), is_file))

    def _end(self) -> None:
        self.whole = True
