"""`foveate serve` beside LitServe: the same model folder, pictures, decoding and machine, in one run.

    python -m venv other
    other/bin/pip install litserve python-multipart onnxruntime numpy pillow
    python benchmarks/serve_vs_litserve.py MODEL --litserve-python other/bin/python --json figures.json

LitServe runs foveate's own `Predictor` (decoding, preprocessing, ONNX Runtime), so that only the servers
differ; it is tried with several settings (`LITSERVE_SETTINGS`). The clients are one process with
one event loop, on the same machine: each connection asks again as soon as it is answered. Then, of foveate
alone: ten times what it can do, as an open loop; a body of 100 MB; SIGTERM under load.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import platform
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import uvloop
from PIL import Image

SOURCE = Path(__file__).resolve().parent.parent / "src"
WARM_UP_SECONDS = 1.0
CLIENTS = (1, 8, 64)

LITSERVE = """
import sys
import litserve as ls
from foveate.modelfolder.read import load

class Api(ls.LitAPI):
    def setup(self, device):
        self.predictor = load(sys.argv[1])

    def decode_request(self, request):
        return request["image"].file.read()

    def predict(self, batch):
        many = isinstance(batch, list)
        found = self.predictor.predict(batch if many else [batch])
        return found if many else found[0]

    def unbatch(self, output):
        return output

    def encode_response(self, found):
        top = [{"label": label, "probability": probability} for label, probability in found.top]
        return {"label": found.label, "probability": found.probability, "top": top}

if __name__ == "__main__":
    api = Api(max_batch_size=int(sys.argv[3]), batch_timeout=0.002)
    server = ls.LitServer(api, accelerator="cpu", workers_per_device=int(sys.argv[4]), timeout=60)
    server.run(host="127.0.0.1", port=int(sys.argv[2]), log_level="error", generate_client_file=False)
"""

LITSERVE_SETTINGS = (("", 1, 1), (", 2 workers", 1, 2), (", batches of 16", 16, 1))  # name, batch, workers


# --- Clients ---------------------------------------------------------------------------------------------


@dataclass
class Count:
    """What became of requests: latencies by status, and how many got no status at all."""

    seconds: dict[int, list[float]] = field(default_factory=dict)
    without_status: int = 0
    refused: int = 0  # could not connect

    def add(self, status: int, seconds: float) -> None:
        self.seconds.setdefault(status, []).append(seconds)

    def quantile(self, status: int, q: float) -> float | None:
        """Milliseconds."""
        values = self.seconds.get(status)
        return round(1000 * float(np.quantile(values, q)), 2) if values else None


class Client:
    """One connection, as little Python a request as can be: the server shall be what is measured."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def ask(self, request: bytes) -> int:
        """The status. Raises OSError or EOFError when none comes."""
        if self._reader is None or self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            self._writer.write(request)
            head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.split(b"content-length: ", 1)[1].split(b"\r\n", 1)[0])
            await self._reader.readexactly(length)
        except BaseException:
            self.close()
            raise
        if b"connection: close" in head:
            self.close()
        return int(head[9:12])

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None


async def closed_loop(port: int, request: bytes, clients: int, seconds: float) -> tuple[Count, float]:
    """Each client asks without pause. Returns the count and the seconds that it took."""
    count = Count()
    end = time.perf_counter() + seconds

    async def one() -> None:
        client = Client(port)
        while (started := time.perf_counter()) < end:
            try:
                count.add(await client.ask(request), time.perf_counter() - started)
            except ConnectionRefusedError:
                count.refused += 1
                return
            except (OSError, EOFError, asyncio.IncompleteReadError):
                count.without_status += 1
        client.close()

    started = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(clients)))
    return count, time.perf_counter() - started


async def open_loop(
    port: int, request: bytes, per_second: float, seconds: float
) -> tuple[Count, list[float]]:
    """Requests at a fixed pace, whoever is answered or not; also asks for health every 50 ms."""
    count, health = Count(), []
    idle: list[Client] = []

    async def one() -> None:
        client = idle.pop() if idle else Client(port)
        started = time.perf_counter()
        try:
            count.add(await client.ask(request), time.perf_counter() - started)
            idle.append(client)
        except (OSError, EOFError, asyncio.IncompleteReadError):
            count.without_status += 1

    async def watch() -> None:
        client = Client(port)
        while True:
            started = time.perf_counter()
            status = await client.ask(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            health.append(time.perf_counter() - started if status == 200 else float("inf"))
            await asyncio.sleep(0.05)

    watcher = asyncio.create_task(watch())
    asked: list[asyncio.Task[None]] = []
    started = time.perf_counter()
    while (now := time.perf_counter() - started) < seconds:
        asked += [asyncio.create_task(one()) for _ in range(int(now * per_second) - len(asked))]
        await asyncio.sleep(0.002)
    await asyncio.gather(*asked)
    watcher.cancel()
    await asyncio.wait([watcher])
    return count, health


# --- Servers ---------------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def running(command: list[str]) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A server, once it answers; ended with all its children."""
    port = free_port()
    process = subprocess.Popen(
        [part.replace("{port}", str(port)) for part in command],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        for _ in range(600):
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as probe:
                probe.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                if b" 200 " in probe.recv(64):
                    break
            time.sleep(0.1)
        else:
            raise SystemExit(f"{command[0]}: did not start")
        yield process, port
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def memory_mb(pid: int, kind: str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(kind)) / 1024


# --- What is measured ------------------------------------------------------------------------------------


def raw(body: bytes) -> bytes:
    head = f"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def multipart(body: bytes) -> bytes:
    part = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
    part += body + b"\r\n--x--\r\n"
    head = "POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    return f"{head}Content-Length: {len(part)}\r\n\r\n".encode() + part


def small_picture() -> bytes:
    """28 x 28 pixels with some noise: a PNG of 2 kB."""
    y, x = np.mgrid[0:28, 0:28] / 28
    noise = np.random.default_rng(0).normal(0, 4, (28, 28))
    return as_file([127 + 100 * np.sin(9 * x + 5 * y * k) + noise for k in (1, 2, 3)], "PNG")


def photo() -> bytes:
    """2400 x 1800 smooth pixels: a JPEG of 72 kB, much work for its bytes."""
    y, x = np.mgrid[0:1800, 0:2400] / 2400
    return as_file([255 * x, 255 * y, 255 * x * y], "JPEG")


def as_file(channels: list[np.ndarray], kind: str) -> bytes:
    file = io.BytesIO()
    pixels = np.stack(channels, axis=2).clip(0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(file, kind, quality=50)
    return file.getvalue()


Contenders = dict[str, tuple[list[str], bytes]]  # name -> command, request


def throughput(contenders: Contenders, seconds: float, rounds: int) -> list[dict[str, Any]]:
    """Every contender with every number of clients, in turns: a slow minute hits all alike."""
    found: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for _ in range(rounds):
        for name, (command, request) in contenders.items():
            with running(command) as (_, port):
                uvloop.run(closed_loop(port, request, 4, WARM_UP_SECONDS))
                for many in CLIENTS:
                    count, took = uvloop.run(closed_loop(port, request, many, seconds))
                    good = len(count.seconds.get(200, ()))
                    row = {"per_second": round(good / took, 1), "p50_ms": count.quantile(200, 0.5)}
                    row |= {"p99_ms": count.quantile(200, 0.99), "without_status": count.without_status}
                    row["other"] = sum(len(v) for status, v in count.seconds.items() if status != 200)
                    found.setdefault((name, many), []).append(row)
    return [
        {
            **{"server": name, "clients": many, "rounds": rows},
            **{key: statistics.median(row[key] for row in rows) for key in rows[0]},
        }
        for (name, many), rows in found.items()
    ]


def overload(command: list[str], request: bytes, seconds: float) -> dict[str, Any]:
    """Ten times what the server can do: the rest must be shed at once, each with a status."""
    with running(command) as (process, port):
        warm, took = uvloop.run(closed_loop(port, request, 8, 3.0))
        capacity = len(warm.seconds[200]) / took
        before = memory_mb(process.pid, "VmRSS")
        count, health = uvloop.run(open_loop(port, request, 10 * capacity, seconds))
        return {
            "capacity_per_second": round(capacity, 1),
            "offered_per_second": round(sum(map(len, count.seconds.values())) / seconds, 1),
            "answered_per_second": round(len(count.seconds.get(200, ())) / seconds, 1),
            "answered_p99_ms": count.quantile(200, 0.99),
            "shed_503": len(count.seconds.get(503, ())),
            "shed_p50_ms": count.quantile(503, 0.5),
            "shed_p99_ms": count.quantile(503, 0.99),
            "without_status": count.without_status,
            "other_statuses": sorted(set(count.seconds) - {200, 503}),
            "health_p50_ms": round(1000 * float(np.median(health)), 1),
            "health_worst_ms": round(1000 * max(health), 1),
            "memory_growth_mb": round(memory_mb(process.pid, "VmHWM") - before, 1),
        }


def large_body(command: list[str]) -> dict[str, Any]:
    """100 MB, with a Content-Length and in chunks."""
    results: dict[str, Any] = {}
    block = bytes(1 << 20)
    for name, header in (("length", "Content-Length: 104857600"), ("chunked", "Transfer-Encoding: chunked")):
        with running(command) as (process, port), socket.create_connection(("127.0.0.1", port)) as client:
            before = memory_mb(process.pid, "VmRSS")
            client.sendall(f"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\n{header}\r\n\r\n".encode())
            with suppress(ConnectionError):
                for _ in range(100):
                    client.sendall(block if name == "length" else b"100000\r\n" + block + b"\r\n")
            status = int(client.recv(64).split()[1])
            growth = memory_mb(process.pid, "VmHWM") - before
            results[name] = {"status": status, "memory_growth_mb": round(growth, 1)}
    return results


def stop_under_load(command: list[str], request: bytes) -> dict[str, Any]:
    """SIGTERM while 16 clients ask without pause."""
    with running(command) as (process, port):
        group = os.getpgid(process.pid)

        async def ask() -> tuple[Count, float]:
            asking = asyncio.create_task(closed_loop(port, request, 16, 5.0))
            await asyncio.sleep(1.0)
            process.send_signal(signal.SIGTERM)
            started = time.perf_counter()
            await asyncio.to_thread(process.wait)
            return (await asking)[0], time.perf_counter() - started

        count, took = uvloop.run(ask())
        left = False
        with suppress(ProcessLookupError):
            os.killpg(group, 0)
            left = True
        return {
            "exit_code": process.returncode,
            "exit_seconds": round(took, 2),
            "answered": {str(status): len(values) for status, values in sorted(count.seconds.items())},
            "accepted_without_answer": count.without_status,
            "process_left": left,
        }


# --- The report ------------------------------------------------------------------------------------------


def machine() -> dict[str, Any]:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return {
        "cpu": next(line.split(":")[1].strip() for line in lines if line.startswith("model name")),
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "load": os.getloadavg()[0],  # of the minute before: well below 1 on a machine that is quiet
    }


def table(rows: list[dict[str, Any]]) -> str:
    lines = ["| clients | server | requests/s | p50 ms | p99 ms |", "|---:|---|---:|---:|---:|"]
    for row in sorted(rows, key=lambda row: row["clients"]):
        numbers = f"{row['per_second']:,.0f} | {row['p50_ms']} | {row['p99_ms']}"
        lines.append(f"| {row['clients']} | {row['server']} | {numbers} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--litserve-python", required=True, help="one that has litserve as well")
    parser.add_argument("--seconds", type=float, default=5.0)  # each
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json", dest="json_file")
    options = parser.parse_args()

    foveate = [sys.executable, "-m", "foveate.cli.main", "serve", options.model, "--port", "{port}"]
    folder = tempfile.TemporaryDirectory()
    program = Path(folder.name) / "litserve_app.py"  # its worker processes import it: a file it must be
    program.write_text(LITSERVE)
    litserve = [options.litserve_python, str(program), options.model, "{port}"]
    small, large = small_picture(), raw(photo())
    described = machine()
    contenders = {
        "foveate serve": (foveate, raw(small)),
        "foveate serve, multipart": (foveate, multipart(small)),
        **{
            f"LitServe{words}": ([*litserve, str(batch), str(workers)], multipart(small))
            for words, batch, workers in LITSERVE_SETTINGS
        },
    }
    rows = throughput(contenders, options.seconds, options.rounds)
    print(table(rows))
    results: dict[str, Any] = {"machine": described, "throughput": rows}
    results["overload"] = overload([*foveate, "--queue", "16"], large, 4.0)
    results["large_body"] = large_body(foveate)
    results["stop_under_load"] = stop_under_load(foveate, large)
    print(json.dumps({**results, "throughput": "above"}, indent=2))
    if options.json_file:
        Path(options.json_file).write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
