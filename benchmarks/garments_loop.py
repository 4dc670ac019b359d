"""The rival for several labels a picture: the usual torch program, and foveate for as many seconds beside it.

    python benchmarks/garments.py garments.npz
    python benchmarks/garments_loop.py garments.npz [--seconds 60] [--seeds 0 1 2]

Five convolutions, batch norm, 75,000 parameters where foveate's ``compact_s`` has 74,000; Adam at 0.001,
batches of 64, BCEWithLogitsLoss, the epoch of least validation loss, a threshold of 0.5. The seconds hold
reading and measuring on both sides; the two take turns. Scores are scikit-learn's, of the test pictures.
"""

from __future__ import annotations

import argparse
import copy
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from sklearn.metrics import average_precision_score, f1_score
from torch import nn

import foveate


def plain(path: Path, seconds: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (N, K) of the test pictures, and the labels given, after so many seconds."""
    began = time.monotonic()
    torch.manual_seed(seed)
    data = np.load(path)
    train, val, test = (torch.from_numpy(data[f"x_{s}"])[:, None] / 255 for s in ("train", "val", "test"))
    wanted, held = (torch.from_numpy(data[f"y_{split}"]).float() for split in ("train", "val"))
    layers: list[nn.Module] = []
    for before, after, pool in ((1, 16, 2), (16, 32, 2), (32, 32, 1), (32, 64, 2), (64, 72, 2)):
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU()]
        layers += [nn.MaxPool2d(pool)] if pool > 1 else []
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(72, wanted.shape[1])]
    network, loss = nn.Sequential(*layers, *head), nn.BCEWithLogitsLoss()
    optimiser, best = torch.optim.Adam(network.parameters(), 1e-3), (np.inf, network.state_dict())
    epoch_seconds = 0.0
    while time.monotonic() - began + epoch_seconds < 0.95 * seconds:
        start = time.monotonic()
        network.train()
        for rows in torch.randperm(len(train)).split(64):
            optimiser.zero_grad()
            loss(network(train[rows]), wanted[rows]).backward()
            optimiser.step()
        network.eval()
        with torch.inference_mode():
            value = loss(torch.cat([network(part) for part in val.split(250)]), held).item()
        if value < best[0]:
            best = (value, copy.deepcopy(network.state_dict()))
        epoch_seconds = time.monotonic() - start
    network.load_state_dict(best[1])
    with torch.inference_mode():
        found = torch.cat([network(part).sigmoid() for part in test.split(250)]).numpy()
    return found, found >= 0.5


def ours(path: Path, seconds: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The same by ``foveate.train``: its own recipe for its own network of this size."""
    with tempfile.TemporaryDirectory() as folder:
        foveate.train(path, model="compact_s", budget=f"{seconds}s", seed=seed, out=f"{folder}/run")
        model = foveate.load(f"{folder}/run")
    pictures = np.repeat(np.load(path)["x_test"][..., None], 3, axis=3)
    values = model.values(pictures)
    return values["probabilities"], model.task.answers(values)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    given = parser.parse_args()
    present = np.load(given.data)["y_test"]
    programs: dict[str, Callable[..., tuple[np.ndarray, np.ndarray]]] = {"foveate": ours, "torch": plain}
    scores: dict[str, list[tuple[float, float]]] = {name: [] for name in programs}
    for seed in given.seeds:
        for name, program in programs.items():
            found, labels = program(given.data, given.seconds, seed)
            ranked, macro = (
                average_precision_score(present, found),
                f1_score(present, labels, average="macro"),
            )
            scores[name].append((ranked, macro))
            print(f"{name} seed {seed}: mAP {ranked:.2%}, macro-F1 {macro:.2%}", flush=True)
    for name, rows in scores.items():
        mean, spread = np.mean(rows, axis=0), np.std(rows, axis=0, ddof=1)
        told = [f"{100 * m:.1f} (sd {100 * s:.1f})" for m, s in zip(mean, spread, strict=True)]
        print(f"{name}: mAP {told[0]}, macro-F1 {told[1]}, n = {len(rows)}")


if __name__ == "__main__":
    main()
