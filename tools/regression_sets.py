"""Sets of pictures with numbers, made from a seed: drawn shapes, and photographs turned by a known angle.

    python tools/regression_sets.py shapes shapes/            # number of discs, their area in percent
    python tools/regression_sets.py angles turned/ --photos photos/   # degrees, -45 to 45

Each writes pictures and a table.csv that `foveate train` takes.
"""

from __future__ import annotations

import argparse
import csv
import math
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

SHAPES_PX, SMOOTH = 64, 4  # side of a picture; drawn so many times larger, for smooth edges
TURNED_PX, MOST_DEGREES = 128, 45.0


def shapes(seed: int) -> tuple[Image.Image, int, float]:
    """One to nine discs of random colours that do not touch: picture, their number, their area in percent."""
    rng = np.random.default_rng(seed)
    ground = rng.integers(0, 90, 3)
    side = SHAPES_PX * SMOOTH
    picture = Image.new("RGB", (side, side), tuple(ground.tolist()))
    pen, placed = ImageDraw.Draw(picture), []
    wanted = int(rng.integers(1, 10))
    while len(placed) < wanted:
        radius = rng.uniform(0.04, 0.12)
        x, y = rng.uniform(radius, 1 - radius, 2)
        if any(math.hypot(x - a, y - b) < radius + r + 0.02 for a, b, r in placed):
            continue
        placed.append((x, y, radius))
        box = [side * v for v in (x - radius, y - radius, x + radius, y + radius)]
        pen.ellipse(box, fill=tuple(rng.integers(130, 256, 3).tolist()))
    area = 100 * sum(math.pi * r * r for *_, r in placed)
    return picture.resize((SHAPES_PX, SHAPES_PX), Image.Resampling.BOX), wanted, area


def turned(path: Path, seed: int) -> tuple[Image.Image, float]:
    """The middle of a photograph, turned anticlockwise by -45 to 45 degrees: no corner of it shows."""
    degrees = float(np.random.default_rng(seed).uniform(-MOST_DEGREES, MOST_DEGREES))
    with Image.open(path) as file:
        photo = file.convert("RGB")
    side = min(photo.size)
    left, top = (photo.width - side) // 2, (photo.height - side) // 2
    square = photo.crop((left, top, left + side, top + side))
    square = square.resize((2 * TURNED_PX, 2 * TURNED_PX), Image.Resampling.LANCZOS)
    square = square.rotate(degrees, Image.Resampling.BICUBIC)
    inner = math.floor(2 * TURNED_PX / math.sqrt(2) / 2) * 2
    cut = (2 * TURNED_PX - inner) // 2
    square = square.crop((cut, cut, cut + inner, cut + inner))
    return square.resize((TURNED_PX, TURNED_PX), Image.Resampling.LANCZOS), degrees


def write(folder: Path, header: list[str], rows: list[tuple[object, ...]]) -> None:
    with (folder / "table.csv").open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=["shapes", "angles"])
    parser.add_argument("out", type=Path)
    parser.add_argument("--photos", type=Path, help="a folder of photographs, for angles")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--test-share", type=float, default=0.25)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    given.out.mkdir(parents=True)
    rows: list[tuple[object, ...]] = []
    photos = sorted(p for p in (given.photos or Path()).rglob("*") if p.suffix.lower() in (".jpg", ".jpeg"))
    first_test = round((1 - given.test_share) * given.count)
    for number in range(given.count):
        split = "train" if number < first_test else "test"
        name, seed = f"{number:05}.png", given.seed * 1_000_003 + number
        if given.what == "shapes":
            picture, discs, area = shapes(seed)
            rows.append((name, discs, round(area, 3), split))
        else:
            # a photograph stands on one side only, however often it is turned
            some = photos[: round((1 - given.test_share) * len(photos))]
            mine = some if split == "train" else photos[len(some) :]
            picture, degrees = turned(mine[number % len(mine)], seed)
            rows.append((name, round(degrees, 2), split))
        picture.save(given.out / name)
    answers = ["discs", "area"] if given.what == "shapes" else ["degrees"]
    write(given.out, ["file_name", *answers, "split"], rows)


if __name__ == "__main__":
    main()
