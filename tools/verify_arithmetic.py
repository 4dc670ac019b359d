"""Whether the arithmetic that the inspector shows is the network's own, asked over HTTP.

    python tools/verify_arithmetic.py [--pixels 450] [--seed 0] [NETWORK ...]

For random output numbers of each network (by default of many families) the page's sum is asked for,
``/api/runs/RUN/nodes/NODE/sum``, its products are multiplied and added here, in float64, and the result is
compared with ``value``, which the network itself computed in float32. Weights are random; the statistics of
batch norm are measured on noise and then shaken, so that none is trivial. Half of the numbers are of
convolutions and dense layers, the others of any node.

Told is |sum - value| relative to |value|; and relative to the sum of the products' sizes, which is what
float32 can promise where products cancel (the network itself is right to about 1e-7 of their sizes). Numbers
that differ by less than float32's smallest normal number, 1.2e-38, are taken for equal.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import http.client
import json
import random
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import nn

from foveate.http.connection import Connection, Shared
from foveate.http.server import listen
from foveate.inspector.app import make_app
from foveate.inspector.pictures import add_samples
from foveate.inspector.server import inspector_settings
from foveate.inspector.session import Session
from foveate.inspector.trainings import Trainings
from foveate.models.model import Model
from foveate.resolve import registered

NETWORKS = (
    *("convnet1", "lenet5", "vgg16", "googlenet", "resnet50", "efficientnet_b0"),
    *("mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large", "densenet121", "resnext50_32x4d"),
    *("efficientnet_v2_s", "convnext_tiny", "vit_b_16", "deit_tiny_distilled"),
)
WEIGHTED = ("conv2d", "conv_transpose2d", "linear", "matmul", "bilinear", "guided_filter")
BOUND = 1e-4
FLOOR = 1.2e-38  # float32's smallest normal number: a softmax's e^-90 has fewer figures, or none


def shaken(name: str, seed: int) -> Model:
    """The network with batch norms whose statistics, gains and shifts are far from 0 and 1."""
    net = registered(name, untrained=True)
    torch.manual_seed(seed)
    norms = [module for module in net.module.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None  # the mean over all batches
        norm.reset_running_stats()
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.normal_(norm.bias, std=0.2)
    if norms:
        net.module.train()
        with torch.no_grad():
            net.module(torch.randn(4, *net.input_shape))
        for norm in norms:
            norm.running_mean += 0.3 * norm.running_var.sqrt() * torch.randn_like(norm.running_mean)
            norm.running_var *= torch.empty_like(norm.running_var).uniform_(0.7, 1.4)
    return replace(net, module=net.module.eval())


@contextlib.contextmanager
def served(net: Model) -> Iterator[tuple[str, int]]:
    """The inspector of a network at an address of this machine."""
    settings, session = inspector_settings("127.0.0.1", 0), Session(net)
    add_samples(session.pictures, net, None, None)
    with TemporaryDirectory() as folder, contextlib.closing(listen("127.0.0.1", 0)) as listener:
        trainings = Trainings(None, list, Path(folder), kept=False, trained=session.add_trained)
        app = make_app(session, trainings, net.name, settings)
        loop, shared = asyncio.new_event_loop(), Shared(app.asgi, settings)
        loop.run_until_complete(loop.create_server(lambda: Connection(shared), sock=listener))
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        try:
            yield listener.getsockname()[:2]
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            app.close()


class Client:
    """One connection that asks for JSON."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._connection = http.client.HTTPConnection(*address, timeout=120)

    def ask(self, path: str, document: Any = None) -> Any:
        return json.loads(self.fetch(path, document))

    def fetch(self, path: str, document: Any = None) -> bytes:
        body = None if document is None else json.dumps(document)
        self._connection.request("GET" if body is None else "POST", path, body)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status >= 400:
            raise RuntimeError(f"{path}: {answer.status} {content.decode()}")
        return content


def flat(value: Any) -> list[float | None]:
    """All numbers of nested lists."""
    return [x for part in value for x in flat(part)] if isinstance(value, list) else [value]


def remade(found: dict[str, Any]) -> tuple[float, float]:
    """(what the shown operands make, the sum of the sizes of what is added), from the answer alone."""
    if found["op"] not in WEIGHTED:
        return found["total"], abs(found["total"])
    products = [
        w * x
        for term in found["terms"]
        for w, x in zip(flat(term["weight"]), flat(term["input"]), strict=True)
        if x is not None
    ]
    products.append(found["bias"] or 0.0)
    return sum(products), sum(map(abs, products))


def check(net: Model, pixels: int, choice: random.Random) -> list[dict[str, Any]]:
    """As many random numbers of a network, and how far the sums are off."""
    rows = []
    with served(net) as address:
        client = Client(address)
        nodes = client.ask("/api/network")["nodes"]
        picture = client.ask("/api/pictures")["pictures"][0]["id"]
        run = client.ask("/api/runs", {"picture": picture})["run"]
        weighted = [node for node in nodes if node["op"] in WEIGHTED]
        for i in range(pixels):
            node = choice.choice(weighted if i % 2 else nodes)
            place = [choice.randrange(side) for side in node["shape"]]
            query = "&".join(f"{n}={p}" for n, p in zip(("channel", "row", "column"), place, strict=False))
            found = client.ask(f"/api/runs/{run}/nodes/{node['id']}/sum?{query}")
            total, sizes = remade(found)
            off = abs(total - found["value"])
            off = 0.0 if off < FLOOR else off
            rows.append(
                {
                    "node": node["id"],
                    "op": node["op"],
                    "place": place,
                    "value": found["value"],
                    "total": total,
                    "relative": off / abs(found["value"]) if off else 0.0,
                    "relative_to_sizes": off / sizes if off else 0.0,
                }
            )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("networks", nargs="*", default=NETWORKS)
    parser.add_argument("--pixels", type=int, default=450, help="in all, shared by the networks")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    choice, every = random.Random(options.seed), defaultdict(list)
    share, rest = divmod(options.pixels, len(options.networks))
    for number, name in enumerate(options.networks):
        began = time.perf_counter()
        rows = check(shaken(name, options.seed), share + (number < rest), choice)
        worst = max(rows, key=lambda row: row["relative"])
        beyond = [row for row in rows if row["relative"] > BOUND]
        sizes = max(row["relative_to_sizes"] for row in rows)
        print(
            f"{name}: {len(rows)} numbers of {len({row['node'] for row in rows})} nodes, "
            f"{sum(row['value'] != 0 for row in rows)} not 0; worst relative {worst['relative']:.2e} "
            f"({worst['op']} {worst['node']}, value {worst['value']:.3g}), {len(beyond)} beyond {BOUND:g}; "
            f"worst relative to sizes {sizes:.2e}; {time.perf_counter() - began:.1f} s"
        )
        for row in rows:
            every[row["op"]].append(row)
    total = [row for rows in every.values() for row in rows]
    for op, rows in sorted(every.items()):
        print(f"  {op}: {len(rows)}, worst {max(row['relative'] for row in rows):.2e}")
    beyond = sum(row["relative"] > BOUND for row in total)
    print(
        f"{len(total)} numbers; worst relative {max(row['relative'] for row in total):.2e}, {beyond} beyond "
        f"{BOUND:g}; worst relative to sizes {max(row['relative_to_sizes'] for row in total):.2e}"
    )
    raise SystemExit(1 if beyond else 0)


if __name__ == "__main__":
    main()
