"""Make a set of several labels a picture: two or three garments of fashion-mnist-mini, their names known.

    python benchmarks/garments.py garments.npz --seed 0

Each picture is 56 x 56 pixels, grey: 28 x 28 places drawn at random, one garment in each, the brighter pixel
kept where two overlap. Test pictures are made of test garments only. Bags are made rare on purpose: one in
ten of those that would be drawn is kept.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from foveate.dataset import open_dataset

SIDE, RARE, KEPT = 56, "Bag", 0.1
COUNTS = {"train": 4_000, "val": 1_000, "test": 2_000}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    rng, data = np.random.default_rng(given.seed), open_dataset("fashion-mnist-mini")
    classes, arrays = list(data.task.labels), {}
    train = np.arange(len(data.splits["train"]))
    rows = {"train": train[train % 5 > 0], "val": train[train % 5 == 0]}
    for split, count in COUNTS.items():
        part = data.splits["test" if split == "test" else "train"]
        part = part if split == "test" else part.select(rows[split])
        labels = part.targets.arrays["labels"]
        garments = np.stack([part.images.read(i)[..., 0] for i in range(len(part))])
        present = np.eye(len(classes), dtype=np.uint8)[labels]
        weights = np.where(labels == classes.index(RARE), KEPT, 1.0)
        chances = weights / weights.sum()
        arrays[f"x_{split}"], arrays[f"y_{split}"] = composed(rng, garments, present, chances, count)
    np.savez(given.out, classes=np.array(classes), **arrays)


def composed(
    rng: np.random.Generator, garments: np.ndarray, labels: np.ndarray, chances: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Pictures of two or three garments, (count, 56, 56), and their labels (count, classes) of 0 and 1."""
    pictures = np.zeros((count, SIDE, SIDE), np.uint8)
    present = np.zeros((count, labels.shape[1]), np.uint8)
    free = SIDE - garments.shape[1]
    for picture, row in zip(pictures, present, strict=True):
        for one in rng.choice(len(garments), rng.integers(2, 4), p=chances):
            top, left = rng.integers(0, free + 1, 2)
            place = picture[top : top + 28, left : left + 28]
            np.maximum(place, garments[one], out=place)
            np.maximum(row, labels[one], out=row)
    return pictures, present


if __name__ == "__main__":
    main()
