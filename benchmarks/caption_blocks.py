"""Do sentences about NLVR's blocks name colours and shapes that are in the picture? By its pixels.

    sed '1s/sentence_id/group/' captions.csv > told.csv     # so that no sentence is learnt and measured
    foveate train told.csv --budget 8m --out runs/blocks
    python benchmarks/caption_blocks.py runs/blocks told.csv --beam 20 --out docs

Writes caption-blocks.json: what `foveate evaluate --json` tells of the test pictures, and of the colours and
shapes that are named how many the pictures show; the same of the sentences that people wrote.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

import foveate
from foveate.dataset import open_dataset
from foveate.tasks.captioning.text import words_of
from report import machine

BLOCK_COLOURS = {"yellow": (255, 255, 0), "black": (0, 0, 0), "blue": (0, 153, 255)}
# A block fills so much of the box around it, drawn in pixels; of blocks that touch nothing is told.
BLOCK_SHAPES = {"triangle": (0.5, 0.66), "circle": (0.7, 0.97), "square": (0.999, 1.0)}
_LEAST_PX = 40


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--beam", type=int, help="as of `foveate predict`")
    parser.add_argument("--out", type=Path, default=Path())
    given = parser.parse_args()
    test = open_dataset(given.data, task="captioning").splits["test"]
    pictures = [test.images.read(row) for row in range(len(test))]
    model = foveate.load(given.model, beam=given.beam)
    said = list(model.predict(pictures))
    people = [own[0] for own in test.targets]
    document = {
        "machine": machine(quick=True),
        "beam": given.beam,
        "model": named(said, pictures),
        "people": named(people, pictures),
        "evaluation": foveate.evaluate(model, given.data, split="test").to_dict(),
    }
    document["evaluation"] |= {
        "model": given.model.name,
        "data": given.data.name,
    }  # no folders of this machine
    (given.out / "caption-blocks.json").write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    print(json.dumps({key: document[key] for key in ("model", "people")}))


def named(said: Sequence[str], pictures: Iterable[NDArray[np.uint8]]) -> dict[str, dict[str, int]]:
    """said: of each picture its sentence; pictures: (H, W, 3) each."""
    counts = {"colours": [0, 0], "shapes": [0, 0]}
    for sentence, pixels in zip(said, pictures, strict=True):
        colours, shapes = blocks_in(pixels)
        words = {word.removesuffix("s") for word in words_of(sentence)}
        for key, known, there in (
            ("colours", BLOCK_COLOURS.keys(), colours),
            ("shapes", BLOCK_SHAPES.keys(), shapes),
        ):
            counts[key][0] += len(words & known & there)
            counts[key][1] += len(words & known)
    return {key: {"there": there, "named": of} for key, (there, of) in counts.items()}


def blocks_in(pixels: NDArray[np.uint8]) -> tuple[set[str], set[str]]:
    """The colours and the shapes of the blocks in one of NLVR's pictures."""
    colours, shapes = set(), set()
    for colour, value in BLOCK_COLOURS.items():
        labels, _ = ndimage.label((pixels == value).all(axis=2))
        for window in ndimage.find_objects(labels):
            part = labels[window] > 0
            if part.size < _LEAST_PX:
                continue
            colours.add(colour)
            fill = float(part.mean())
            shapes |= {name for name, (low, high) in BLOCK_SHAPES.items() if low <= fill <= high}
    return colours, shapes


if __name__ == "__main__":
    main()
