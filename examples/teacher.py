"""A lesson: a convolution by hand, then a wager on which of three networks learns to read digits.

    python examples/teacher.py                      # half a minute; digits are drawn by the program
    python examples/teacher.py --pictures 500 --epochs 3

The class computes the first sum on paper. Then it bets: does a network that sees all pixels at once read
better than one that slides small windows over them? All learn from the same digits and are asked about the
same new ones. The three networks are written out below; let the class change them, and bet again.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np

import foveate
from foveate.guide.digits import SIDE, digits
from foveate.reference.convolution import conv2d

NETWORKS = {
    "dense layers only": ["flatten", {"dense": 32}, "relu", {"dense": 10}],
    "one convolution": [
        {"conv": {"filters": 8, "kernel": 3, "padding": 1}},
        "relu",
        {"max_pool": 4},
        "flatten",
    ],
    "two convolutions": [
        {"conv": {"filters": 8, "kernel": 3, "padding": 1}},
        "relu",
        {"max_pool": 2},
        {"conv": {"filters": 16, "kernel": 3, "padding": 1}},
        "relu",
        {"max_pool": 2},
        "flatten",
    ],
}


def by_hand() -> np.ndarray:
    """The guide's first example: lay the kernel on, multiply, add up, move on."""
    picture, kernel = np.arange(9.0).reshape(3, 3), np.arange(4.0).reshape(2, 2)
    window = picture[:2, :2]
    products = " + ".join(f"{a:g}·{b:g}" for a, b in zip(window.flat, kernel.flat, strict=True))
    print(f"the first sum: {products} = {(window * kernel).sum():g}")
    answer = conv2d(picture[None, None], kernel[None, None])[0, 0]
    print(f"all four sums: {answer.tolist()}\n")
    return answer


def wager(count: int, epochs: int, folder: Path) -> dict[str, float]:
    """Train each network on ``count`` digits; the share of new digits that each reads rightly."""
    pictures, labels = (
        (one * 255).astype(np.uint8) if one.ndim > 1 else one for one in digits(count, seed=0)
    )
    unseen, answers = digits(500, seed=1)
    unseen = (unseen * 255).astype(np.uint8)
    read: dict[str, float] = {}
    for name, layers in NETWORKS.items():
        last = [] if name.startswith("dense") else [{"dense": 10}]
        blueprint = folder / f"{name.replace(' ', '_')}.yaml"
        blueprint.write_text(str({"input": [1, SIDE, SIDE], "layers": [*layers, *last]}))
        foveate.train(
            (pictures[:, 0], labels), model=str(blueprint), epochs=epochs, lr=0.01, out=folder / name
        )
        model = foveate.load(folder / name)
        read[name] = model.score([to_colour(one[0]) for one in unseen], [str(label) for label in answers])
        numbers = foveate.summary(str(blueprint)).parameters
        print(f"{name}: {numbers:,} numbers to learn, reads {read[name]:.1%} of 500 new digits", flush=True)
    return read


def to_colour(grey: np.ndarray) -> np.ndarray:
    """(H, W) to (H, W, 3), as pictures are given to a model."""
    return np.repeat(grey[:, :, None], 3, axis=2)


def main(arguments: list[str] | None = None) -> dict[str, float]:
    """Print the lesson; the share of digits that each network reads."""
    parser = argparse.ArgumentParser(description="a lesson: a convolution by hand, and a wager")
    parser.add_argument("--pictures", type=int, default=2000)
    parser.add_argument("--epochs", type=int, default=8)
    options = parser.parse_args(arguments)
    by_hand()
    with tempfile.TemporaryDirectory() as folder:
        return wager(options.pictures, options.epochs, Path(folder))


if __name__ == "__main__":
    main()
