"""Street scenes: a class for each pixel, how well each class is found, and how much of a picture is road.

    python examples/street_scenes.py streets --draw 200       # no streets at hand? draw some first
    python examples/street_scenes.py my_streets --budget 10m  # images/ and masks/ side by side

DATA has a mask for each picture, in any form that `foveate check DATA` reads (docs/masks.md).
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

import foveate

CLASSES = ("sky", "building", "road", "car", "person")
WIDTH, HEIGHT = 96, 64


def street(rng: np.random.Generator) -> tuple[Image.Image, Image.Image]:
    """A street and its mask: sky, houses, a road that narrows, cars and people on it."""
    picture, mask = Image.new("RGB", (WIDTH, HEIGHT)), Image.new("L", (WIDTH, HEIGHT))
    pens = ImageDraw.Draw(picture), ImageDraw.Draw(mask)

    def paint(shape: str, corners: tuple[int, ...], colour: tuple[int, ...], name: str) -> None:
        getattr(pens[0], shape)(corners, fill=colour)
        getattr(pens[1], shape)(corners, fill=CLASSES.index(name))

    def shade(*low: int) -> tuple[int, ...]:
        return tuple(int(v) for v in rng.integers(low, np.add(low, 40)))

    horizon = int(rng.integers(24, 34))
    paint("rectangle", (0, 0, WIDTH, HEIGHT), shade(130, 170, 210), "sky")
    for x in range(0, WIDTH, 16):
        paint(
            "rectangle",
            (x, int(rng.integers(4, horizon - 6)), x + 15, HEIGHT),
            shade(120, 70, 50),
            "building",
        )
    middle = int(rng.integers(36, 60))
    road = (middle - 8, horizon, middle + 8, horizon, WIDTH + 20, HEIGHT, -20, HEIGHT)
    paint("polygon", road, shade(60, 60, 64), "road")
    for _ in range(int(rng.integers(1, 4))):
        y = int(rng.integers(horizon + 4, HEIGHT - 6))
        x, size = int(rng.integers(8, WIDTH - 20)), 4 + (y - horizon) // 3
        paint("rectangle", (x, y - size, x + 2 * size, y), shade(20, 40, 130), "car")
    for _ in range(int(rng.integers(1, 3))):
        x, y = int(rng.integers(4, WIDTH - 8)), int(rng.integers(horizon + 8, HEIGHT - 4))
        paint("rectangle", (x, y - 12, x + 4, y), shade(190, 120, 20), "person")
        paint("ellipse", (x, y - 16, x + 4, y - 11), shade(200, 150, 120), "person")
    noise = rng.normal(0, 6, (HEIGHT, WIDTH, 3))
    return Image.fromarray((np.asarray(picture) + noise).clip(0, 255).astype(np.uint8)), mask


def draw(folder: Path, count: int) -> None:
    """``count`` pictures in images/, their masks in masks/, and the classes' numbers in classes.csv."""
    rng = np.random.default_rng(0)
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    rows = [f"{name},{number}" for number, name in enumerate(CLASSES)]
    (folder / "classes.csv").write_text("\n".join(["name,number", *rows]) + "\n")
    for i in range(count):
        picture, mask = street(rng)
        picture.save(folder / "images" / f"{i:04}.png")
        mask.save(folder / "masks" / f"{i:04}.png")


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Train, measure, look at one picture; what came of it."""
    parser = argparse.ArgumentParser(description="street scenes with a class for each pixel")
    parser.add_argument("data", type=Path)
    parser.add_argument("--draw", type=int, metavar="N", help="draw N streets into DATA first")
    parser.add_argument("--budget", default="2m", help="wall time of the training")
    parser.add_argument("--epochs", type=int, help="instead of a budget")
    parser.add_argument("--out", type=Path, default=Path("runs/streets"))
    options = parser.parse_args(arguments)
    if options.draw:
        draw(options.data, options.draw)
    time = {"epochs": options.epochs} if options.epochs else {"budget": options.budget}
    done = foveate.train(options.data, task="segmentation", out=options.out, **time)
    print("\n".join(done.evaluation.lines(f"{done.evaluated_on} pictures")))
    model = foveate.load(options.out)
    picture = sorted((options.data / "images").iterdir())[0]
    (answer,) = model.predictions([picture])
    shares = {found.label: found.share for found in answer.found}
    print(f"{picture}: " + ", ".join(f"{share:.0%} {name}" for name, share in shares.items()))
    seen = options.out.with_name(f"{options.out.name}.png")
    seen.write_bytes(answer.png(lambda: foveate.read_image(picture)))
    print(f"the same as colours: {seen}")
    return {**done.evaluation.scores(), "shares": shares, "mask": answer.mask}


if __name__ == "__main__":
    main()
