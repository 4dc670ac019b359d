"""Training time to an accuracy on Fashion-MNIST, over seeds: 60,000 pictures in memory, tested once a run.

    python benchmarks/time_to_accuracy.py --target 92 --seeds 10
    python benchmarks/time_to_accuracy.py --network compact_s --epochs 0.5 1 2 4 --json curve.json

The time is that of setting the first layer from the pictures and of all steps, augmentation included, with
nothing kept back for validation; reading the files and testing the finished network are not in it. What each
target trains was chosen on 10,000 training pictures held out, not on the test pictures.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from foveate.batches.loader import EvaluationBatches, Normaliser, Pixels, TrainingBatches
from foveate.dataset import Split, open_dataset
from foveate.dataset.prepare import channel_statistics
from foveate.images.preprocess import Preprocessing
from foveate.models import create_model
from foveate.tasks.learning import Learner, learner_of
from foveate.training.evaluate import outputs_of
from foveate.training.loop import Trainer
from foveate.training.recipes import Recipe, recipe_for
from foveate.training.schedule import StepHorizon

INITIALISATION_COUNT = 2_000
WARM_UP_STEPS = 3


@dataclass(frozen=True)
class Plan:
    """A network and how many epochs, fractions allowed, it is trained for."""

    network: str
    epochs: float


TARGETS = {
    90: Plan("compact_s", 0.7),
    92: Plan("compact_s", 2.0),
    93: Plan("compact_s", 5.0),
    94: Plan("compact_l", 16.0),
}


@dataclass(frozen=True)
class Run:
    """One training: its seed, its time, and its accuracy in percent on the 10,000 test pictures.

    ``mirrored`` is the accuracy with the scores of each picture and its mirror image averaged: the same
    training, twice the work of an answer.
    """

    seed: int
    seconds: float
    accuracy: float
    mirrored: float


class FashionMnist:
    """The data set in memory, as training and evaluation want it."""

    def __init__(self) -> None:
        dataset = open_dataset("fashion-mnist")
        self.train, self.test = (_pixels(dataset.splits[name]) for name in ("train", "test"))
        mean, std = channel_statistics(self.train.images.numpy())
        self.normalise = Normaliser(Preprocessing(28, 28, channels=1, mean=mean, std=std))
        self.task = dataset.task

    def learner(self, recipe: Recipe) -> Learner:
        """Its loss, as the recipe has it."""
        return learner_of(self.task)(self.task, label_smoothing=recipe.training.label_smoothing)


def _pixels(split: Split) -> Pixels:
    images = np.stack([split.images.read(i)[..., :1] for i in range(len(split))])
    return Pixels(images, split.targets)


def train_once(data: FashionMnist, plan: Plan, seed: int, most_steps: int | None = None) -> Run:
    """Train a fresh network and test it."""
    torch.manual_seed(seed)
    network = create_model(plan.network, num_classes=10, in_channels=1, image_size=(28, 28))
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in the stub
    recipe = recipe_for(plan.network, plan.epochs)
    batches = TrainingBatches(
        data.train,
        data.normalise,
        batch_size=recipe.batch_size,
        augmentation=recipe.augmentation,
        seed=seed,
    )
    steps = most_steps or round(plan.epochs * len(batches))
    learner, horizon = data.learner(recipe), StepHorizon(steps)
    trainer = Trainer(network, learner, batches, None, settings=recipe.training, horizon=horizon)
    started = time.perf_counter()
    some = torch.linspace(0, len(data.train) - 1, INITIALISATION_COUNT).long()
    network.initialise_from(data.normalise(data.train.take(some)))
    for _ in trainer.run():
        pass
    seconds = time.perf_counter() - started
    outputs = outputs_of(network, EvaluationBatches(data.test, data.normalise))
    other = outputs_of(_Mirror(network), EvaluationBatches(data.test, data.normalise))
    views = (outputs, outputs + other)
    return Run(seed, seconds, *(100 * learner.scores(view, data.test.targets)["accuracy"] for view in views))


class _Mirror(nn.Module):
    """The network's answer to the mirror image."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x.flip(-1))


def summary(runs: Sequence[Run]) -> dict[str, float]:
    """Means and spreads over the seeds; seconds also as median and range."""
    accuracies, seconds = [run.accuracy for run in runs], [run.seconds for run in runs]
    return {
        "accuracy_mean": statistics.fmean(accuracies),
        "accuracy_sd": statistics.stdev(accuracies) if len(runs) > 1 else 0.0,
        "mirrored_mean": statistics.fmean(run.mirrored for run in runs),
        "seconds_median": statistics.median(seconds),
        "seconds_low": min(seconds),
        "seconds_high": max(seconds),
    }


def measure(data: FashionMnist, plan: Plan, seeds: int) -> dict[str, Any]:
    """Train with the seeds 1 to ``seeds``, after a few steps to warm up; prints as it goes."""
    what = f"{plan.network}, {plan.epochs:g} epochs"
    train_once(data, plan, seed=0, most_steps=WARM_UP_STEPS)
    runs = []
    for seed in range(1, seeds + 1):
        run = train_once(data, plan, seed)
        runs.append(run)
        print(f"{what}, seed {seed}: {run.accuracy:.2f} % in {run.seconds:.1f} s", file=sys.stderr)
    found = summary(runs)
    print(
        f"{what}: {found['accuracy_mean']:.2f} % (sd {found['accuracy_sd']:.2f}, n = {seeds}; "
        f"{found['mirrored_mean']:.2f} % with mirror images) in {found['seconds_median']:.1f} s "
        f"({found['seconds_low']:.1f} to {found['seconds_high']:.1f})",
        flush=True,
    )
    return {**asdict(plan), **found, "runs": [asdict(run) for run in runs]}


def machine() -> dict[str, object]:
    return {
        "machine": platform.machine(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "capability": torch.backends.cpu.get_cpu_capability(),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--target", type=int, choices=sorted(TARGETS), help="accuracy in percent")
    what.add_argument("--network", help="a network, with --epochs")
    parser.add_argument("--epochs", type=float, nargs="+", default=[1.0], help="one point of the curve each")
    parser.add_argument("--seeds", type=int, default=10, help="how many")
    parser.add_argument("--json", type=Path, help="write all runs to this file")
    options = parser.parse_args()
    plans = (
        [TARGETS[options.target]] if options.target else [Plan(options.network, e) for e in options.epochs]
    )
    data = FashionMnist()
    results = [measure(data, plan, options.seeds) for plan in plans]
    if options.json:
        options.json.write_text(json.dumps({**machine(), "results": results}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
