"""Fine-tuning: the learnt network goes on learning, last blocks first, and is kept only if it is better.

What is better is said by held-out pictures, after a temperature of each one's own, so that a network is not
preferred for being more or less sure. The margin is two standard errors of the paired difference: with few
pictures held out a small gain is no gain, the less so as they have chosen the epoch, too.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from foveate.batches.augment import Augmentation
from foveate.batches.loader import WHOLE, EvaluationBatches, Normaliser, Part, Pixels, TrainingBatches
from foveate.batches.streamed import StreamedBatches
from foveate.dataset.prepare import Prepared
from foveate.models.anatomy import Network
from foveate.tasks.learning import Learner
from foveate.training.evaluate import outputs_of
from foveate.training.events import EpochDone, Event, Retried, StepDone, StoppedEarly
from foveate.training.loop import Trainer
from foveate.training.optim import stage_of, stages_of
from foveate.training.ranks import ALONE, Ranks
from foveate.training.schedule import Horizon, SoonerHorizon, StepHorizon, TimeHorizon
from foveate.training.settings import OptimiserSettings, ScheduleSettings, TrainingSettings
from foveate.transfer.fitted import TuningRows

BATCH_SIZE = 16
MANY_PICTURES = 2_000  # from here on batches are twice as large, and batch norms follow the pictures
MARGIN = 2.0  # standard errors
AUGMENTATION = Augmentation(flip="random", crop_fraction=0.7, brightness_fraction=0.2, contrast_fraction=0.2)
SETTINGS = TrainingSettings(
    optimiser=OptimiserSettings("adamw", learning_rate=3e-4, weight_decay=0.02, stage_decay=0.75),
    schedule=ScheduleSettings(warmup_fraction=0.1, decay="cosine"),
    label_smoothing=0.1,
    clip_norm=5.0,
    select="val_loss",
)


@dataclass(frozen=True)
class Rung:
    """A step of the ladder: which part of the stages learns, for which share of the time."""

    name: str
    learning_share: float
    time_share: float


# The head comes first, in closed form: see `transfer.head`.
LADDER = (
    Rung("last blocks", learning_share=0.4, time_share=0.4),
    Rung("all", learning_share=1.0, time_share=0.6),
)


@dataclass(frozen=True)
class FineTuned:
    """How fine-tuning went.

    network: the better one; kept: whether it is the fine-tuned one. outputs: (n, K) for the held-out pictures
    by the fine-tuned one. loss_before, loss_after: of the held-out pictures, each after its own temperature.
    history: its rows, and best_epoch: the one of its weights, counted from the first rung's beginning.
    """

    network: Network
    kept: bool
    outputs: np.ndarray
    loss_before: float
    loss_after: float
    history: tuple[Mapping[str, Any], ...]
    best_epoch: float | None

    @property
    def in_words(self) -> str:
        what = "kept" if self.kept else "not kept, for it is no clear gain"
        return f"fine-tuned: held-out loss {self.loss_before:.3f} before, {self.loss_after:.3f} after: {what}"


class TuningBatches(NamedTuple):
    """The training pictures to learn from, and those to judge by."""

    training: TrainingBatches
    held_out: EvaluationBatches


def fine_tune(
    network: Network,
    learner: Learner,
    batches: TuningBatches,
    horizons: Callable[[Rung, float], Horizon],
    *,
    settings: TrainingSettings = SETTINGS,
    should_stop: Callable[[], bool] = lambda: False,
    ranks: Ranks = ALONE,
) -> Iterator[Event | FineTuned]:
    """Train the ladder's rungs one after the other; the last thing yielded is the `FineTuned`.

    Args:
        network: with a head fitted to the pictures only from which it learns. It is trained in place.
        horizons: when a rung ends, given how many seconds the evaluation takes that then follows.
        settings: those of a rung; each begins with the best epoch of those before, by ``settings.select`` on
            the held-out pictures, keeps what is better, and ends early by ``settings.patience_epochs``.
        ranks: who trains together; the outputs and losses are known to the first one.
    """
    training, held_out = batches
    start = {name: value.detach().clone() for name, value in network.state_dict().items()}
    began = time.monotonic()
    before = ranks.joined(outputs_of(network.eval(), held_out, learner.kept), len(held_out.targets))
    evaluation_seconds = time.monotonic() - began
    after: Tensor | None = None
    row: dict[str, Any] | None = None  # of the best epoch, and its weights
    weights: dict[str, Tensor] | None = None
    small = training.batch_size < 2 * BATCH_SIZE
    history: list[Mapping[str, Any]] = []
    best: float | None = None
    with _frozen_statistics(network) if small else nullcontext():
        for number, rung in enumerate(LADDER):
            let_learn(network, rung.learning_share)
            trainer = Trainer(
                network,
                learner,
                training,
                held_out,
                settings=replace(settings, seed=settings.seed + number),
                horizon=horizons(rung, evaluation_seconds),
                ranks=ranks,
            )
            trainer.best_row, trainer.best, trainer.best_outputs = row, weights, after
            for event in trainer.run(should_stop):
                yield _joined(event, rung, history)
            trainer.load_best()
            if trainer.best_row is not None and trainer.best_row is not row:
                best = _joined_row(trainer.best_row, history)["epoch"]
                row = {**trainer.best_row, "epoch": 0}  # as the next rung counts: it begins with this
            weights, after = trainer.best, trainer.best_outputs
            history += [_joined_row(one, history) for one in trainer.history]
    let_learn(network, 1.0)
    kept, loss_before, loss_after = ranks.first_says(_judged(learner, held_out, before, after))
    if not kept:
        network.load_state_dict(start)
    outputs = np.zeros((0,), np.float32) if after is None else after.numpy()
    yield FineTuned(network, kept, outputs, loss_before, loss_after, tuple(history), best)


def _judged(
    learner: Learner, held_out: EvaluationBatches, before: Tensor | None, after: Tensor | None
) -> tuple[bool, float, float]:
    """Whether what comes after is a clear gain, and the mean losses of both; unknown without outputs."""
    if before is None or after is None:
        return False, math.nan, math.nan
    losses = [learner.calibrated_losses(found, held_out.targets).numpy() for found in (before, after)]
    return is_clear_gain(*losses), float(losses[0].mean()), float(losses[1].mean())


def is_clear_gain(before: np.ndarray, after: np.ndarray) -> bool:
    """Whether losses (n,) of the same pictures fell by more than two standard errors of the mean gain."""
    gain = before - after
    if len(gain) < 2:
        return False
    return float(gain.mean()) > MARGIN * float(gain.std(ddof=1) / len(gain) ** 0.5)


def let_learn(network: nn.Module, share: float) -> None:
    """Let the last ``share`` of the stages learn and freeze those before."""
    stages = stages_of(network)
    learning = set(stages[len(stages) - max(round(share * len(stages)), 1) :])
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(stage_of(name) in learning)


@contextmanager
def _frozen_statistics(network: nn.Module) -> Iterator[None]:
    """Batch norms normalise by the statistics they came with, in training too: those of a small batch are too
    rough to put in their place.
    """
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    hooks = [norm.register_forward_pre_hook(_evaluate) for norm in norms]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _evaluate(module: nn.Module, _: object) -> None:
    module.eval()


def _joined(event: Event, rung: Rung, before: Sequence[Mapping[str, Any]]) -> Event:
    """A rung's event with epochs, steps and progress counted from the first rung's beginning."""
    last = before[-1] if before else _BEGINNING
    epochs = math.floor(last["epoch"])
    match event:
        case EpochDone(row=row):
            return replace(event, row=_joined_row(row, before))
        case StepDone(step=step, epoch=epoch, progress=progress):
            done = sum(other.time_share for other in LADDER[: LADDER.index(rung)])
            return replace(
                event,
                step=step + last["step"],
                epoch=epoch + epochs,
                progress=done + rung.time_share * progress,
            )
        case Retried(epoch=epoch):
            return replace(event, epoch=epoch + epochs)
        case StoppedEarly(epoch=epoch, best_epoch=best_epoch):
            return replace(event, epoch=epoch + epochs, best_epoch=best_epoch + epochs)
    return event


def _joined_row(row: Mapping[str, Any], before: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A rung's row with epochs, steps and seconds counted from the first rung's beginning."""
    last = before[-1] if before else _BEGINNING
    return {**row, **{key: round(row[key] + last[key], 3) for key in _BEGINNING}}


_BEGINNING: Mapping[str, Any] = {"epoch": 0, "step": 0, "seconds": 0.0}


def horizons(epochs: int, batches: int, deadline: float | None) -> Callable[[Rung, float], Horizon]:
    """How long each rung takes: its share of the epochs, and no more than its share of the time left."""

    def horizon(rung: Rung, evaluation_seconds: float) -> Horizon:
        steps = StepHorizon(max(round(epochs * rung.time_share * batches), 1))
        if deadline is None:
            return steps
        now = time.monotonic()
        still = sum(other.time_share for other in LADDER[LADDER.index(rung) :])
        left = max(deadline - now - evaluation_seconds, 0.0)
        return SoonerHorizon(steps, TimeHorizon(now + left * rung.time_share / still))

    return horizon


def tuning_batches(
    prepared: Prepared,
    rows: TuningRows,
    device: torch.device,
    *,
    augmentation: Augmentation,
    batch_size: int | None,
    seed: int,
    part: Part = WHOLE,
) -> TuningBatches:
    """Of the training pictures those of these rows.

    batch_size: None takes what suits so many pictures. part: of both what this process looks at.
    """
    held, rest, reader = rows
    split, normalise = prepared.splits["train"], Normaliser(prepared.preprocessing, device)
    usual = BATCH_SIZE if rows.learnt_from < MANY_PICTURES else 2 * BATCH_SIZE
    own = Pixels(split.pixels[rest], split.targets.take(rest), device)
    how: dict[str, Any] = {
        "batch_size": batch_size or usual,
        "augmentation": augmentation,
        "seed": seed,
        "part": part,
    }
    training = (
        TrainingBatches(own, normalise, **how)
        if reader is None
        else StreamedBatches(reader, own, normalise, **how)
    )
    held_out = Pixels(split.pixels[held], split.targets.take(held), device)
    return TuningBatches(training, EvaluationBatches(held_out, normalise, batch_size=32, part=part))
