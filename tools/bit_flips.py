"""Flip single bits in every file of a model folder and of a checkpoint, and use what is left.

    python tools/bit_flips.py [--flips 3000] [--seed 0]

Each flipped file has to be refused in one of this program's own errors, or to give what the whole file gives
(white space of a JSON file, an older checkpoint). Prints a line for what is wrong and a summary for each
file; exits with 1 if anything is.
"""

from __future__ import annotations

import argparse
import collections
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from foveate.errors import FoveateError
from foveate.images.preprocess import Preprocessing
from foveate.modelfolder.read import load, read_config, verify
from foveate.modelfolder.to_torch import rebuild
from foveate.modelfolder.write import Draft
from foveate.models.registry import create_model
from foveate.models.weights_file import read_weights
from foveate.runtime.config import InputShape, ModelConfig
from foveate.seal import sealed
from foveate.tasks.classification.task import Classification
from foveate.training.checkpoint import Snapshot
from foveate.training.rundir import RunDirectory

TASK = Classification(("ant", "bee", "crab"))
TEXTS = {
    "report.html": "<p>right</p>",
    "README.md": "# bees",
    "history.csv": "epoch\n1\n",
    "splits.csv": "a,b\n",
}
REQUEST = {
    "request": {"model": "lenet5", "seed": 3, "lr": 0.1, "budget": None},
    "dataset": {"classes": TASK.classes},
}


def make(folder: Path) -> np.ndarray:
    """A model folder with a network that can be made again, and a run with two checkpoints; its pictures."""
    torch.manual_seed(0)
    shape = Preprocessing(32, 32, 1, mean=(0.5,), std=(0.25,))
    pictures = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 1), np.uint8)
    architecture = {"name": "lenet5", "options": {}}
    with Draft(folder / "model") as draft:
        draft.add_network(
            create_model("lenet5", num_classes=3, in_channels=1).eval(),
            preprocessing=shape,
            task=TASK,
            sample_images=pictures,
            architecture=architecture,
        )
        for name, text in TEXTS.items():
            draft.add_text(name, text)
        draft.publish(
            ModelConfig(
                architecture, TASK, InputShape(32, 32, 1), shape.to_dict(), seed=3, metrics={"a": 0.5}
            )
        )
    run = RunDirectory(folder / "run")
    for step in (10, 20):
        run.checkpoints.save(
            step, Snapshot({"w": torch.full((50,), float(step))}, {"step": step, "best": 0.5})
        )
    run.request_path.write_text(json.dumps(sealed(REQUEST), indent=2))
    return pictures


def uses(folder: Path, pictures: np.ndarray) -> dict[str, list[Callable[[], Any]]]:
    """What is done with each file; the results are compared with those of the whole file."""
    model, run = folder / "model", RunDirectory(folder / "run")

    def weights() -> dict[str, bytes]:
        return {name: value.numpy().tobytes() for name, value in read_weights(model).items()}

    def rebuilt() -> dict[str, bytes]:
        return {name: value.numpy().tobytes() for name, value in rebuild(model).module.state_dict().items()}

    def checkpoint() -> int:
        snapshot, _ = run.checkpoints.load_latest()
        step = snapshot.numbers["step"]
        if snapshot.tensors["w"].tolist() != [float(step)] * 50 or snapshot.numbers["best"] != 0.5:
            raise ValueError("a checkpoint of mixed numbers")
        return 20  # an older one that is whole is as good

    found: dict[str, list[Callable[[], Any]]] = {
        "model/config.json": [lambda: read_config(model), weights],
        "model/model.onnx": [lambda: load(model, threads=1).predict_proba(pictures).tobytes()],
        "model/model.safetensors": [weights, rebuilt],
        "run/checkpoint/run.json": [run.request],
    }
    found |= {f"model/{name}": [lambda name=name: verify(model, [name])] for name in TEXTS}
    for path in sorted((folder / "run" / "checkpoint").glob("step-*")):
        found[str(path.relative_to(folder))] = [checkpoint]
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--flips", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--most-seconds", type=float, default=170.0)
    options = parser.parse_args()
    rng, began = random.Random(options.seed), time.monotonic()
    told: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    tried = wrong = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tasks = uses(folder, make(folder))
        expected = {file: [use() for use in several] for file, several in tasks.items()}
        while tried < options.flips and time.monotonic() - began < options.most_seconds:
            file = rng.choice(sorted(tasks))
            path = folder / file
            whole = path.read_bytes()
            bit = rng.randrange(8 * len(whole))
            flipped = bytearray(whole)
            flipped[bit // 8] ^= 1 << bit % 8
            path.write_bytes(flipped)
            for use, right in zip(tasks[file], expected[file], strict=True):
                try:
                    outcome = "the same" if use() == right else "ANOTHER RESULT"
                except FoveateError:
                    outcome = "refused"
                except Exception as error:  # what no damage may lead to
                    outcome = f"INTERNAL {type(error).__name__}"
                told[file][outcome] += 1
                if outcome not in ("the same", "refused"):
                    wrong += 1
                    print(f"{file}, bit {bit}: {outcome}")
            path.write_bytes(whole)
            tried += 1
    for file, counts in sorted(told.items()):
        print(f"  {file:<40} " + ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())))
    print(f"{tried} flipped bits, {wrong} wrong, {time.monotonic() - began:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
