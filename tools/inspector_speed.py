"""How long a click in the inspector takes, asked over HTTP, each part for itself.

    python tools/inspector_speed.py [NETWORK ...]

A click: a run of the network on the picture (a part of it covered, somewhere else each time), the sheet of a
layer's maps, and the sum behind one number of it. The nodes are taken in turns from the whole network. Told
are the median and the 95th percentile over 20 clicks, after two that are not counted.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator

from verify_arithmetic import Client

CLICKS = 20


@contextlib.contextmanager
def running(name: str) -> Iterator[tuple[str, int]]:
    """The address of `foveate inspect NAME`, in a process of its own."""
    command = [sys.executable, "-m", "foveate.cli.main", "inspect", name, "--port", "0", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        told = json.loads("".join(process.stdout.readline() for _ in range(5)))
        host, _, port = told["url"].removeprefix("http://").rstrip("/").rpartition(":")
        yield host, int(port)
    finally:
        process.terminate()
        process.wait(20)


def measure(name: str) -> None:
    """Print the times of one network."""
    seconds: dict[str, list[float]] = defaultdict(list)
    with running(name) as address:
        client = Client(address)

        def timed(part: str, path: str, document: object = None, *, raw: bool = False) -> object:
            began = time.perf_counter()
            found = client.fetch(path) if raw else client.ask(path, document)
            seconds[part].append(time.perf_counter() - began)
            return found

        nodes = timed("network", "/api/network")["nodes"]
        maps = [node for node in nodes if len(node["shape"]) == 3]
        picture = client.ask("/api/pictures")["pictures"][0]["id"]
        for i in range(CLICKS + 2):
            if i == 2:
                seconds = defaultdict(list, network=seconds["network"])
            cover = [{"top": i, "left": 2 * i, "height": 8, "width": 8}]
            run = timed("run", "/api/runs", {"picture": picture, "cover": cover})["run"]
            node = maps[(i * 7) % len(maps)]
            at = f"/api/runs/{run}/nodes/{node['id']}"
            timed("sheet", f"{at}/sheet.png", raw=True)
            channels, height, width = node["shape"]
            timed("sum", f"{at}/sum?channel={channels - 1}&row={height // 2}&column={width // 2}")
            timed("overview", f"/api/runs/{run}/sprites?height=64", raw=True)
    seconds["click"] = [
        sum(parts) for parts in zip(*(seconds[p] for p in ("run", "sheet", "sum")), strict=True)
    ]
    told = [f"{part} {_told(values)}" for part, values in seconds.items()]
    print(f"{name}: " + "; ".join(told))


def _told(values: list[float]) -> str:
    ordered = sorted(values)
    late = ordered[min(len(ordered) - 1, round(0.95 * len(ordered)))]
    return f"{1000 * statistics.median(values):.0f} ms (p95 {1000 * late:.0f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("networks", nargs="*", default=("convnet1", "resnet50"))
    for name in parser.parse_args().networks:
        measure(name)


if __name__ == "__main__":
    main()
