"""foveate's training loop on Fashion-MNIST in memory, for the benchmarks that compare it."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from foveate.batches.loader import Pixels, TrainingBatches
from foveate.models import create_model
from foveate.training.loop import Trainer
from foveate.training.recipes import ARTICLE, Recipe
from foveate.training.schedule import StepHorizon
from time_to_accuracy import FashionMnist, Plan, train_once


def trainer_of(
    data: FashionMnist, network: str, recipe: Recipe, epochs: int, seed: int, *, limit: int | None
) -> Trainer:
    """A training of a fresh network on the first ``limit`` pictures, or all."""
    torch.manual_seed(seed)
    module = create_model(network, num_classes=10, in_channels=1, image_size=(28, 28))
    train = data.train
    if limit is not None:
        train = Pixels(train.images.numpy()[:limit], train.targets.take(np.arange(limit)))
    batches = TrainingBatches(
        train, data.normalise, batch_size=recipe.batch_size, augmentation=recipe.augmentation, seed=seed
    )
    horizon = StepHorizon(epochs * len(batches))
    module = module.to(memory_format=torch.channels_last)
    return Trainer(module, data.learner(recipe), batches, None, settings=recipe.training, horizon=horizon)


def one_epoch(network: str, limit: int | None, precision: str) -> Callable[[], None]:
    """A function that trains for an epoch with the article's recipe, each time from fresh weights."""
    data = FashionMnist()
    training = dataclasses.replace(ARTICLE.training, precision=precision)
    recipe = dataclasses.replace(ARTICLE, training=training)

    def work() -> None:
        for _ in trainer_of(data, network, recipe, 1, 0, limit=limit).run():
            pass

    return work


def article_recipe(network: str, epochs: int) -> Callable[[], dict[str, Any]]:
    """Trainings of the article's network with its own settings, by foveate, with seeds 1, 2, ..."""
    from foveate.batches.loader import EvaluationBatches
    from foveate.training.evaluate import outputs_of

    data, seed = FashionMnist(), 0

    def work() -> dict[str, Any]:
        nonlocal seed
        seed += 1
        trainer = trainer_of(data, network, ARTICLE, epochs, seed, limit=None)
        began = time.perf_counter()
        for _ in trainer.run():
            pass
        seconds = time.perf_counter() - began
        outputs = outputs_of(trainer.module, EvaluationBatches(data.test, data.normalise))
        scores = trainer.learner.scores(outputs, data.test.targets)
        return {"curve": [(seconds, 100 * scores["accuracy"])]}

    return work


def planned(network: str, epochs: float, steps: int | None = None) -> Callable[[], dict[str, Any]]:
    """Trainings with this program's own recipe, with seeds 1, 2, ..."""
    data, seed = FashionMnist(), 0
    train_once(data, Plan(network, epochs), 0, 3)  # to warm up

    def work() -> dict[str, Any]:
        nonlocal seed
        seed += 1
        run = train_once(data, Plan(network, epochs), seed, steps)
        return {"curve": [(run.seconds, run.accuracy)], "mirrored": run.mirrored}

    return work
