"""Make src/foveate/dataset/mini/fashion-mnist-mini.npz from Fashion-MNIST.

    python tools/make_fashion_mnist_mini.py

Takes the first 600 training and the first 100 test pictures of each class, in the order of the original
files: no random choice that somebody would have to trust. The same file comes out wherever zlib packs alike.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from foveate.dataset.sources import known

OUT = Path(__file__).resolve().parents[1] / "src/foveate/dataset/mini/fashion-mnist-mini.npz"
PER_CLASS = {"train": 600, "test": 100}


def first_of_each_class(labels: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """The indices, rising, of the first ``count`` samples of every class."""
    chosen = [np.flatnonzero(labels == c)[:count] for c in np.unique(labels)]
    return np.sort(np.concatenate(chosen))


def main() -> None:
    whole = known.load("fashion-mnist")
    arrays: dict[str, NDArray[np.uint8]] = {}
    for key, count in PER_CLASS.items():
        mini = whole.splits[key].select(first_of_each_class(whole.splits[key].targets.labels, count))
        arrays[f"{key}_images"] = mini.images.array[..., 0]  # type: ignore[attr-defined]
        arrays[f"{key}_labels"] = mini.targets.labels.astype(np.uint8)
    OUT.parent.mkdir(exist_ok=True)
    np.savez_compressed(OUT, **arrays)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
