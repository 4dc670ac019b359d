"""A biologist with 200 photographs: look them over, train, and get a table that says where it is unsure.

    python examples/biologist.py beetles --draw 200     # no photographs at hand? draw some first
    python examples/biologist.py my_photographs         # a folder for each species: SPECIES/1.jpg …

With `pip install 'foveate[pretrained]'` training starts from a network that has learnt from a million
photographs, and takes seconds; without, add `--budget 5m`.
"""

from __future__ import annotations

import argparse
import csv
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

import foveate

SPECIES = {
    "ladybird": ("#c8281e", "spots"),
    "potato beetle": ("#d9a520", "stripes"),
    "chafer": ("#7a4a22", "plain"),
}


def beetle(species: str, rng: np.random.Generator, side: int = 128) -> Image.Image:
    """A beetle on a leaf, somewhere in the picture and turned somehow."""
    colour, pattern = SPECIES[species]
    leaf = Image.new("RGB", (side, side), tuple(int(v) for v in rng.integers((50, 90, 40), (90, 160, 80))))
    body = Image.new("RGBA", (64, 64))
    pen = ImageDraw.Draw(body)
    pen.ellipse((14, 6, 50, 60), fill=colour)
    pen.ellipse((22, 0, 42, 16), fill="#181410")
    pen.line((32, 14, 32, 60), fill="#181410", width=2)
    for k in range(3):
        if pattern == "spots":
            for x in (22, 42):
                pen.ellipse((x - 4, 16 + 13 * k, x + 4, 24 + 13 * k), fill="#181410")
        elif pattern == "stripes":
            for x in (20 + 5 * k, 34 + 5 * k):
                pen.line((x, 16, x, 52), fill="#181410", width=2)
    size = int(rng.integers(48, 90))
    body = body.resize((size, size)).rotate(float(rng.uniform(0, 360)), expand=True)
    place = tuple(int(v) for v in rng.integers(-10, side - size + 1, 2))
    leaf.paste(body, place, body)
    noise = rng.normal(0, 8, (side, side, 3))
    return Image.fromarray((np.asarray(leaf) + noise).clip(0, 255).astype(np.uint8)).filter(
        ImageFilter.GaussianBlur(float(rng.uniform(0, 1.2)))
    )


def draw(folder: Path, count: int) -> None:
    """``count`` pictures in a folder a species; as in life, one of them is there twice."""
    rng = np.random.default_rng(0)
    for i in range(count):
        species = list(SPECIES)[i % len(SPECIES)]
        (folder / species).mkdir(parents=True, exist_ok=True)
        beetle(species, rng).save(folder / species / f"{i:03}.jpg", quality=92)
    first = sorted((folder / "chafer").iterdir())[0]
    shutil.copy(first, first.with_name("copy of it.jpg"))


def look_over(folder: Path) -> list[str]:
    """What is wrong with the data, in sentences: broken files, copies, rare species, odd names."""
    found = foveate.check(folder)
    for item in found.items:
        print(f"  {item.severity}: {item.message}")
    return [item.kind for item in found.items]


def write_table(model: Path, pictures: Path, table: Path) -> int:
    """A row for each picture; how many of them a person should look at, for the network is unsure."""
    files = sorted(path for path in pictures.rglob("*.jpg"))
    answers = foveate.load(model).predictions(files)
    with table.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "species", "probability", "look at it"])
        for path, answer in zip(files, answers, strict=True):
            doubt = "yes" if answer.unsure or answer.unlike else ""
            rows.writerow([path.relative_to(pictures), answer.label, f"{answer.probability:.3f}", doubt])
    return sum(answer.unsure or answer.unlike for answer in answers)


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Check, train, tell; what was found."""
    parser = argparse.ArgumentParser(description="two hundred photographs, one folder a species")
    parser.add_argument("data", type=Path)
    parser.add_argument("--draw", type=int, metavar="N", help="draw N pictures of beetles into DATA first")
    parser.add_argument("--budget", help="wall time of the training, such as 5m")
    parser.add_argument("--out", type=Path, default=Path("runs/species"))
    options = parser.parse_args(arguments)
    if options.draw:
        draw(options.data, options.draw)
    print("What is wrong with the pictures:")
    kinds = look_over(options.data)
    settings = {"budget": options.budget} if options.budget else {}
    done = foveate.train(options.data, out=options.out, **settings)
    print("\n".join(done.evaluation.lines(f"{done.evaluated_on} pictures")))
    table = options.out.with_suffix(".csv")
    doubtful = write_table(options.out, options.data, table)
    print(f"{table}: {doubtful} pictures are for a person to look at; more in {options.out / 'report.html'}")
    return {"kinds": kinds, "accuracy": done.evaluation.headline.value, "doubtful": doubtful, "table": table}


if __name__ == "__main__":
    main()
