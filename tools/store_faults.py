"""Predict shards in an object store through a proxy that breaks requests on purpose; the rows stay right.

    python tools/store_faults.py [--trials 30] [--seed 0] [--share 0.1] [--most-seconds 170]

A trial writes shards of drawn shapes into the store and has a model answer them, all through the proxy. Of
the requests a share is answered with 503, late, cut in the middle, not at all, or done without an answer;
in some trials an object is exchanged for another on the way, in some the credentials expire. A job that ends
must do so with one sentence of this program's own; then the cause is removed (the object is brought back, the
credentials are renewed) and the same job is run again. Asked of each trial: the rows are those of one process
on a local folder, each once, in one object a shard. Behind the proxy is moto's server where it is installed,
else the tests' own. Prints a line for what is wrong and a summary; exits with 1 if anything is.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import http.client
import json
import logging
import os
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import foveate
from foveate.errors import FoveateError

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))
from objects import ENVIRONMENT, served
from pixelwise import pixelwise_folder
from shapes import draw_shapes

PASSING = ("503", "slow", "short", "none", "lost")  # faults that go by
MOST_RUNS = 12


class Faults:
    """What goes wrong in a trial, and what did."""

    def __init__(self, seed: int, share: float) -> None:
        self.random, self.share = random.Random(seed), share
        self.counts: Counter[str] = Counter()
        self.lock = threading.Lock()
        self.expires_in = self.random.randrange(10, 60) if self.random.random() < 0.4 else None
        self.changes_in = self.random.randrange(1, 10) if self.random.random() < 0.4 else None
        self.expired = False

    def next(self) -> str:
        """What goes wrong with this request; "" for nothing."""
        with self.lock:
            self.expires_in = None if self.expires_in is None else self.expires_in - 1
            if self.expires_in == 0:
                self.expired = True
            if self.expired:
                found = "expired"
            elif self.random.random() < self.share:
                found = self.random.choice(PASSING)
            else:
                found = ""
            self.counts[found or "right"] += 1
            return found

    def changes_now(self) -> bool:
        """Whether the shard that is asked for is to be exchanged first."""
        with self.lock:
            self.changes_in = None if self.changes_in is None else self.changes_in - 1
            return self.changes_in == 0


class Proxy(BaseHTTPRequestHandler):
    """Hands requests on to the store, or does not."""

    protocol_version = "HTTP/1.1"
    upstream = ""
    faults: Faults
    changed: dict[str, bytes]

    def log_message(self, *_: object) -> None:
        pass

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        what = self.faults.next()
        if what == "none":
            self.close_connection = True
            return
        if what in {"503", "expired"}:
            status, code = (503, "SlowDown") if what == "503" else (400, "ExpiredToken")
            self._answer(status, {}, f"<Error><Code>{code}</Code></Error>".encode())
            return
        if what == "slow":
            time.sleep(0.2)
        if self.command == "GET" and self.path.endswith(".tar") and self.faults.changes_now():
            old = asked(self.upstream, "GET", self.path)[2]
            self.changed[self.path] = old
            asked(self.upstream, "PUT", self.path, old[::-1])
        status, headers, data = asked(self.upstream, self.command, self.path, body, dict(self.headers))
        if what == "lost":
            self.close_connection = True
            return
        self._answer(status, headers, data, cut=what == "short")

    do_GET = do_HEAD = do_PUT = do_DELETE = do_POST = _any  # noqa: N815 -- the names that http.server calls

    def _answer(self, status: int, headers: dict[str, str], data: bytes, *, cut: bool = False) -> None:
        self.send_response(status)
        length = headers.get("Content-Length", str(len(data))) if self.command == "HEAD" else str(len(data))
        for name, value in headers.items():
            if name.lower() not in {"content-length", "connection", "transfer-encoding", "date", "server"}:
                self.send_header(name, value)
        self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data[: len(data) // 2] if cut else data)
        self.close_connection = cut


def asked(
    upstream: str, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    """The store's own answer."""
    connection = http.client.HTTPConnection(urlsplit(upstream).netloc, timeout=30)
    with contextlib.closing(connection):
        connection.request(method, path, body or None, headers or {})
        found = connection.getresponse()
        return found.status, dict(found.getheaders()), found.read()


@contextlib.contextmanager
def store() -> Iterator[tuple[str, str]]:
    """A store's address on loopback, and whose it is."""
    try:
        from moto.server import ThreadedMotoServer
    except ModuleNotFoundError:
        with served() as objects:
            yield objects.endpoint, "the tests' own store"
        return
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line a request
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}", "moto's server"
    finally:
        server.stop()


@contextlib.contextmanager
def proxied(upstream: str, faults: Faults) -> Iterator[dict[str, bytes]]:
    """The proxy in the store's place; gives the objects that were exchanged, as they were."""
    changed: dict[str, bytes] = {}
    handler = type("Handler", (Proxy,), {"upstream": upstream, "faults": faults, "changed": changed})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    os.environ["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield changed
    finally:
        server.shutdown()
        server.server_close()


def rows_of(objects: list[bytes]) -> list[dict[str, Any]]:
    found = [json.loads(line) for data in objects for line in gzip.decompress(data).splitlines()]
    return sorted(found, key=lambda row: row["row"])


def trial(root: Path, upstream: str, bucket: str, faults: Faults) -> list[str]:
    """What was wrong."""
    wrong = []
    asked(upstream, "PUT", f"/{bucket}")
    with proxied(upstream, faults) as changed:
        jobs = [
            lambda: foveate.shard(root / "shapes", f"s3://{bucket}/photos", shard_mb=0.012),
            lambda: foveate.predict_shards(
                root / "pixelwise", f"s3://{bucket}/photos", f"s3://{bucket}/out", workers=1, form="jsonl"
            ),
        ]
        for job in jobs:
            for number in range(MOST_RUNS):
                try:
                    job()
                    break
                except FoveateError as error:
                    if "\n" in str(error) or not str(error).endswith((".", "s")):
                        wrong.append(f"no sentence: {error}")
                    if "holds shards already" in str(error):  # written, and its last answer was lost
                        break
                    faults.counts[type(error).__name__] += 1
                    faults.expired = False
                    for path, data in list(changed.items()):
                        asked(upstream, "PUT", path, data)
                        del changed[path]
                if number == MOST_RUNS - 1:
                    wrong.append("the job never ended")
    return wrong


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--most-seconds", type=float, default=170.0)
    parser.add_argument("--share", type=float, default=0.1, help="of the requests that go wrong")
    given = parser.parse_args()
    os.environ.update(ENVIRONMENT)
    wrong, tried, counts, began = 0, 0, Counter[str](), time.monotonic()
    with tempfile.TemporaryDirectory() as folder, store() as (upstream, whose):
        root = Path(folder)
        draw_shapes(root / "shapes", 20)
        pixelwise_folder(root)
        foveate.shard(root / "shapes", root / "shards", shard_mb=0.012)
        foveate.predict_shards(root / "pixelwise", root / "shards", root / "out", workers=1, form="jsonl")
        names = sorted(path.name for path in (root / "out").iterdir())
        right = rows_of([(root / "out" / name).read_bytes() for name in names])
        while tried < given.trials and time.monotonic() - began < given.most_seconds:
            number, tried = tried, tried + 1
            faults, bucket = Faults(given.seed * 1000 + number, given.share), f"trial{number}"
            said = trial(root, upstream, bucket, faults)
            os.environ["AWS_ENDPOINT_URL"] = upstream
            answers = foveate.stores.open_store(f"s3://{bucket}/out")
            found = sorted(answers.names())
            if found != names or rows_of([answers.read(name) for name in found]) != right:
                said.append("other rows, or other objects")
            counts += faults.counts
            for one in said:
                print(f"trial {number}: {one}", flush=True)
            wrong += bool(said)
    told = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
    print(f"behind the proxy: {whose}; requests and errors: {told}")
    print(f"{tried} tried, {wrong} wrong")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
