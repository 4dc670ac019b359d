"""R-CNN, Fast R-CNN and Faster R-CNN side by side: one trunk, the same pictures, what each picture costs.

    python benchmarks/region_detectors.py DATA [--trunk efficientnet_lite0] [--epochs 30] [--weights imagenet]
        [--seeds 3] [--pictures 20] [--out FOLDER]

Trains each with the same seeds, one after another on an otherwise idle machine, and measures on the data's
test pictures once, by the finished ``model.onnx``. Seconds are of whole predictions of single pictures of
640 x 480 that were never seen, each noise of its own, so that no proposal is known; those that go into
selective search are told apart. Memory is the most that a process which only predicts had. Writes
``FOLDER/region_detectors.json``, and prints it as a table.
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
from statistics import mean, median, stdev
from typing import Any

FAMILIES = ("rcnn", "fast_rcnn", "faster_rcnn")
PREDICTING = """
import json, resource, sys, time
import numpy as np
import foveate
model = foveate.load(sys.argv[1])
rng = np.random.default_rng(0)
whole, searching = [], []
for number in range(1 + int(sys.argv[2])):
    coarse = rng.integers(0, 256, (12, 16, 3), np.uint8)
    picture = np.kron(coarse, np.ones((40, 40, 1), np.uint8)) // 2
    picture += rng.integers(0, 100, picture.shape, np.uint8)
    began = time.perf_counter()
    model.predict([picture])
    ended = time.perf_counter()
    if number:
        whole.append(ended - began)
    if number and model.proposals:
        other = model.preprocessing.apply(picture[:, ::-1])
        began = time.perf_counter()
        model.feeds(other[None])
        searching.append(time.perf_counter() - began)
print(json.dumps({"seconds": whole, "searching": searching,
                  "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""


def trained(asked: argparse.Namespace, name: str, seed: int) -> tuple[Path, dict[str, float]]:
    """The model folder, and the numbers of the test pictures with the seconds that the command took."""
    out = asked.out / f"{name}-{seed}"
    command = [sys.executable, "-m", "foveate", "train", asked.data, "--task", "detection", "--model", name]
    command += ["--weights", asked.weights, "--epochs", str(asked.epochs), "--seed", str(seed)]
    began = time.monotonic()
    subprocess.run(
        [*command, "--out", str(out), "--overwrite", "--json"], stdout=subprocess.PIPE, text=True, check=True
    )
    seconds = time.monotonic() - began
    metrics = json.loads((out / "config.json").read_text())["metrics"]
    return out, {**metrics[metrics["evaluated_on"]], "training_seconds": seconds}


def predicted(folder: Path, pictures: int) -> dict[str, Any]:
    """What whole predictions took, and selective search of them, in seconds; the memory in MiB."""
    command = [sys.executable, "-c", PREDICTING, str(folder), str(pictures)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def measured(asked: argparse.Namespace, family: str) -> dict[str, Any]:
    """A row of the table."""
    name = f"{family}_{asked.trunk}"
    folders, scores = zip(*(trained(asked, name, seed) for seed in range(asked.seeds)), strict=True)
    cost = predicted(folders[0], asked.pictures)
    return {
        "network": name,
        "ap50": [row["ap50"] for row in scores],
        "training_seconds": [row["training_seconds"] for row in scores],
        "seconds_a_picture": median(cost["seconds"]),
        "of_these_selective_search": median(cost["searching"]) if cost["searching"] else 0.0,
        "peak_mib": cost["peak_mib"],
    }


def told(row: dict[str, Any]) -> str:
    values = row["ap50"]
    spread = f"sd {stdev(values):.3f}, " if len(values) > 1 else ""
    return (
        f"| {row['network']} | {mean(values):.3f} ({spread}n = {len(values)}) | "
        f"{row['seconds_a_picture']:.3f} | {row['of_these_selective_search']:.3f} | {row['peak_mib']:.0f} | "
        f"{mean(row['training_seconds']):.0f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--trunk", default="efficientnet_lite0")
    parser.add_argument("--weights", default="imagenet")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--pictures", type=int, default=20)
    parser.add_argument("--out", type=Path, default=Path("runs/region-detectors"))
    asked = parser.parse_args()
    machine = {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count()}
    machine["load_before"] = os.getloadavg()[0]
    rows = [measured(asked, family) for family in FAMILIES]
    asked.out.mkdir(parents=True, exist_ok=True)
    document = {"machine": machine, "epochs": asked.epochs, "weights": asked.weights, "rows": rows}
    (asked.out / "region_detectors.json").write_text(json.dumps(document, indent=2) + "\n")
    print("| network | AP50 | seconds a picture | selective search | MiB | training, seconds |")
    print("|---|---|---|---|---|---|")
    print(*map(told, rows), sep="\n")


if __name__ == "__main__":
    main()
