"""An inspector of circuit boards: find the faults; count the bad boards that pass and the good ones stopped.

    python examples/circuit_boards.py boards --draw 400     # no boards at hand? draw some first
    python examples/circuit_boards.py my_boards --budget 10m

DATA has the pictures' faults as boxes, in any form that `foveate check DATA` reads (YOLO, COCO, VOC, LabelMe,
CVAT, DeepPCB, tables). A picture without a box is a good board.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

import foveate

FAULTS = ("open", "short", "hole")
SIDE, PITCH = 96, 16
BOARD, COPPER = (24, 92, 52), (214, 168, 92)


def board(rng: np.random.Generator, faults: int) -> tuple[Image.Image, list[tuple[int, tuple[int, ...]]]]:
    """Six tracks with their pads and some faults: the picture, and (class, x1 y1 x2 y2) of each fault."""
    picture = Image.new("RGB", (SIDE, SIDE), BOARD)
    pen = ImageDraw.Draw(picture)
    for y in range(PITCH // 2, SIDE, PITCH):
        pen.rectangle((6, y - 2, SIDE - 7, y + 1), fill=COPPER)
        for x in (8, SIDE - 9):
            pen.ellipse((x - 5, y - 5, x + 5, y + 5), fill=COPPER)
            pen.ellipse((x - 2, y - 2, x + 2, y + 2), fill=BOARD)
    boxes = []
    for column in rng.permutation(3)[:faults]:  # each in a column of its own, so that none hides another
        kind, row = int(rng.integers(3)), int(rng.integers(5))
        x, y = 22 + 20 * int(column) + int(rng.integers(0, 8)), PITCH // 2 + PITCH * row
        if kind == 0:  # a gap in a track
            pen.rectangle((x, y - 2, x + 5, y + 1), fill=BOARD)
            box = (x - 3, y - 6, x + 9, y + 6)
        elif kind == 1:  # a bridge to the next one
            pen.rectangle((x, y + 1, x + 3, y + PITCH - 2), fill=COPPER)
            box = (x - 4, y - 2, x + 8, y + PITCH + 2)
        else:  # a pad where none should be
            pen.ellipse((x - 4, y - 5, x + 5, y + 4), fill=COPPER)
            pen.ellipse((x - 2, y - 3, x + 3, y + 2), fill=(16, 16, 16))
            box = (x - 5, y - 6, x + 7, y + 6)
        boxes.append((kind, box))
    light = rng.uniform(0.8, 1.1) + rng.normal(0, 0.02, (SIDE, SIDE, 1))
    return Image.fromarray((np.asarray(picture) * light).clip(0, 255).astype(np.uint8)), boxes


def draw(folder: Path, count: int) -> None:
    """``count`` boards in YOLO's form, half of them good; 15 % are there to choose on, 15 % to test on."""
    rng = np.random.default_rng(0)
    for i in range(count):
        split = "train" if i < 0.7 * count else "val" if i < 0.85 * count else "test"
        picture, boxes = board(rng, 0 if i % 2 else int(rng.integers(1, 4)))
        for part in ("images", "labels"):
            (folder / part / split).mkdir(parents=True, exist_ok=True)
        picture.save(folder / "images" / split / f"{i:04}.png")
        lines = [
            f"{kind} {(x1 + x2) / 2 / SIDE} {(y1 + y2) / 2 / SIDE} {(x2 - x1) / SIDE} {(y2 - y1) / SIDE}"
            for kind, (x1, y1, x2, y2) in boxes
        ]
        (folder / "labels" / split / f"{i:04}.txt").write_text("\n".join(lines))
    names = "\n".join(f"  {number}: {name}" for number, name in enumerate(FAULTS))
    splits = "\n".join(f"{split}: images/{split}" for split in ("train", "val", "test"))
    (folder / "data.yaml").write_text(f"path: .\n{splits}\nnames:\n{names}\n")


def inspect(model: Path, data: Path) -> dict[str, int]:
    """Stop every board on which a fault is found; how many decisions were wrong, and how."""
    boards = foveate.open_dataset(data, task="detection").splits["test"]
    pictures = [boards.images.read(i) for i in range(len(boards.images))]
    stopped = [answer.told > 0 for answer in foveate.load(model).predictions(pictures)]
    bad = [len(boards.targets.take([i])[0]) > 0 for i in range(len(pictures))]  # it has boxes
    pairs = list(zip(bad, stopped, strict=True))
    return {
        "boards": len(pairs),
        "bad boards passed": pairs.count((True, False)),
        "good boards stopped": pairs.count((False, True)),
    }


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Train, measure, decide; what came of it."""
    parser = argparse.ArgumentParser(description="faults of circuit boards, as boxes")
    parser.add_argument("data", type=Path)
    parser.add_argument("--draw", type=int, metavar="N", help="draw N boards into DATA first")
    parser.add_argument("--budget", default="3m", help="wall time of the training")
    parser.add_argument("--epochs", type=int, help="instead of a budget")
    parser.add_argument("--out", type=Path, default=Path("runs/boards"))
    options = parser.parse_args(arguments)
    if options.draw:
        draw(options.data, options.draw)
    time = {"epochs": options.epochs} if options.epochs else {"budget": options.budget}
    done = foveate.train(options.data, task="detection", weights="none", out=options.out, **time)
    print("\n".join(done.evaluation.lines(f"{done.evaluated_on} pictures")))
    decided = inspect(options.out, options.data)
    print(", ".join(f"{name}: {count}" for name, count in decided.items()))
    return {**done.evaluation.scores(), **decided}


if __name__ == "__main__":
    main()
