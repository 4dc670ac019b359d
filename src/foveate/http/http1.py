"""HTTP/1.1 as bytes: the head of a request, and where its body ends (RFC 9112). No input, no output.

Strict wherever two readers of the same bytes could disagree about where a request ends (request smuggling):
lines end with CR LF, names have no space before their colon, a body has one length or is chunked, never both,
and nothing stands twice that may stand once. All that a client can make grow has its limit here; trailers are
read past, not kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn, Protocol
from urllib.parse import unquote

from foveate.errors import RequestError

MAX_HEAD_BYTES = 64 << 10
MAX_FIELDS = 256
MAX_TRAILER_BYTES = 8 << 10
MAX_CHUNK_LINE_BYTES = 256
MAX_EXTENSION_BYTES = 16 << 10  # of all chunks of a body together

CLOSE = {"connection": "close"}
HEAD_END = b"\r\n\r\n"

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_EMPTY_LINES = re.compile(rb"(?:\r\n)*\r?")
_BEGINNING = re.compile(_TOKEN[:-1] + rb"{1,32}(?: (?:[\x21-\x7e]+(?: [HTP/0-9.]{0,8}\r?)?)?)?")
_REQUEST_LINE = re.compile(rb"(" + _TOKEN + rb") ([\x21-\x7e]+) HTTP/(\d)\.(\d)\r\n")
_FIELD = re.compile(rb"(" + _TOKEN + rb"):([^\x00-\x08\x0a-\x1f\x7f]*)\r\n")
_TRAILERS = re.compile(rb"(?:" + _FIELD.pattern + rb")*")
_ABSOLUTE = re.compile(rb"http://([^/?#]*)(.*)", re.IGNORECASE)
_LENGTH = re.compile(rb"\d{1,18}")
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})([ \t]*(?:;[^\x00-\x08\x0a-\x1f\x7f]*)?)\r\n")


class Body(Protocol):
    """Cuts a body out of what was received.

    ended: whether all of it was taken. left: how many bytes are yet to be; None where only its end will tell.
    """

    ended: bool
    left: int | None

    def take(self, received: bytearray) -> bytes:
        """What of the body is there; its bytes are removed. Raises RequestError 400 or 431."""


@dataclass(frozen=True, slots=True)
class Head:
    """The first lines of a request, checked. Header names are lower case, as ASGI has them.

    path: decoded, with what follows a ``?`` in ``query``; raw_path: as it came.
    length: of the body in bytes; None where it is chunked.
    """

    method: str
    raw_path: bytes
    query: bytes
    version: str
    headers: list[tuple[bytes, bytes]]
    length: int | None
    keep_alive: bool
    expects_continue: bool

    @property
    def path(self) -> str:
        path = self.raw_path.decode("ascii")
        return unquote(path) if "%" in path else path

    def body(self) -> Body:
        return ChunkedBody() if self.length is None else LengthBody(self.length)


def skip_empty_lines(received: bytearray) -> bool:
    """Remove empty lines before a request, which some clients send; whether anything else is there."""
    match = _EMPTY_LINES.match(received)
    skipped = match.end() if match else 0
    if skipped:
        del received[: skipped - skipped % 2]  # a lone CR may be half a line
    return len(received) > skipped % 2


def check_beginning(received: bytearray) -> None:
    """Raise RequestError 400 if these bytes, whose end is yet to come, cannot begin a request."""
    whole = b"\n" in received
    if not (_REQUEST_LINE.match(received) if whole else _BEGINNING.fullmatch(received)):
        _malformed("expected METHOD PATH HTTP/1.1")


def parse_head(head: bytes) -> Head:
    """A request's head, from its first byte to the empty line after it. Raises RequestError 400, 431, 505."""
    line = _REQUEST_LINE.match(head)
    if line is None:
        _malformed("expected METHOD PATH HTTP/1.1")
    method, target, major, minor = line.groups()
    if major != b"1":
        raise RequestError(505, "Expected HTTP/1.1 or HTTP/1.0; this server speaks no other.", CLOSE)
    headers = _parse_fields(head, line.end())
    version = "1.0" if minor == b"0" else "1.1"
    lengths = [value for name, value in headers if name == b"content-length"]
    codings = [value for name, value in headers if name == b"transfer-encoding"]
    length = _body_length(lengths, codings, version)
    tokens = {
        token.strip().lower()
        for name, value in headers
        if name == b"connection"
        for token in value.split(b",")
    }
    path, query = _parse_target(target, method, headers)
    expects = any(name == b"expect" and value.lower() == b"100-continue" for name, value in headers)
    return Head(
        method.decode("ascii"),
        path,
        query,
        version,
        headers,
        length,
        keep_alive=version == "1.1" and b"close" not in tokens,
        expects_continue=expects and version == "1.1" and length != 0,
    )


def _parse_fields(head: bytes, position: int) -> list[tuple[bytes, bytes]]:
    headers: list[tuple[bytes, bytes]] = []
    end = len(head) - 2
    while position < end:
        field = _FIELD.match(head, position)
        if field is None:
            _malformed("expected lines of the form `Name: value`")
        if len(headers) == MAX_FIELDS:
            raise RequestError(431, f"Expected at most {MAX_FIELDS} headers.", CLOSE)
        headers.append((field[1].lower(), field[2].strip(b" \t")))
        position = field.end()
    return headers


def _body_length(lengths: list[bytes], codings: list[bytes], version: str) -> int | None:
    if codings:
        if lengths:
            _malformed("Content-Length and Transfer-Encoding exclude each other")
        if version == "1.0" or len(codings) > 1 or codings[0].lower() != b"chunked":
            _malformed("expected no Transfer-Encoding but `chunked`")
        return None
    if len(lengths) > 1 or (lengths and not _LENGTH.fullmatch(lengths[0])):
        _malformed("expected one Content-Length, a whole number")
    return int(lengths[0]) if lengths else 0


def _parse_target(target: bytes, method: bytes, headers: list[tuple[bytes, bytes]]) -> tuple[bytes, bytes]:
    """(path, query). A whole URL, as proxies are asked with, has to name the host that Host names."""
    if absolute := _ABSOLUTE.fullmatch(target):
        if [value.lower() for name, value in headers if name == b"host"] != [absolute[1].lower()]:
            _malformed("the URL and the Host header name different servers")
        target = absolute[2] if absolute[2].startswith(b"/") else b"/" + absolute[2]
    path, _, query = target.partition(b"?")
    if not (path.startswith(b"/") or (path == b"*" and method == b"OPTIONS")) or b"#" in target:
        _malformed("expected a path that begins with /")
    return path, query


class LengthBody:
    """A body of a known length."""

    def __init__(self, length: int) -> None:
        self.left: int | None = length
        self.ended = length == 0

    def take(self, received: bytearray) -> bytes:
        piece = bytes(received[: self.left])
        del received[: self.left]
        self.left = (self.left or 0) - len(piece)
        self.ended = self.left == 0
        return piece


class ChunkedBody:
    """A body in chunks (RFC 9112, 7.1)."""

    def __init__(self) -> None:
        self.ended = False
        self.left: int | None = None
        self._left = 0  # bytes of this chunk that are yet to come, CR LF behind it counted
        self._in_trailers = False
        self._extension_bytes = self._trailer_bytes = 0

    def take(self, received: bytearray) -> bytes:
        pieces: list[bytes] = []
        place = 0
        while not self.ended:
            begin = place
            if self._in_trailers:
                place = self._read_trailers(received, place)
            elif self._left:
                place = self._read_data(received, place, pieces)
            else:
                place = self._read_size(received, place)
            if place == begin:
                break
        del received[:place]
        return b"".join(pieces)

    def _read_size(self, received: bytearray, place: int) -> int:
        line = _CHUNK_LINE.match(received, place)
        if line is None:
            rest = len(received) - place
            if rest > MAX_CHUNK_LINE_BYTES or received.find(b"\n", place) >= 0:
                _malformed("expected the length of a chunk")
            return place
        self._extension_bytes += len(line[2])
        if self._extension_bytes > MAX_EXTENSION_BYTES or line.end() - place > MAX_CHUNK_LINE_BYTES:
            _malformed("the chunks have too much beside their content")
        size = int(line[1], 16)
        self._left, self._in_trailers = size + 2, size == 0
        return line.end()

    def _read_data(self, received: bytearray, place: int, pieces: list[bytes]) -> int:
        size = self._left - 2
        if size > 0:
            piece = bytes(received[place : place + size])
            if piece:
                pieces.append(piece)
                self._left -= len(piece)
            return place + len(piece)
        if received[place : place + 2] == b"\r\n":
            self._left = 0
            return place + 2
        if received[place : place + 2] not in (b"", b"\r"):
            _malformed("a chunk is longer than it says")
        return place

    def _read_trailers(self, received: bytearray, place: int) -> int:
        """All that are here in one step: line by line, a flood of short ones would keep others waiting."""
        limit = place + MAX_TRAILER_BYTES - self._trailer_bytes
        lines = _TRAILERS.match(received, place, limit)
        end = lines.end() if lines else place
        self.ended = received.startswith(b"\r\n", end) and end + 2 <= limit
        if self.ended:
            return end + 2
        if received.find(b"\r\n", end, limit) >= 0:
            _malformed("expected trailers of the form `Name: value`")
        if len(received) > limit:
            raise RequestError(431, f"The trailers are longer than {MAX_TRAILER_BYTES:,} bytes.", CLOSE)
        self._trailer_bytes += end - place
        return end


def _malformed(why: str) -> NoReturn:
    raise RequestError(400, f"The request is not valid HTTP/1.1: {why}.", CLOSE)
