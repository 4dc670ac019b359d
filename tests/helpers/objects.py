"""A small object store on loopback that speaks S3's HTTP, with faults on purpose.

Objects live in memory. It knows GET with ranges and If-Match, HEAD, PUT with If-None-Match, DELETE, and the
list of a prefix; signatures are not looked at, but a token can expire. Written after S3's API reference.
"""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

Fault = Callable[[str, str], "str | None"]  # method and key -> what goes wrong now

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": "us-east-1",
}


def _no_fault(method: str, key: str) -> str | None:
    return None


@dataclass
class Objects:
    """kept: the objects by key, bucket first. asked: every request's method, key and range, in order.

    fault: is told of each request and says what goes wrong: "503", "slow", "short" (the connection ends in
    the middle), "expired", "denied".
    """

    endpoint: str = ""
    kept: dict[str, bytes] = field(default_factory=dict)
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    fault: Fault = _no_fault
    lock: threading.Lock = field(default_factory=threading.Lock)

    def keys(self, prefix: str = "") -> list[str]:
        return sorted(key for key in self.kept if key.startswith(prefix))


def etag(data: bytes) -> str:
    return f'"{hashlib.md5(data).hexdigest()}"'


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    objects: Objects

    def log_message(self, *_: object) -> None:
        pass

    def _key(self) -> str:
        return unquote(urlsplit(self.path).path).lstrip("/")

    def _answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _error(self, status: int, code: str) -> None:
        text = f"<Error><Code>{code}</Code><Message>{code}</Message></Error>"
        self._answer(status, text.encode(), {"Content-Type": "application/xml"})

    def _faulty(self) -> bool:
        """Whether this request was answered with a fault. "slow" is answered rightly, later."""
        key = self._key()
        self.objects.asked.append((self.command, key, self.headers.get("Range", "")))
        what = self.objects.fault(self.command, key)
        if what == "slow":
            time.sleep(0.3)
        if what == "503":
            self._error(503, "SlowDown")
        elif what == "expired":
            self._error(400, "ExpiredToken")
        elif what == "denied":
            self._error(403, "AccessDenied")
        elif what == "short":
            self._short(key)
        return what not in (None, "slow")

    def _short(self, key: str) -> None:
        """The headers of the whole answer, and half of its bytes."""
        data = self._ranged(self.objects.kept[key])[0]
        self.send_response(206 if "Range" in self.headers else 200)
        for name, value in self._described(key).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[: len(data) // 2])
        self.wfile.flush()
        self.close_connection = True

    def _described(self, key: str) -> dict[str, str]:
        data = self.objects.kept[key]
        facts = {"ETag": etag(data), "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}
        part, start = self._ranged(data)
        if "Range" in self.headers:
            facts["Content-Range"] = f"bytes {start}-{start + len(part) - 1}/{len(data)}"
        return facts

    def _ranged(self, data: bytes) -> tuple[bytes, int]:
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if not found:
            return data, 0
        start = int(found[1])
        return data[start : int(found[2]) + 1 if found[2] else None], start

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        if self._faulty():
            return
        key = self._key()
        query = parse_qs(urlsplit(self.path).query)
        if "list-type" in query:
            self._list(key.rstrip("/"), query)
        elif key not in self.objects.kept:
            self._error(404, "NoSuchKey")
        elif self.headers.get("If-Match", etag(self.objects.kept[key])) != etag(self.objects.kept[key]):
            self._error(412, "PreconditionFailed")
        else:
            part, _ = self._ranged(self.objects.kept[key])
            self._answer(206 if "Range" in self.headers else 200, part, self._described(key))

    def _list(self, bucket: str, query: dict[str, list[str]]) -> None:
        prefix = query.get("prefix", [""])[0]
        found = ""
        for key in self.objects.keys(f"{bucket}/{prefix}"):
            data = self.objects.kept[key]
            found += (
                f"<Contents><Key>{escape(key.partition('/')[2])}</Key><Size>{len(data)}</Size>"
                f"<ETag>{escape(etag(data))}</ETag><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
                "<StorageClass>STANDARD</StorageClass></Contents>"
            )
        text = (
            '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>{bucket}</Name><IsTruncated>false</IsTruncated>{found}</ListBucketResult>"
        )
        self._answer(200, text.encode(), {"Content-Type": "application/xml"})

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self._faulty():
            return
        key = self._key()
        with self.objects.lock:  # two writers of one name: one of them is told
            if self.headers.get("If-None-Match") == "*" and key in self.objects.kept:
                self._error(412, "PreconditionFailed")
                return
            self.objects.kept[key] = data
        self._answer(200, b"", {"ETag": etag(data)})

    def do_DELETE(self) -> None:
        if not self._faulty():
            self.objects.kept.pop(self._key(), None)
            self._answer(204)


@contextmanager
def served() -> Iterator[Objects]:
    """The store while it runs."""
    objects = Objects()
    handler = type("Handler", (_Handler,), {"objects": objects})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    objects.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield objects
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
