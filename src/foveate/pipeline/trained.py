"""A network whose training is over, however it was trained: what finishing needs to know of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from foveate.dataset.prepare import Prepared
from foveate.pipeline.plan import Plan
from foveate.pipeline.request import Phases, TrainRequest
from foveate.pipeline.ways import of_use
from foveate.tasks.targets import Targets
from foveate.training.loop import Trainer

AUGMENTED_SHOWN = 24


@dataclass(frozen=True)
class HeldOut:
    """Answers for pictures that the network, or its like, had not seen: they decide how sure it may be.

    outputs: (N, ...) as `Learner.kept`, before any calibration. how: where they come from, in words.
    """

    outputs: np.ndarray
    targets: Targets
    how: str = "validation pictures"


@dataclass(frozen=True)
class TrainedNetwork:
    """A trained network with the story of its training.

    Attributes:
        module: on the CPU, with the weights that are kept.
        architecture: how config.json writes the network down.
        recipe: how it was trained, for config.json; plain JSON.
        settings: the same for people: heading to text.
        history: one row an epoch, with the keys of `training.events`.
        best_epoch: the epoch that was kept, where one was chosen.
        held_out: None where there was nothing to hold out.
        preview: pictures (n, H, W, C) uint8 as training saw them, and their answers.
        metrics: further scores for config.json.
        features: (N, D) of the training pictures, where they are known already and the layers before the
            head never learned from them.
        unseen: the rows of training pictures that were held out, where the layers did learn.
    """

    module: nn.Module
    name: str
    architecture: Mapping[str, Any]
    recipe: Mapping[str, Any]
    settings: Mapping[str, str]
    history: Sequence[Mapping[str, Any]]
    best_epoch: float | None
    held_out: HeldOut | None
    preview: tuple[np.ndarray, Targets]
    metrics: Mapping[str, Any] = field(default_factory=dict)
    features: np.ndarray | None = None
    unseen: np.ndarray | None = None


@dataclass(frozen=True)
class TrainedRun:
    """A run whose training is over.

    deadline: when a budget ends, on time.monotonic()'s scale. record: `RunDirectory.record`.
    """

    out: Path
    prepared: Prepared
    request: TrainRequest
    phases: Phases
    network: TrainedNetwork
    deadline: float | None = None
    record: Mapping[str, Any] = field(default_factory=dict)


def from_trainer(plan: Plan, trainer: Trainer, request: TrainRequest) -> TrainedNetwork:
    """What a `Trainer` leaves: its best weights, and its outputs for the validation pictures."""
    module = trainer.load_best()
    held_out = _validation(trainer)  # on the training device
    return TrainedNetwork(
        module=module.to("cpu"),
        name=plan.network.name,
        architecture=plan.network.architecture,
        recipe={
            "name": plan.recipe.name,
            "batch_size": plan.batches.batch_size,
            "epochs_trained": trainer.history[-1]["epoch"],
            "augmentation": plan.recipe.augmentation.to_dict(),
            "training": plan.settings.to_dict(),
            "request": request.published(),
        },
        settings=_in_words(plan, trainer),
        history=trainer.history,
        best_epoch=trainer.best_row["epoch"] if trainer.best_row else None,
        held_out=held_out,
        preview=plan.batches.preview(AUGMENTED_SHOWN),
    )


def _validation(trainer: Trainer) -> HeldOut | None:
    if trainer.validation is None:
        return None
    outputs = trainer.outputs_of_best()
    return None if outputs is None else HeldOut(outputs.numpy(), trainer.validation.targets)


def _in_words(plan: Plan, trainer: Trainer) -> dict[str, str]:
    optimiser, schedule = plan.settings.optimiser, plan.settings.schedule
    words: dict[str, Any] = {
        "network": plan.network.name,
        "recipe": f"{plan.recipe.name}: {plan.recipe.summary}",
        "epochs": trainer.history[-1]["epoch"],
        "batch size": plan.batches.batch_size,
        "optimiser": f"{optimiser.name}, learning rate {optimiser.learning_rate:g}, "
        f"weight decay {optimiser.weight_decay:g}",
        "schedule": f"warm-up over {schedule.warmup_fraction:.0%} of the run, then {schedule.decay}",
        "label smoothing": plan.settings.label_smoothing,
        "class weights": "by frequency" if plan.settings.class_weights else "none",
        "refine": "mrf" if "refine" in plan.network.architecture else "none",
        "augmentation": plan.recipe.augmentation.describe(),
        "best epoch chosen by": "last" if trainer.validation is None else plan.settings.select,
        **({"fitted to the data": plan.fitted} if plan.fitted else {}),
    }
    return of_use({name: str(value) for name, value in words.items()}, trainer.learner.task)
