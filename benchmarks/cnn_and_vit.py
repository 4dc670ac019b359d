"""Convolutional networks and a vision transformer from chance: pictures few or many, whole or shuffled.

    python benchmarks/cnn_and_vit.py --cifar10 cifar10_jpeg --seconds 60 --seeds 3 --out docs
    python benchmarks/cnn_and_vit.py --out docs --page   # the page again from the runs that are there

``--cifar10`` is a folder with ``train`` and ``test``, class folders in both, or the arrays that `gpu_data.py
unpack` makes of them. Writes cnn-and-vit.json after every run; a run that is in it is not done again, so the
campaign can be stopped and gone on with at any time, or done in pieces (``--data``, ``--networks``,
``--shares``, ``--seeds``), or side by side: ``--part 1/7`` and so on, two cores and an ``--out`` each, and
then ``--page`` with all their files as ``--runs``. Then cnn-and-vit.md and its charts are written.

Every run has as many seconds of wall time, in which it trains and looks at its held-out pictures, a tenth of
the training pictures it is given: they choose the epoch whose weights are kept. The test pictures are looked
at once, at the end. A share of the pictures, and which are held out, are drawn by the seed.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cnn_and_vit_page import write_page
from foveate.batches.loader import EvaluationBatches, Normaliser, Pixels, TrainingBatches
from foveate.dataset import Split, open_dataset
from foveate.dataset.prepare import channel_statistics
from foveate.files import replacing
from foveate.images.preprocess import Preprocessing
from foveate.models import create_model, model_options
from foveate.tasks.base import Task
from foveate.tasks.classification.targets import ClassTargets
from foveate.tasks.learning import learner_of
from foveate.training.evaluate import outputs_of
from foveate.training.loop import Trainer
from foveate.training.norms import hasten
from foveate.training.recipes import Recipe, recipe_for
from foveate.training.schedule import TimeHorizon
from foveate.training.speed import measure_speed
from gpu_training import stored
from report import processor_and_versions

NETWORKS = ("compact_m", "resnet18", "mobilenet_v3_small", "deit_tiny")
DATA = ("fashion-mnist", "cifar10")
SHARES = (1, 10, 100)  # percent
PATCH = 4  # pixels a side; deit_tiny's own patches of pictures as small as these
HELD_OUT = 10  # one of so many training pictures
PERMUTATION_SEED = 0  # the same for all pictures, networks and seeds
INITIALISATION_COUNT = 2_000
TIMED_AS_EPOCHS = 6.0  # of the recipe with which a network's speed is measured
RESULTS = "cnn-and-vit.json"


@dataclass(frozen=True)
class Case:
    """One training: what the JSON file knows it by."""

    data: str
    network: str
    share: int
    shuffled: bool
    seed: int

    @property
    def key(self) -> str:
        arrangement = "shuffled" if self.shuffled else "whole"
        return f"{self.data}/{self.network}/{self.share} %/{arrangement}/seed {self.seed}"


@dataclass(frozen=True)
class Pictures:
    """A data set in memory."""

    train: Pixels
    test: Pixels
    task: Task
    normalise: Normaliser

    @property
    def shape(self) -> tuple[int, int, int]:
        channels, height, width = self.train.take(torch.tensor([0])).shape[1:]
        return channels, height, width


def in_memory(train: Split, test: Split, task: Task, channels: int) -> Pictures:
    """Both splits, read once. Mean and deviation are those of the training pictures."""
    pixels = [
        Pixels(np.stack([split.images.read(i)[..., :channels] for i in range(len(split))]), split.targets)
        for split in (train, test)
    ]
    return with_normaliser(pixels[0], pixels[1], task)


def with_normaliser(train: Pixels, test: Pixels, task: Task) -> Pictures:
    images = train.images.numpy()
    mean, std = channel_statistics(images)
    seen = Preprocessing(*images.shape[1:], mean=mean, std=std)
    return Pictures(train, test, task, Normaliser(seen))


def shuffle_patches(x: Tensor) -> Tensor:
    """Pictures (N, C, H, W), their patches of 4x4 in another order: the same for all of a size."""
    n, channels, height, width = x.shape
    rows, columns = height // PATCH, width // PATCH
    order = torch.randperm(rows * columns, generator=torch.Generator().manual_seed(PERMUTATION_SEED))
    patches = x.reshape(n, channels, rows, PATCH, columns, PATCH).transpose(3, 4).flatten(2, 3)
    moved = patches[:, :, order].unflatten(2, (rows, columns)).transpose(3, 4)
    return moved.reshape(x.shape).contiguous(memory_format=torch.channels_last)


class Shuffled:
    """Normalises and then shuffles: what augments pictures before knows them as they are."""

    def __init__(self, normalise: Normaliser) -> None:
        self.normalise = normalise

    def __call__(self, images: Tensor) -> Tensor:
        return shuffle_patches(self.normalise(images))


def drawn(labels: np.ndarray, share: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows to learn from and rows held out: of every class the same share, drawn by the seed."""
    rng = np.random.default_rng(seed)
    learnt, held = [], []
    for label in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == label))
        rows = rows[: max(len(rows) * share // 100, 2)]
        count = max(len(rows) // HELD_OUT, 1)
        held.append(rows[:count])
        learnt.append(rows[count:])
    return np.sort(np.concatenate(learnt)), np.sort(np.concatenate(held))


def train_once(data: Pictures, case: Case, seconds: float) -> dict[str, Any]:
    """Train for so many seconds; what came of it. accuracy, held_out: percent."""
    learnt, held = (_some(data.train, rows) for rows in drawn(labels_of(data.train), case.share, case.seed))
    normalise = Shuffled(data.normalise) if case.shuffled else data.normalise
    torch.manual_seed(case.seed)
    channels, *size = data.shape
    options = {"image_size": tuple(size)} if "image_size" in model_options(case.network) else {}
    network = create_model(
        case.network, num_classes=len(data.task.labels), in_channels=channels, **options
    ).to(memory_format=torch.channels_last)
    if (initialise := getattr(network, "initialise_from", None)) is not None:
        count = min(INITIALISATION_COUNT, len(learnt))
        initialise(normalise(learnt.take(torch.linspace(0, len(learnt) - 1, count).long())))
    recipe, batches = _suited(network, case, learnt, normalise, task=data.task, seconds=seconds)
    learner = learner_of(data.task)(data.task, label_smoothing=recipe.training.label_smoothing)
    began = time.monotonic()
    trainer = Trainer(
        network, learner, batches, EvaluationBatches(held, normalise),
        settings=recipe.training, horizon=TimeHorizon(began + seconds),
    )  # fmt: skip
    for _ in trainer.run():
        pass
    spent = time.monotonic() - began
    outputs = outputs_of(trainer.load_best(), EvaluationBatches(data.test, normalise))
    return {
        **asdict(case),
        "accuracy": 100 * learner.scores(outputs, data.test.targets)["accuracy"],
        "held_out": 100 * trainer.best_row["val_accuracy"],
        "pictures": len(learnt),
        "epochs": trainer.step / len(batches),
        "seconds": spent,
        "recipe": recipe.name,
        "parameters": sum(p.numel() for p in network.parameters()),
    }


def labels_of(pixels: Pixels) -> np.ndarray:
    (labels,) = pixels.targets.arrays.values()
    return np.asarray(labels)


def _some(pixels: Pixels, rows: np.ndarray) -> Pixels:
    return Pixels(pixels.images.numpy()[rows], pixels.targets.take(rows))


def _suited(
    network: torch.nn.Module,
    case: Case,
    pixels: Pixels,
    normalise: Callable[[Tensor], Tensor],
    *,
    task: Task,
    seconds: float,
) -> tuple[Recipe, TrainingBatches]:
    """The recipe for the network and for as many epochs as it has time for, as `foveate train` takes it."""

    def batches(recipe: Recipe) -> TrainingBatches:
        size = recipe.batch_size_for(len(pixels))
        augmentation = recipe.augmentation
        return TrainingBatches(pixels, normalise, batch_size=size, augmentation=augmentation, seed=case.seed)

    usual = recipe_for(case.network, TIMED_AS_EPOCHS)
    trial = batches(usual)
    speed = measure_speed(network, learner_of(task)(task), trial, usual.training)
    recipe = recipe_for(case.network, seconds / (speed.step_seconds * len(trial)))
    hasten(network, seconds / speed.step_seconds)
    return recipe, batches(recipe)


def campaign(
    cases: Sequence[Case],
    seconds: float,
    file: Path,
    run: Callable[[Case], Mapping[str, Any]],
) -> dict[str, Any]:
    """Do those of the cases that the file has not, and write it after each; what it holds then.

    Raises SystemExit where its runs had another time.
    """
    found: dict[str, Any] = json.loads(file.read_text("utf-8")) if file.is_file() else {"runs": {}}
    if found["runs"] and found["seconds"] != seconds:
        raise SystemExit(
            f"{file} holds runs of {found['seconds']:g} s, and not of {seconds:g} s: give --seconds "
            f"{found['seconds']:g} to go on with it, or another --out."
        )
    found |= {"seconds": seconds, "machine": processor_and_versions()}
    for number, case in enumerate(missing := [case for case in cases if case.key not in found["runs"]], 1):
        done = dict(run(case))
        found["runs"][case.key] = done
        with replacing(file) as part:
            part.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        print(f"{number} of {len(missing)}  {case.key}: {done['accuracy']:.2f} %", flush=True)
    return found


def _cases(given: argparse.Namespace) -> list[Case]:
    """The seeds one after another, so that a campaign that was stopped has all cases of the first."""
    data = [name for name in given.data if name != "cifar10" or given.cifar10 is not None]
    every = itertools.product(given.seeds, data, given.shares, given.networks, (False, True))
    cases = [Case(name, network, share, shuffled, seed) for seed, name, share, network, shuffled in every]
    part, parts = map(int, given.part.split("/"))
    return cases[part - 1 :: parts]


def together(files: Sequence[Path]) -> dict[str, Any]:
    """The runs of campaigns that were done in parts. Raises SystemExit where time or machine differ."""
    parts = [json.loads(file.read_text("utf-8")) for file in files]
    for what in ("seconds", "machine"):
        if any(part[what] != parts[0][what] for part in parts):
            raise SystemExit(f"The parts differ in {what}: they cannot stand in one table.")
    runs = {key: run for part in parts for key, run in part["runs"].items()}
    return {**parts[0], "runs": dict(sorted(runs.items()))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--cifar10", type=Path, help="a folder with train and test; without it CIFAR-10 is left out"
    )
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seeds", type=int, default=3, help="how many")
    parser.add_argument("--data", nargs="+", choices=DATA, default=DATA)
    parser.add_argument("--networks", nargs="+", default=NETWORKS)
    parser.add_argument(
        "--shares", type=int, nargs="+", default=SHARES, help="of the training pictures, percent"
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--part", default="1/1", help="of the cases, such as 2/7: every seventh of them")
    parser.add_argument("--runs", type=Path, nargs="+", help="with --page: the files of the parts")
    parser.add_argument("--page", action="store_true", help="train nothing; write the page of what is there")
    parser.add_argument("--out", type=Path, default=Path())
    given = parser.parse_args()
    given.seeds = range(given.seeds)
    torch.set_num_threads(given.threads)
    file = given.out / RESULTS

    @cache
    def pictures(name: str) -> Pictures:
        if name == "fashion-mnist":
            dataset = open_dataset(name)
            return in_memory(dataset.splits["train"], dataset.splits["test"], dataset.task, 1)
        if given.cifar10.is_file():
            sides = stored(given.cifar10)
            train, test = (
                Pixels(images, ClassTargets(labels)) for images, labels in (sides.train, sides.test)
            )
            return with_normaliser(train, test, sides.task)
        train, test = (open_dataset(given.cifar10 / part) for part in ("train", "test"))
        return in_memory(*(next(iter(one.splits.values())) for one in (train, test)), train.task, 3)

    if given.page:
        found = together(given.runs) if given.runs else json.loads(file.read_text("utf-8"))
        if given.runs:
            file.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    else:
        given.out.mkdir(parents=True, exist_ok=True)
        run = lambda case: train_once(pictures(case.data), case, given.seconds)  # noqa: E731
        found = campaign(_cases(given), given.seconds, file, run)
    write_page(found, given.out)


if __name__ == "__main__":
    main()
