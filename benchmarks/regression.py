"""Numbers from pictures: `foveate train` beside a plain torch loop with the same network, for the same time.

    python tools/regression_sets.py shapes shapes/
    python benchmarks/regression.py shapes/table.csv --seeds 3 --budget 60s
    python benchmarks/regression.py shapes/table.csv --seeds 3 --losses 30    # squared error against Huber's

The plain loop begins where ours does (from chance, or from the same ImageNet weights), standardises the
numbers, takes Adam (0.001, or 0.0001 from weights) on the mean squared error in batches of 64, and trains for
as many seconds as the whole of `foveate.train` took. Both are measured once, at the end, on test pictures.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import foveate
from foveate.dataset import open_dataset
from foveate.dataset.samples import DataSet
from foveate.models.registry import create_model
from foveate.resolve import published, resolve
from foveate.tasks.regression.metrics import Evaluation, evaluate
from foveate.transfer.backbone import PACKAGED, for_classes

BATCH_SIZE = 64


def ours(table: Path, seed: int, budget: str | None) -> tuple[Evaluation, float, dict]:
    """What was measured on the test pictures, the seconds in all, and the network's name and options."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["FOVEATE_CACHE"] = folder  # nothing is kept from the run before
        request = foveate.TrainRequest(seed=seed, budget=budget)
        finished = foveate.train(table, request, out=Path(folder) / "model", started=began)
        seconds = time.monotonic() - began
        return finished.evaluation, seconds, dict(resolve(str(finished.folder)).architecture)


def network_of(architecture: dict, count: int) -> tuple[nn.Module, int | None, float]:
    """The network before training, the side of its pictures if it has one, and a learning rate."""
    name = architecture["name"]
    if name in PACKAGED:
        backbone = published(name)
        return for_classes(backbone, count), backbone.preprocessing.height, 1e-4
    return create_model(name, num_classes=count, in_channels=3, **architecture["options"]), None, 1e-3


def plain(
    data: DataSet, seed: int, seconds: float, architecture: dict, *, loss_of=F.mse_loss, wrong: float = 0.0
) -> Evaluation:
    """wrong: the share of training pictures that are given another one's numbers."""
    began = time.monotonic()
    torch.manual_seed(seed)
    train, test = (data.splits[name] for name in ("train", "test"))
    y = torch.from_numpy(np.array(train.targets.values)).float()  # (N, K)
    slips = torch.randperm(len(y))[: round(wrong * len(y))]
    y[slips] = y[slips.roll(1)]
    mean, deviation = y.mean(0), y.std(0)
    network, side, rate = network_of(architecture, len(mean))

    def pictures(split) -> Tensor:
        pixels = np.stack([split.images.read(i) for i in range(len(split))])
        x = (torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255 - 0.5) / 0.25  # (N, 3, H, W)
        return x if side is None else F.interpolate(x, (side, side), mode="bilinear")

    x, optimiser = pictures(train), torch.optim.Adam(network.parameters(), lr=rate)
    network.train()
    while time.monotonic() - began < seconds:
        for rows in torch.randperm(len(x)).split(BATCH_SIZE):
            loss = loss_of(network(x[rows]), (y[rows] - mean) / deviation)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            if time.monotonic() - began >= seconds:
                break
    with torch.inference_mode():
        network.eval()
        said = torch.cat([network(part) for part in pictures(test).split(BATCH_SIZE)]) * deviation + mean
    return evaluate(said, test.targets.values, data.task.labels, deviation.tolist())


def told(values: list[float]) -> str:
    return f"{statistics.mean(values):.3f} (sd {statistics.stdev(values):.3f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--budget", help="of each run; without it photographs get a head on frozen features")
    parser.add_argument("--losses", type=float, metavar="SECONDS", help="compare losses in the plain loop")
    given = parser.parse_args()
    data, found = open_dataset(given.table), {}
    if given.losses:
        compact = {"name": "compact_s", "options": {"image_size": (64, 64)}}
        for seed, wrong in ((seed, wrong) for seed in range(given.seeds) for wrong in (0.0, 0.05)):
            for loss in (F.mse_loss, F.huber_loss):
                name = f"{loss.__name__}, {wrong:.0%} wrong"
                evaluation = plain(data, seed, given.losses, compact, loss_of=loss, wrong=wrong)
                found.setdefault(name, []).append(evaluation)
    for seed in range(0 if given.losses else given.seeds):
        evaluation, seconds, architecture = ours(given.table, seed, given.budget)
        found.setdefault("ours", []).append(evaluation)
        found.setdefault("plain", []).append(plain(data, seed, seconds, architecture))
        print(f"seed {seed}: {architecture['name']}, {seconds:.1f} s each", flush=True)
    print("| | number | mean absolute error | R² | always the median |\n|---|---|---|---|---|")
    for who, evaluations in found.items():
        for k, name in enumerate(data.task.labels):
            numbers = [evaluation.numbers[k] for evaluation in evaluations]
            errors, shares = told([one.mae for one in numbers]), told([one.r2 for one in numbers])
            print(f"| {who} | {name} | {errors} | {shares} | {numbers[0].median_mae:.3f} |")


if __name__ == "__main__":
    main()
