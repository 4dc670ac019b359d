"""What a file of one's own adds, taken through the program: trained, exported, predicted, inspected."""

import importlib.util
import json
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from PIL import Image

import foveate
from foveate.dataset.sources.open import FORMATS
from foveate.explanation.methods import METHODS
from foveate.inspector.session import Session
from foveate.inspector.sums import describe
from foveate.layers.known import BLUEPRINT_LAYERS, FUNCTIONS, MODULES, SUMS
from foveate.modelfolder.to_torch import rebuild
from foveate.models.catalogue import CATALOGUE
from foveate.tasks import added_metrics
from foveate.tasks.classification.task import Classification

WITHOUT_TORCH = (
    "import sys; sys.modules['torch'] = None; from foveate.cli.main import main; main(sys.argv[1:])"
)


@contextmanager
def kept_table():
    """What is registered is afterwards what it was before."""
    every = (
        BLUEPRINT_LAYERS,
        FUNCTIONS,
        MODULES,
        SUMS,
        CATALOGUE,
        METHODS,
        FORMATS,
        added_metrics("classification"),
    )
    tables = [(table, dict(table)) for table in every]
    metrics = Classification.metrics
    try:
        yield
    finally:
        Classification.metrics = metrics
        for table, before in tables:
            table.clear()
            table.update(before)


@contextmanager
def loaded(file):
    """The module of a file that registers something."""
    spec = importlib.util.spec_from_file_location(Path(file).stem, file)
    module = importlib.util.module_from_spec(spec)
    with kept_table():
        spec.loader.exec_module(module)
        yield module


def draw(folder):
    """Bright and dark pictures in ``folder``."""
    rng = np.random.default_rng(3)
    for name, middle in (("bright", 170), ("dark", 80)):
        (folder / name).mkdir(parents=True)
        for i in range(24):
            pixels = rng.integers(middle - 60, middle + 60, (12, 12, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{i}.png")


def trained(folder, blueprint=None, data="pictures", **settings):
    """Train a blueprint (its YAML) or another network for two epochs on bright and dark pictures."""
    draw(folder / "pictures")
    if blueprint is not None:
        (folder / "net.yaml").write_text(blueprint)
        settings["model"] = str(folder / "net.yaml")
    usual = {"epochs": 2, "batch_size": 8, "recipe": "standard"}
    out = foveate.train(folder / data, out=folder / "model", **usual | settings).folder
    return SimpleNamespace(folder=out, picture=folder / "pictures" / "bright" / "0.png", model=rebuild(out))


def predicted_without_torch(made):
    """What the command says of the picture, by a process that cannot import torch."""
    command = [sys.executable, "-c", WITHOUT_TORCH, "predict", made.folder, made.picture, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)["predictions"][0]


def inspected(made, op, channel, row=0, column=0):
    """(node, sum): what the inspector says of the step of this kind, and of one number of it."""
    session = Session(made.model)
    picture = session.pictures.add("bright", np.asarray(Image.open(made.picture)))
    run = session.runs.get(session.run({"picture": picture})["run"])
    number = next(i for i, step in enumerate(run.recording.steps) if step.op == op)
    return run.recording.steps[number], describe(run, number, channel, row, column)


def probability(made, label):
    """What torch says of the picture."""
    model = made.model
    pixels = np.asarray(Image.open(made.picture))[None]
    with torch.inference_mode():
        logits = model.module(torch.from_numpy(model.preprocessing.normalise(pixels)))
    chances = torch.softmax(logits / model.task.temperature, dim=1)[0]
    return float(chances[list(model.task.labels).index(label)])
