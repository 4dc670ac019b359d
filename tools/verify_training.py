"""Does every network learn? Twenty steps on a small batch of real photographs must lower its loss.

    python tools/verify_training.py FOLDER [NAME ...] [--side 96] [--batch-size 8]

FOLDER holds class folders; the first pictures of each are used, at ``--side`` pixels (networks that flatten
FOLDER holds class folders; the first pictures of each are used, at ``--side`` pixels (networks that flatten
The loss is that of training: with dropout and stochastic depth, the mean of the last three steps is compared
with the first.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

from foveate.dataset import open_dataset
from foveate.errors import ShapeError
from foveate.images.preprocess import Preprocessing
from foveate.models.registry import create_model, list_models, model_info

STEPS = 20


def batch(folder: str, side: int, channels: int, count: int) -> tuple[torch.Tensor, torch.Tensor, int]:
    """Photographs of the first two classes, in turn: (N, C, side, side), labels (N,), number of classes."""
    split = open_dataset(folder).splits["train"]
    shape = Preprocessing(side, side, channels=channels, mean=(0.5,) * channels, std=(0.25,) * channels)
    rows = np.concatenate([np.flatnonzero(split.targets.labels == label)[: count // 2] for label in (0, 1)])
    pixels = np.stack([shape.apply(split.images.read(int(row))) for row in rows])
    return torch.from_numpy(shape.normalise(pixels)), torch.from_numpy(split.targets.labels[rows]), 2


def losses(name: str, folder: str, side: int, count: int) -> tuple[list[float], int]:
    """The training loss of each step, and the side of the pictures."""
    channels, own_side, _ = model_info(name).input_size
    for size in (side, own_side):
        torch.manual_seed(0)
        images, labels, classes = batch(folder, size, channels, count)
        module = create_model(name, num_classes=classes)
        optimiser = torch.optim.AdamW(module.parameters(), lr=3e-4)
        try:
            found = []
            for _ in range(STEPS):
                logits, auxiliaries = module.train().forward_with_aux(images)
                loss = F.cross_entropy(logits, labels)
                for auxiliary in auxiliaries:
                    loss = loss + module.aux_weight * F.cross_entropy(auxiliary, labels)
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                found.append(loss.item())
        except ShapeError:
            continue
        return found, size
    raise ShapeError(f"{name} takes neither {side} nor {own_side} pixels.")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--side", type=int, default=96)
    parser.add_argument("--batch-size", type=int, default=8)
    options = parser.parse_args()
    failed = 0
    for name in options.names or [name for name in list_models() if model_info(name).output == "vector"]:
        started = time.monotonic()
        found, side = losses(name, options.folder, options.side, options.batch_size)
        last = sum(found[-3:]) / 3
        failed += not last < found[0]
        seconds = time.monotonic() - started
        print(f"{name:20} {side:>4} px  {found[0]:.3f} -> {last:.3f}  {seconds:5.1f} s", flush=True)
    print(f"{failed} did not learn" if failed else "every loss fell")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
