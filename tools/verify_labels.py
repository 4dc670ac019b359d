"""Plant wrong labels in a data set and count how many the first places of `foveate check --labels` hold.

    python tools/verify_labels.py FOLDER [--per-class 500] [--seeds 10]

FOLDER is any data set. Of its training pictures (or --per-class of each class, drawn with a fixed seed) five
in a hundred, chosen by the seed, get another class, also chosen by the seed. Reported is the share of them
among the first five in a hundred of the ranking: mean and standard deviation over the seeds. Labels that are
wrong already take places too, so one hundred in a hundred cannot be expected. Features are kept on disk by
content (FOVEATE_CACHE), so that only the first run looks at the pictures. Needs foveate[pretrained].
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from foveate.dataset import Split, open_dataset
from foveate.dataset.cache import decode
from foveate.dataset.quality.copy_checks import copies
from foveate.kept import cache_folder
from foveate.resolve import published
from foveate.transfer import Features
from foveate.transfer.backbone import PACKAGED
from foveate.transfer.labels import LeftOut, judge_labels

WRONG_FRACTION = 0.05
SUBSET_SEED = 2026
FIRST_SEED = 0  # scores and settings were compared on seeds from 1000 on


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--per-class", type=int, help="take so many training pictures of each class")
    parser.add_argument("--seeds", type=int, default=10)
    arguments = parser.parse_args()
    dataset = open_dataset(arguments.folder)
    split = dataset.splits["train"]
    if arguments.per_class:
        split = subset(split, arguments.per_class)
    features, labels, groups = look(split)
    began = time.perf_counter()
    pictures = LeftOut(features, groups)
    prepared = time.perf_counter() - began
    seeds = range(FIRST_SEED, FIRST_SEED + arguments.seeds)
    began = time.perf_counter()
    shares = [found(pictures, labels, len(dataset.task.labels), seed) for seed in seeds]
    each = (time.perf_counter() - began) / len(shares)
    print(
        f"{dataset.name}: {len(labels):,} pictures, {len(dataset.task.labels)} classes, "
        f"{round(WRONG_FRACTION * len(labels))} labels made wrong\n"
        f"found in the first {WRONG_FRACTION:.0%}: mean {np.mean(shares):.1%}, standard deviation "
        f"{np.std(shares, ddof=1):.1%}, from {min(shares):.1%} to {max(shares):.1%}, {len(shares)} seeds\n"
        f"decomposition {prepared:.1f} s, then {each:.2f} s a ranking"
    )


def subset(split: Split, per_class: int) -> Split:
    random = np.random.default_rng(SUBSET_SEED)
    classes = range(int(split.targets.labels.max()) + 1)
    rows = [
        random.choice(np.flatnonzero(split.targets.labels == c), per_class, replace=False) for c in classes
    ]
    return split.select(np.sort(np.concatenate(rows)))


def look(split: Split) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(N, D) features, (N,) labels, (N,) groups of copies; of the readable pictures."""
    backbone = published(PACKAGED[0])
    began = time.perf_counter()
    pixels, result = decode(split.images, backbone.preprocessing)
    read, began = time.perf_counter() - began, time.perf_counter()
    groups = copies({"train": result})[1][result.ok]
    with Features(backbone, cache_folder() / "features") as features:
        known = features.of(pixels[result.ok], mirrored=True)
    print(
        f"read in {read:.1f} s; {known.computed:,} features computed in {time.perf_counter() - began:.1f} s"
    )
    return known.views.mean(axis=0), split.targets.labels[result.ok], groups


def found(pictures: LeftOut, right: np.ndarray, num_classes: int, seed: int) -> float:
    random = np.random.default_rng(seed)
    count = round(WRONG_FRACTION * len(right))
    planted = random.choice(len(right), count, replace=False)
    labels = right.copy()
    labels[planted] = (labels[planted] + random.integers(1, num_classes, count)) % num_classes
    return float(np.isin(planted, judge_labels(pictures, labels, num_classes).ranking[:count]).mean())


if __name__ == "__main__":
    main()
