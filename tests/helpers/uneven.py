"""Shards of as many pictures as a test wants, which `foveate shard` would not write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from foveate.dataset import DataSet, from_arrays
from foveate.dataset.shards.index import Shard, ShardIndex, entries
from foveate.dataset.shards.write import _sample, _written
from foveate.stores import Store, open_store


def stripes(count: int, seed: int = 0, side: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Grey pictures of lying and standing stripes under noise, (count, side, side), and which they are."""
    random, labels = np.random.default_rng(seed), np.arange(count) % 2
    images = random.integers(0, 110, (count, side, side))
    images[labels == 0, ::2] += 140
    images[labels == 1, :, ::2] += 140
    return images.astype(np.uint8), labels


def write_uneven(place: str | Path, sizes: Mapping[str, Sequence[int]], side: int = 8) -> Store:
    """Shards with so many stripes, by split."""
    store, shards, task = open_store(str(place)), [], None
    for seed, (key, counts) in enumerate(sizes.items()):
        data = from_arrays(*stripes(sum(counts), seed, side))
        task, done = data.task, 0
        for number, count in enumerate(counts):
            shards.append(_one(store, data, Shard(key, number, count, 0, ""), done))
            done += count
    for name, text in ShardIndex("stripes", task, entries(shards)).to_files().items():
        store.write(name, text)
    return store


def _one(store: Store, data: DataSet, shard: Shard, first: int) -> Shard:
    rows = range(first, first + shard.pictures)
    return _written(store, shard, [_sample(data.task, data.splits["train"], row) for row in rows])
