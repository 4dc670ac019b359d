"""Pictures a second of one process and of two that train together, with a thread each; what messages cost.

    python benchmarks/ranks.py [--networks compact_s,resnet18] [--batch 64] [--seconds 10] [--json FILE]

For each network: one process alone; one whose gradients go through `DistributedDataParallel` all the same (a
group of one), which is the cost of that alone; one whose batch norms and sums do so as well; and two. The
batch is the same for all, so two have half of it each; ideal is twice as fast. Pictures of 32 px in colour,
float32, on the processor. The ways take turns, ``--rounds`` times, and their medians are told.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

CLASSES, SIDE, WARM_UP = 10, 32, 3


WAYS = {"one": (1, ""), "ddp": (1, "ddp"), "group_of_one": (1, "all"), "two": (2, "all")}


def measured(network: str, batch: int, seconds: float, *, grouped: str) -> list[float]:
    """The seconds of each step, the first left out; in one rank. grouped: "", "ddp", or "all"."""
    import torch

    from foveate.batches.loader import Batch, Shared
    from foveate.launched import Launched
    from foveate.models import create_model
    from foveate.tasks.classification.learn import ClassificationLearner
    from foveate.tasks.classification.task import Classification
    from foveate.training.optim import make_optimiser
    from foveate.training.ranks import SeveralRanks, joined_ranks
    from foveate.training.settings import OptimiserSettings, TrainingSettings
    from foveate.training.step import Step

    torch.set_num_threads(1)
    torch.manual_seed(0)
    module = create_model(network, num_classes=CLASSES, in_channels=3).train()
    module = module.to(memory_format=torch.channels_last)
    learner = ClassificationLearner(Classification(tuple(map(str, range(CLASSES)))))
    settings = TrainingSettings(optimiser=OptimiserSettings("sgd", 0.01), precision="float32")
    launched = Launched.here()
    with joined_ranks(launched, torch.device("cpu")) as ranks_or_alone:
        ranks = ranks_or_alone
        if grouped and launched.world == 1:
            torch.distributed.init_process_group("gloo", rank=0, world_size=1)
            ranks = SeveralRanks(launched)
        step = Step(
            module,
            learner,
            make_optimiser(module, settings.optimiser),
            settings,
            half=False,
            recorder=None,
            ranks=ranks,
        )
        first, last, _ = ranks.part.of(0, batch)
        images = torch.randn(batch, 3, SIDE, SIDE)[first:last].contiguous(memory_format=torch.channels_last)
        shared = Shared(launched.world, batch) if grouped == "all" else None
        one = Batch(images, {"labels": torch.arange(batch)[first:last] % CLASSES}, shared=shared)
        times: list[float] = []
        began = time.perf_counter()
        while all(ranks.any(len(times) < 2 * WARM_UP)) or not any(
            ranks.any(time.perf_counter() - began > seconds)
        ):
            started = time.perf_counter()
            step(one)
            times.append(time.perf_counter() - started)
        if torch.distributed.is_initialized() and launched.world == 1:
            torch.distributed.destroy_process_group()  # its threads would outlive what they use
    return times[WARM_UP:]


def pictures_a_second(network: str, options: argparse.Namespace, ranks: int, *, grouped: str) -> float:
    """The median, of a run in processes of their own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    words = ["--worker", network, "--batch", str(options.batch), "--seconds", str(options.seconds)]
    words += ["--grouped", grouped]
    shared = {
        "WORLD_SIZE": str(ranks),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": port,
        "OMP_NUM_THREADS": "1",
    }
    processes = [
        subprocess.Popen(
            [sys.executable, __file__, *words],
            env={**os.environ, **shared, "RANK": str(rank)},
            stdout=subprocess.PIPE,
        )
        for rank in range(ranks)
    ]
    said = [process.communicate()[0] for process in processes]
    if any(process.returncode for process in processes):
        raise SystemExit(f"{network}: a process failed")
    return options.batch / statistics.median(json.loads(said[0]))


def row(network: str, options: argparse.Namespace) -> dict[str, Any]:
    rates: dict[str, list[float]] = {name: [] for name in WAYS}
    for _ in range(options.rounds):
        for name, (ranks, grouped) in WAYS.items():
            rates[name].append(pictures_a_second(network, options, ranks, grouped=grouped))
    found = {name: statistics.median(each) for name, each in rates.items()}
    return {
        "network": network,
        "batch": options.batch,
        **{name: round(value, 1) for name, value in found.items()},
        "rates": rates,
        "share_of_ideal": round(found["two"] / (2 * found["one"]), 3),
        "ddp_alone": round(found["one"] / found["ddp"] - 1, 3),
        "machinery": round(found["one"] / found["group_of_one"] - 1, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", default="compact_s,resnet18")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--grouped", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        print(json.dumps(measured(options.worker, options.batch, options.seconds, grouped=options.grouped)))
        return
    rows = []
    for network in options.networks.split(","):
        rows.append(row(network, options))
        print(
            "{network}: {one} pictures a second alone, {two} by two ({share_of_ideal:.0%} of twice as many); "
            "DistributedDataParallel alone takes {ddp_alone:.1%}, with batch norms and sums "
            "{machinery:.1%}".format(**rows[-1]),
            flush=True,
        )
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
