"""`foveate serve` under attack and overload: its memory, the statuses, and what the others notice.

    python tools/serve_under_load.py [--seconds 4] [--only trailers ...]

While each load runs in a process of its own, two paced clients classify a small picture 100 times a second
each; the p99 of what they were given (200) is compared with what it was alone, just before and just after.
Wrong is: memory that grew by more than 64 MB, a request without a status, and a p99 of more than twice that
of the clients alone. Figures are only good on a quiet machine. Exits with 1 if anything was wrong; on
loopback only, less than three minutes.

Overload is judged otherwise, since there the paced clients ask for what is short: they wait for the same two
cores as the crowd, or are refused as it is. What the server owes them is a wait that does not grow with the
crowd: at most twice the time that a queue full of the crowd's pictures takes at the pace of these seconds.
Who stands in that queue is decided by who comes first. Connections cannot be weighed against each other (the
crowd's have one request each, as theirs), nor can addresses (behind a proxy all are the same), and small
pictures first would starve large ones. A shorter queue (``--queue``) is a shorter wait for more refusals:
the operator's choice.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import io
import json
import os
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from servers import Server, read_answers, started

MAX_GROWTH_MB = 64
MAX_SLOWDOWN = 2.0
PACE_SECONDS = 0.01
QUEUE = 16  # pictures
CLIENT_SECONDS = 10  # that slow clients are given
HEAD = b"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\n"
GET = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
Counts = collections.Counter[str]


def jpeg(width: int, height: int) -> bytes:
    """Noise: as long a file as that many pixels can have, so that no buffer of the network holds it."""
    file = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(noise).save(file, "JPEG", quality=90)
    return file.getvalue()


def post(body: bytes, headers: bytes = b"") -> bytes:
    return HEAD + headers + b"Content-Length: %d\r\n\r\n" % len(body) + body


# --- what is measured ------------------------------------------------------------------------------------


class Fast:
    """Two clients that ask at a fixed pace, over one connection each, and how long each answer took."""

    def __init__(self, server: Server) -> None:
        self.milliseconds: list[float] = []
        self.lost = self.refused = 0
        self._server, self._request = server, post(jpeg(32, 32))

    def run(self, seconds: float) -> float:
        """p99 in milliseconds."""
        self.milliseconds.clear()
        self.refused = 0
        threads = [threading.Thread(target=self._ask, args=(seconds,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return float(np.quantile(self.milliseconds, 0.99)) if self.milliseconds else float("inf")

    def _ask(self, seconds: float) -> None:
        begin = time.perf_counter()
        client = self._server.connect()
        for number in range(int(seconds / PACE_SECONDS)):
            time.sleep(max(0.0, begin + number * PACE_SECONDS - time.perf_counter()))
            asked = time.perf_counter()
            try:
                client.sendall(self._request)
                if not (answer := client.recv(1 << 16)).startswith(b"HTTP/1.1 "):
                    raise ConnectionError("closed")
            except OSError:
                self.lost += 1
                client.close()
                client = self._server.connect()
                continue
            if answer.startswith(b"HTTP/1.1 200"):
                self.milliseconds.append(1000 * (time.perf_counter() - asked))
            else:
                self.refused += 1
            if b"connection: close" in answer:
                client.close()
                client = self._server.connect()
        client.close()


# --- loads, each in a process of its own; they return what became of their requests -----------------------


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=20)


def tell(client: socket.socket, counts: Counts, requests: int = 1) -> None:
    """Count the answers that are to be read; those that are missing as lost."""
    statuses, _, _ = read_answers(client)
    counts.update(str(status) for status in statuses[:requests])
    counts["lost"] += max(0, requests - len(statuses))


def endless(head: bytes, more: bytes, port: int, seconds: float) -> Counts:
    """Send without end what is no body, until an answer comes; then again, on a new connection."""
    counts: Counts = collections.Counter()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with connect(port) as client:
            client.sendall(head)
            with contextlib.suppress(ConnectionError):
                while not select.select([client], [], [], 0)[0] and time.monotonic() < until:
                    client.sendall(more)
            if time.monotonic() < until:
                tell(client, counts)
    return counts


def trailers(port: int, seconds: float) -> Counts:
    return endless(
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n", b"a: b\r\n" * 10_000, port, seconds
    )


def headers(port: int, seconds: float) -> Counts:
    return endless(HEAD, b"a: b\r\n" * 10_000, port, seconds)


def pipelining(port: int, seconds: float) -> Counts:
    """20,000 requests on a connection, whose answers are read when the time is up."""
    counts: Counts = collections.Counter()
    until, data, sent = time.monotonic() + seconds, memoryview(GET * 20_000), 0
    with connect(port) as client:
        client.settimeout(0.2)
        while time.monotonic() < until and sent < len(data):
            with contextlib.suppress(TimeoutError):
                sent += client.send(data[sent : sent + 65536])
        time.sleep(max(0.0, until - time.monotonic()))
        client.settimeout(20)
        client.shutdown(socket.SHUT_WR)
        tell(client, counts, sent // len(GET))
    return counts


def together(count: int, work: Callable[[int, Counts], None]) -> Counts:
    """Let so many threads work, and add up what they counted."""
    counts: list[Counts] = [collections.Counter() for _ in range(count)]
    threads = [threading.Thread(target=work, args=(number, counts[number])) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts, collections.Counter())


def large_bodies(port: int, seconds: float) -> Counts:
    """100 MB, by length and in chunks, with and without Connection: close; read when all is sent."""
    until = time.monotonic() + seconds

    def work(number: int, counts: Counts) -> None:
        block = bytes(1 << 20)
        close = b"Connection: close\r\n" if number % 2 else b""
        while time.monotonic() < until:
            with connect(port) as client:
                chunked = number >= 2
                kind = b"Transfer-Encoding: chunked\r\n" if chunked else b"Content-Length: 104857600\r\n"
                client.sendall(HEAD + close + kind + b"\r\n")
                with contextlib.suppress(ConnectionError):
                    for _ in range(100):
                        client.sendall(b"100000\r\n" + block + b"\r\n" if chunked else block)
                if chunked:
                    with contextlib.suppress(ConnectionError):
                        client.sendall(b"0\r\n\r\n")
                with contextlib.suppress(OSError):
                    client.shutdown(socket.SHUT_WR)
                tell(client, counts)

    return together(4, work)


def slow_clients(port: int, seconds: float) -> Counts:
    """300: silent ones, headers and bodies that trickle; all but the silent have to be told 408."""
    counts: Counts = collections.Counter()
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(connect(port)) for _ in range(300)]
        starts = (b"", HEAD + b"X: ", HEAD + b"Content-Length: 100000\r\n\r\n")
        for number, client in enumerate(clients):
            client.sendall(starts[number % 3])
        until = time.monotonic() + CLIENT_SECONDS - 1.5
        while time.monotonic() < until:
            for number, client in enumerate(clients):
                if number % 3:
                    client.sendall(b"y")
            time.sleep(0.5)
        for number, client in enumerate(clients):
            tell(client, counts, 1 if number % 3 else 0)
    return counts


def overload(close: bool) -> Callable[[int, float], Counts]:
    """24 clients without pause, pictures of a megabyte: several times what two cores can decode."""
    request = post(jpeg(1600, 1200), b"Connection: close\r\n" if close else b"")

    def load(port: int, seconds: float) -> Counts:
        until = time.monotonic() + seconds

        def work(_: int, counts: Counts) -> None:
            client = None
            while time.monotonic() < until:
                client = client or connect(port)
                try:
                    client.sendall(request)
                    answer = client.recv(1 << 16)
                except ConnectionError:
                    answer = b""
                counts[answer[9:12].decode() or "lost"] += 1
                if close or not answer or b"connection: close" in answer:
                    client.close()
                    client = None
                if answer[9:12] == b"503":
                    time.sleep(0.02)

        return together(24, work)

    return load


LOADS: dict[str, Callable[[int, float], Counts]] = {
    "trailers": trailers,
    "headers": headers,
    "pipelining": pipelining,
    "100 MB bodies": large_bodies,
    "300 slow clients": slow_clients,
    "overload, kept alive": overload(False),
    "overload, closed": overload(True),
}


def measure(server: Server, name: str, seconds: float) -> bool:
    """Run one load; print what it did; whether all was right."""
    fast = Fast(server)
    before = fast.run(seconds / 2)
    memory = server.memory()
    server.forget_most()
    command = [sys.executable, str(Path(__file__).resolve()), "--load", name, "--port", str(server.port)]
    with subprocess.Popen(
        [*command, "--seconds", str(seconds + 1)], stdout=subprocess.PIPE, text=True
    ) as load:
        time.sleep(1.0)  # until it has started
        under = fast.run(seconds)
        told, _ = load.communicate(timeout=90)
    grown = server.memory(most=True) - memory
    refused = fast.refused
    alone = max(before, fast.run(seconds / 2))
    counts = json.loads(told)
    lost = counts.pop("lost", 0) + fast.lost
    limit, word = alone, "alone"
    if name.startswith("overload"):
        pace = counts.get("200", 1) / (seconds + 1)  # pictures a second
        limit, word = 1000 * QUEUE / pace, "a full queue"
    slow = under > MAX_SLOWDOWN * limit
    wrong = [
        word for word, is_so in (("MEMORY", grown > MAX_GROWTH_MB), ("LOST", lost), ("SLOW", slow)) if is_so
    ]
    statuses = ", ".join(f"{count} x {status}" for status, count in sorted(counts.items()) if count) or "none"
    print(
        f"{name:21} memory +{grown:3.0f} MB; answers: {statuses}; {lost} without a status; "
        f"p99 of the others {under:.1f} ms ({refused} refused), {word} {limit:.1f} ms  "
        f"{' '.join(wrong) or 'right'}",
        flush=True,
    )
    return not wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=7.0, help="that each load is measured")
    parser.add_argument("--only", choices=list(LOADS), nargs="+", default=list(LOADS))
    parser.add_argument("--load", choices=list(LOADS), help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.load:
        os.nice(10)  # whoever floods a server sits elsewhere, and takes no time of its processors
        print(json.dumps(LOADS[options.load](options.port, options.seconds)))
        return 0
    with started("serve", "--queue", str(QUEUE), "--timeout", str(CLIENT_SECONDS)) as server:
        Fast(server).run(1.0)
        overload(False)(server.port, 1.0)  # what decoding takes is taken
        right = [measure(server, name, options.seconds) for name in options.only]
        code, log = server.stop()
    print(f"{len(right)} loads, {right.count(False)} wrong; exit code {code}; log: {log[-300:]!r}")
    return 0 if all(right) and not code and not log else 1


if __name__ == "__main__":
    sys.exit(main())
