"""FCN-32s, 16s, 8s, and 8s with a field behind it: the same trunk, pictures and time, on test pictures.

    foveate data make scenes --size 224 --count 1000 --out scenes
    python benchmarks/fcn.py scenes --budget 60s --seeds 3 --out docs

Writes fcn.json with every run, and fcn.png: some test pictures, their truth, and what each network says.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

import foveate
from foveate.dataset import open_dataset
from foveate.images.sheet import contact_sheet
from foveate.tasks.segmentation.colours import voc_colour
from report import machine

TRUNK = "efficientnet_lite0"
WAYS = {
    "FCN-32s": {"model": f"fcn32s_{TRUNK}"},
    "FCN-16s": {"model": f"fcn16s_{TRUNK}"},
    "FCN-8s": {"model": f"fcn8s_{TRUNK}"},
    "FCN-8s + MRF": {"model": f"fcn8s_{TRUNK}", "refine": "mrf"},
}
TIMED = 40  # runs of one picture
ENLARGED = 2  # pixels of a pixel in the picture


@dataclass(frozen=True)
class Run:
    """miou, boundary_f: on the test pictures. milliseconds: of the network for one picture, two cores."""

    way: str
    seed: int
    size: str
    miou: float
    boundary_f: float
    milliseconds: float
    seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--budget", default="60s")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--ignore", default=())
    parser.add_argument("--shown", type=int, default=3, help="test pictures in fcn.png; 0 writes none")
    parser.add_argument("--out", type=Path, default=Path())
    given = parser.parse_args()
    runs: list[Run] = []
    with tempfile.TemporaryDirectory() as folder:
        places = {way: Path(folder) / str(number) for number, way in enumerate(WAYS)}
        for seed in range(given.seeds):  # in turn, so that a slow minute of the machine meets all alike
            for way, place in places.items():
                run = trained(way, given.data, place, seed=seed, budget=given.budget, ignore=given.ignore)
                runs.append(run)
                print(run, flush=True)
        if given.shown:
            Image.fromarray(shown(given.data, places, given.shown)).save(given.out / "fcn.png", optimize=True)
    rows = [vars(run) for run in runs]
    document = {"machine": machine(quick=True), "data": given.data.name, "budget": given.budget, "runs": rows}
    (given.out / "fcn.json").write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    print(table(runs))


def trained(way: str, data: Path, place: Path, *, seed: int, budget: str, ignore: str) -> Run:
    began = time.monotonic()
    settings = {"weights": "imagenet", "budget": budget, "seed": seed, "ignore": ignore, **WAYS[way]}
    foveate.train(data, out=place, overwrite=True, started=began, **settings)
    seconds = time.monotonic() - began
    found = foveate.evaluate(place, data, split="test", ignore=ignore).evaluation
    predictor = foveate.load(place)
    sides = predictor.preprocessing
    picture = np.zeros((1, sides.height, sides.width, 3), np.uint8)
    times = []
    for _ in range(TIMED):
        started = time.perf_counter()
        predictor.run(picture)
        times.append(time.perf_counter() - started)
    size = f"{sides.width}x{sides.height}"
    milliseconds = 1000 * statistics.median(times)
    return Run(way, seed, size, float(found.miou), float(found.boundary_f), milliseconds, seconds)


def table(runs: list[Run]) -> str:
    """Markdown: the mean and, from two seeds on, the standard deviation of each."""
    lines = ["| | mean IoU | boundary F | ms a picture |", "|---|---|---|---|"]
    for way in WAYS:
        of_way = [run for run in runs if run.way == way]
        columns = ([100 * run.miou for run in of_way], [100 * run.boundary_f for run in of_way])
        cells = [told(values) for values in (*columns, [run.milliseconds for run in of_way])]
        lines.append(f"| {way} | {' | '.join(cells)} |")
    return "\n".join(lines)


def told(values: list[float]) -> str:
    spread = f" ({statistics.stdev(values):.1f})" if len(values) > 1 else ""
    return f"{statistics.mean(values):.1f}{spread}"


def shown(data: Path, places: dict[str, Path], count: int) -> np.ndarray:
    """Test pictures with their truth and the class maps of each network, (H, W, 3)."""
    split = open_dataset(data).splits["test"]
    predictors = {way: foveate.load(place) for way, place in places.items()}
    colours = np.array([voc_colour(number) for number in range(256)], np.uint8)
    panels = []
    for number in range(count):
        picture = split.images.read(number)
        truth = split.targets.mask(number)
        panels += [("picture", enlarged(picture)), ("truth", enlarged(colours[truth]))]
        for way, predictor in predictors.items():
            panels.append((way, enlarged(colours[predictor.predictions([picture])[0].mask])))
    return contact_sheet(panels, columns=2 + len(places))


def enlarged(picture: np.ndarray) -> np.ndarray:
    return picture.repeat(ENLARGED, axis=0).repeat(ENLARGED, axis=1)


if __name__ == "__main__":
    main()
