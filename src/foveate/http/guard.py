"""Who may ask, and what every answer carries: the outermost layer around the endpoints.

A page of another site can make a browser send requests to a server on the same machine. Two checks close
that door: the Host header must name this server (else a foreign name was made to point here: DNS rebinding),
and a request that changes or computes something must not come from another origin (Fetch Metadata, and
Origin for browsers that lack it). There are no CORS headers: no other site may read an answer.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import logging
import re
import time
from collections.abc import Iterable
from typing import Protocol

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from foveate.errors import RequestError
from foveate.http.metrics import Metrics
from foveate.http.replies import error_reply
from foveate.http.settings import ServeSettings
from foveate.words import printable, setting

logger = logging.getLogger("foveate.serve.requests")

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
HEADERS = tuple(
    (name.encode(), value.encode())
    for name, value in {
        "content-security-policy": CSP,
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "no-referrer",
        "cross-origin-resource-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=()",
        "cache-control": "no-store",
    }.items()
)
LOCAL_PAGES = "http://localhost:* http://127.0.0.1:*"
# The same where a page of this machine, a notebook, may show it in a frame.
FRAMED = tuple(
    (name, value.replace(b"frame-ancestors 'none'", f"frame-ancestors {LOCAL_PAGES}".encode()))
    for name, value in HEADERS
    if name != b"x-frame-options"
)
SAFE_METHODS = frozenset(("GET", "HEAD"))
OPEN_PATHS = frozenset(("/", "/docs", "/openapi.json", "/health", "/v2/health/live", "/v2/health/ready"))
OPEN_FOLDER = "/assets/"
HOST = re.compile(r"(\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::(\d{1,5}))?")


class State(Protocol):
    """What the guard asks the server about."""

    draining: bool


class Guard:
    """ASGI application: checks a request, passes it on, and completes the answer; counts and logs both."""

    def __init__(
        self,
        app: ASGIApp,
        settings: ServeSettings,
        metrics: Metrics,
        state: State,
        *,
        documented: bool = True,
    ) -> None:
        """``documented``: there is a page at /docs, to which people who are lost are sent."""
        self._app = app
        self._metrics = metrics
        self._state = state
        self._lost = "There is nothing at this path" + (
            "; GET /docs lists what there is." if documented else "."
        )
        self._loopback = settings.loopback
        self._headers = FRAMED if settings.framed else HEADERS
        self._names = {"localhost", settings.host.lower(), *(name.lower() for name in settings.allowed_hosts)}
        self._key = settings.api_key.encode() if settings.api_key else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        scope["app"] = self  # makes Starlette's router raise its 404 and 405 instead of answering as text
        started = time.perf_counter()
        answer = _Answer(send, self._state, self._headers)
        try:
            self._check(scope)
            await self._app(scope, receive, answer.send)
        except RequestError as error:
            await answer.reply(error_reply(error), scope, receive)
        except HTTPException as error:  # the router's
            await answer.reply(error_reply(self._routing_error(error, scope)), scope, receive)
        except asyncio.CancelledError:  # this request took longer than it may, or the server ends
            late = RequestError(504, "No answer in time; try again later.", {"connection": "close"})
            if self._state.draining:
                late = RequestError(503, "The server is stopping; try again.", {"retry-after": "5"})
            await answer.reply(error_reply(late), scope, receive)
        except Exception:
            logger.exception("a request failed")
            failed = RequestError(500, "The server made a mistake; its log says which.")
            await answer.reply(error_reply(failed), scope, receive)
        seconds = time.perf_counter() - started
        endpoint = getattr(scope.get("endpoint"), "__name__", "none")
        self._metrics.count(endpoint, answer.status, seconds)
        if logger.isEnabledFor(logging.INFO):
            _log(scope, answer.status, seconds)

    def _check(self, scope: Scope) -> None:
        headers = _only_once(scope["headers"])
        host = headers.get(b"host", "")
        if not self._is_ours(host) and not _needs_no_host(scope, headers):
            raise RequestError(
                400,
                "The Host header does not name this server; the operator can add names by "
                f"{setting('allow_host')}.",
            )
        if scope["method"] not in SAFE_METHODS and not _same_origin(headers, host):
            raise RequestError(403, "Requests from pages of another origin are refused.")
        if self._key is not None and not _is_open(scope) and not self._has_key(headers):
            raise RequestError(
                401,
                "Expected this server's API key in the header `Authorization: Bearer KEY`.",
                {"www-authenticate": "Bearer"},
            )

    def _routing_error(self, error: HTTPException, scope: Scope) -> RequestError:
        if error.status_code == 405:
            allowed = (error.headers or {}).get("Allow", "")
            message = f"This path takes {allowed}, not {printable(scope['method'])}."
            return RequestError(405, message, error.headers)
        return RequestError(error.status_code, self._lost)

    def _is_ours(self, host: str) -> bool:
        """An address cannot be made to point elsewhere, so any will do where other machines may ask."""
        match = HOST.fullmatch(host)
        if match is None:
            return False
        name = match[1].lower().strip("[]")
        if name in self._names:
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or not self._loopback

    def _has_key(self, headers: dict[bytes, str]) -> bool:
        scheme, _, token = headers.get(b"authorization", "").partition(" ")
        given = token.strip() if scheme.lower() == "bearer" else headers.get(b"x-api-key", "")
        return self._key is not None and hmac.compare_digest(given.encode("latin-1"), self._key)


class _Answer:
    """Adds the headers that every answer has, and remembers the status."""

    __slots__ = ("_headers", "_send", "_state", "status")

    def __init__(self, send: Send, state: State, headers: tuple[tuple[bytes, bytes], ...]) -> None:
        self._headers = headers
        self._send = send
        self._state = state
        self.status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            present = {name for name, _ in message["headers"]}
            message["headers"] = [
                *message["headers"],
                *(pair for pair in self._headers if pair[0] not in present),
            ]
            if self._state.draining and b"connection" not in present:
                message["headers"].append((b"connection", b"close"))  # ask for another server next time
        await self._send(message)

    async def reply(self, response: Response, scope: Scope, receive: Receive) -> None:
        if self.status == 0:
            await response(scope, receive, self.send)


def _only_once(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, str]:
    """The headers that decide who asks; given twice, two readers could see different ones."""
    found: dict[bytes, str] = {}
    for name, value in headers:
        if name in (b"host", b"origin", b"sec-fetch-site", b"authorization", b"x-api-key"):
            if name in found:
                raise RequestError(400, f"The header {name.decode()} stands there twice.")
            found[name] = value.decode("latin-1").strip()
    return found


def _same_origin(headers: dict[bytes, str], host: str) -> bool:
    """No page sent it, or a page of this server did. Other ports of this machine are other origins."""
    if headers.get(b"sec-fetch-site", "none") not in ("none", "same-origin"):
        return False
    origin = headers.get(b"origin")
    if origin is None:
        return True
    scheme, separator, netloc = origin.partition("://")
    default = {"http": ":80", "https": ":443"}.get(scheme)
    if not separator or default is None:  # "null", a file, an extension
        return False
    return netloc.lower().removesuffix(default) == host.lower().removesuffix(default)


def _needs_no_host(scope: Scope, headers: dict[bytes, str]) -> bool:
    """A load balancer asks after our health in HTTP/1.0, without a Host; no browser does, so no page can."""
    return scope["http_version"] == "1.0" and b"host" not in headers and _is_open(scope)


def _is_open(scope: Scope) -> bool:
    path = scope["path"]
    return scope["method"] in SAFE_METHODS and (path in OPEN_PATHS or path.startswith(OPEN_FOLDER))


def _log(scope: Scope, status: int, seconds: float) -> None:
    client = scope.get("client") or ("", 0)
    details = {
        "client": client[0],
        "method": scope["method"],
        "path": scope["path"][:200],
        "status": status,
        "seconds": round(seconds, 6),
    }
    logger.info("request", extra={"details": details})
