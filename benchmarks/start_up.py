"""How long commands take from Enter to the end, against importing what others import."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from harness import Contestant, Skip, compete
from report import Section, Table, spread

SIDE = 32


def command(line: Sequence[str], needs: str = "") -> Callable[[], None]:
    """A process that must succeed. needs: a module without which it is left out."""
    import importlib.util

    if needs and importlib.util.find_spec(needs) is None:
        raise Skip(f"{needs} is not installed")

    def work() -> None:
        subprocess.run(line, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    return work


def make_model(folder: Path) -> None:
    """A model folder of a small untrained network."""
    from foveate.images.preprocess import Preprocessing
    from foveate.modelfolder.write import Draft
    from foveate.models.registry import create_model
    from foveate.runtime.config import InputShape, ModelConfig

    preprocessing = Preprocessing(SIDE, SIDE)
    options = {"image_size": [SIDE, SIDE]}
    classes = tuple(f"class {i}" for i in range(10))
    architecture = {"name": "compact_s", "options": options}
    network = create_model("compact_s", num_classes=10, in_channels=3, image_size=(SIDE, SIDE)).eval()
    with Draft(folder) as draft:
        draft.add_network(
            network,
            preprocessing=preprocessing,
            classes=classes,
            sample_images=np.random.default_rng(0).integers(0, 256, (4, SIDE, SIDE, 3), dtype=np.uint8),
            architecture=architecture,
        )
        draft.publish(ModelConfig(architecture, classes, InputShape(SIDE, SIDE, 3), preprocessing.to_dict()))


def run(quick: bool) -> Section:
    with tempfile.TemporaryDirectory() as place:
        model, picture = Path(place) / "model", Path(place) / "picture.jpg"
        make_model(model)
        Image.new("RGB", (500, 375), (200, 90, 40)).save(picture)
        python, foveate = [sys.executable, "-c"], [sys.executable, "-m", "foveate.cli.main"]
        lines = {
            "python, doing nothing": ([*python, "pass"], ""),
            "foveate --help": ([*foveate, "--help"], ""),
            "foveate models": ([*foveate, "models"], ""),
            "foveate summary resnet18": ([*foveate, "summary", "resnet18"], ""),
            "foveate predict MODEL picture.jpg": ([*foveate, "predict", str(model), str(picture)], ""),
            "import onnxruntime": ([*python, "import onnxruntime"], ""),
            "import torch": ([*python, "import torch"], "torch"),
            "import torchvision": ([*python, "import torchvision"], "torchvision"),
            "import keras": ([*python, "import keras"], "keras"),
        }
        race = compete(
            [
                Contestant(n, "start_up:command", {"line": line, "needs": needs})
                for n, (line, needs) in lines.items()
            ],
            turns=3 if quick else 11,
            seconds=0.0,
        )
    rows = [(name, spread(timing)) for name, timing in race.timings.items()]
    return Section(
        "Start-up",
        "Milliseconds from the start of a process to its end. What is imported is what a program made of"
        " these libraries waits for before it does anything.",
        [Table("Milliseconds a process", ("what", "time"), rows)],
        race.to_dict(),
        skipped=race.skipped,
    )
