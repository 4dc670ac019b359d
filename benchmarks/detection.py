"""How good boxes become in a time, over seeds, and how many pictures a second the finished model looks at.

    python benchmarks/detection.py DATA [--budgets 5m,30m] [--models auto,faster_rcnn_efficientnet_lite0]
        [--seeds 3] [--out FOLDER]

Each training is the whole command, from its start to the finished folder, one after another on an otherwise
idle machine; nothing is chosen on the test pictures, which are measured once by the finished ``model.onnx``.
Prints a line a run, and of each network and budget the mean and the spread; the speed is that of the
predictor with one picture in memory, of 640 x 480, resizing included.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from statistics import mean, stdev

import numpy as np

import foveate

PICTURE, REPEATS = (480, 640, 3), 40


def trained(data: str, budget: str, model: str, seed: int, out: Path) -> tuple[dict[str, float], float]:
    """The numbers of the test pictures, and the seconds that the command took."""
    command = [sys.executable, "-m", "foveate", "train", data, "--budget", budget, "--model", model]
    command += ["--seed", str(seed), "--out", str(out), "--overwrite", "--json"]
    began = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    seconds = time.monotonic() - began
    metrics = json.loads((out / "config.json").read_text())["metrics"]
    found: dict[str, float] = metrics[json.loads(done.stdout)["evaluated_on"]]
    return found, seconds


def pictures_a_second(folder: Path) -> float:
    """Of pictures of 640 x 480 in memory, one at a time, resizing and boxes included."""
    model = foveate.load(folder)
    picture = np.random.default_rng(0).integers(0, 256, PICTURE, np.uint8)
    model.predict([picture])
    began = time.monotonic()
    for _ in range(REPEATS):
        model.predict([picture])
    return REPEATS / (time.monotonic() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--budgets", default="5m,30m")
    parser.add_argument("--models", default="auto")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("runs/benchmark-detection"))
    asked = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.2f} before")
    for model in asked.models.split(","):
        for budget in asked.budgets.split(","):
            rows, out = [], asked.out
            for seed in range(asked.seeds):
                out = asked.out / f"{model}-{budget}-{seed}"
                found, seconds = trained(asked.data, budget, model, seed, out)
                rows.append(found)
                told = f"AP50 {found['ap50']:.3f}, AP {found['ap']:.3f}, {seconds:.0f} s"
                print(f"{model} {budget} seed {seed}: {told}")
            values = [row["ap50"] for row in rows]
            spread = stdev(values) if len(values) > 1 else 0.0
            told = f"AP50 {mean(values):.3f} (sd {spread:.3f}, n = {len(values)})"
            print(f"{model} {budget}: {told}, {pictures_a_second(out):.1f} pictures a second")


if __name__ == "__main__":
    main()
