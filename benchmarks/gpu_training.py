"""Trainings by this program's own loop on a card, with whole data sets on the device."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from foveate.batches.loader import EvaluationBatches, Normaliser, Pixels, TrainingBatches
from foveate.dataset import DataSet, open_dataset
from foveate.dataset.prepare import channel_statistics
from foveate.images.preprocess import Preprocessing
from foveate.models import create_model
from foveate.models.compact import CompactNet
from foveate.tasks.classification.targets import ClassTargets
from foveate.tasks.classification.task import Classification
from foveate.tasks.learning import learner_of
from foveate.training.evaluate import outputs_of
from foveate.training.loop import Trainer
from foveate.training.recipes import Recipe, recipe_for
from foveate.training.schedule import StepHorizon

INITIALISATION_COUNT = 2_000
READERS = 16


@dataclass(frozen=True)
class Sides:
    """Pictures (N, H, W, C) uint8 and labels (N,) to train on, and to measure with."""

    name: str
    train: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]
    task: Any

    def few(self, count: int) -> Sides:
        """The first pictures of each side."""
        return replace(self, train=_first(self.train, count), test=_first(self.test, count))

    def held_out(self, count: int = 10_000) -> Sides:
        """Training pictures alone, the last ``count`` of them, drawn once, to choose by."""
        order = np.random.default_rng(0).permutation(len(self.train[1]))
        images, labels = self.train
        kept, held = order[:-count], order[-count:]
        return replace(self, train=(images[kept], labels[kept]), test=(images[held], labels[held]))


def _first(side: tuple[np.ndarray, np.ndarray], count: int) -> tuple[np.ndarray, np.ndarray]:
    return side[0][:count], side[1][:count]


def read(source: str) -> Sides:
    """A data set in memory."""
    data = open_dataset(source)
    return Sides(data.name, _decoded(data, "train"), _decoded(data, "test"), data.task)


def stored(file: Path) -> Sides:
    """A data set in memory, of the arrays that `gpu_data.py unpack` decoded."""
    with np.load(file) as arrays:
        train, test = ((arrays[f"{name}_x"], arrays[f"{name}_y"]) for name in ("train", "test"))
        return Sides(file.stem, train, test, Classification(tuple(map(str, arrays["classes"]))))


def _decoded(data: DataSet, name: str) -> tuple[np.ndarray, np.ndarray]:
    split = data.splits[name]
    with ThreadPoolExecutor(READERS) as pool:
        images = np.stack(list(pool.map(split.images.read, range(len(split)), chunksize=256)))
    grey = bool((images[:1000] == images[:1000, ..., :1]).all())
    return np.ascontiguousarray(images[..., :1] if grey else images), np.array(split.targets.arrays["labels"])


@dataclass(frozen=True)
class Plan:
    """A network (a name, or the arguments of CompactNet), how it is trained, and for how many epochs."""

    network: str | Mapping[str, Any]
    epochs: float
    recipe: Recipe | None = None
    name: str = ""

    @property
    def chosen(self) -> Recipe:
        return self.recipe or recipe_for(
            self.network if isinstance(self.network, str) else "compact", self.epochs
        )

    @property
    def title(self) -> str:
        return self.name or f"{self.network}, {self.epochs:g} epochs, {self.chosen.name}"

    def module(self, shape: tuple[int, int, int], classes: int) -> nn.Module:
        height, width, channels = shape
        how = {"num_classes": classes, "in_channels": channels, "image_size": (height, width)}
        if isinstance(self.network, str):
            return create_model(self.network, **how)
        return CompactNet(**self.network, **how)


@dataclass
class OnDevice:
    """Pictures of both sides on the device, and what normalises them there."""

    sides: Sides
    device: torch.device
    train: Pixels = field(init=False)
    test: Pixels = field(init=False)
    normalise: Normaliser = field(init=False)

    def __post_init__(self) -> None:
        (images, labels), (others, wanted) = self.sides.train, self.sides.test
        mean, std = channel_statistics(images)
        shape = Preprocessing(*images.shape[1:], mean=mean, std=std)
        self.train = Pixels(images, ClassTargets(labels), self.device)
        self.test = Pixels(others, ClassTargets(wanted), self.device)
        self.normalise = Normaliser(shape, self.device)


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def train_once(data: OnDevice, plan: Plan, seed: int, *, most_steps: int | None = None) -> dict[str, Any]:
    """Seconds of setting up and training, and the accuracy in percent with one view and with the mirror's."""
    torch.manual_seed(seed)
    task, recipe = data.sides.task, plan.chosen
    module = plan.module(data.sides.train[0].shape[1:], len(task.labels))
    module = module.to(data.device, memory_format=torch.channels_last)
    batches = TrainingBatches(
        data.train, data.normalise, batch_size=recipe.batch_size, augmentation=recipe.augmentation, seed=seed
    )
    steps = min(round(plan.epochs * len(batches)), most_steps or 10**9)
    learner = learner_of(task)(task, label_smoothing=recipe.training.label_smoothing, device=data.device)
    settings = replace(recipe.training, seed=seed)
    wait(data.device)
    began = time.perf_counter()
    some = torch.linspace(0, len(data.train) - 1, INITIALISATION_COUNT).long().to(data.device)
    module.initialise_from(data.normalise(data.train.take(some)))
    trainer = Trainer(module, learner, batches, None, settings=settings, horizon=StepHorizon(steps))
    for _ in trainer.run():
        pass
    wait(data.device)
    seconds = time.perf_counter() - began
    module = trainer.evaluated_module.eval()
    views = measured(module, data)
    return {
        "seed": seed,
        "seconds": seconds,
        "steps": steps,
        **views,
        "milliseconds_a_step": 1000 * seconds / steps,
        "recorded": trainer.train_step.repeated.recordings,
        "refused": trainer.train_step.repeated.refused or batches.made.refused,
    }


def measured(module: nn.Module, data: OnDevice) -> dict[str, float]:
    """Percent right on the side that is measured: as it is, and with the mirror's scores."""
    labels = torch.from_numpy(data.sides.test[1].astype(np.int64))
    plain = outputs_of(module, EvaluationBatches(data.test, data.normalise, batch_size=2000))
    mirrored = plain + outputs_of(
        _Mirror(module), EvaluationBatches(data.test, data.normalise, batch_size=2000)
    )

    def right(outputs: Tensor) -> float:
        return 100 * float((outputs.argmax(1) == labels).float().mean())

    return {"accuracy": right(plain), "mirrored": right(mirrored)}


class _Mirror(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x.flip(-1))
