"""The training loop: a generator of events over a module and its batches.

It draws no random numbers of its own: each step's dropout is seeded by (seed, step), each batch by
(seed, epoch, number). So a run that was killed and resumed from a checkpoint computes the same bytes as one
that never stopped, as long as no retry after a non-finite loss was needed (a retry goes back to the last
epoch start or resume).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator
from time import monotonic
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from foveate.batches.loader import Batch, mix_seed
from foveate.batches.recording import Recorder, recorder_for
from foveate.errors import DivergedError, InterruptedRunError
from foveate.tasks.learning import Learner
from foveate.tasks.targets import Targets
from foveate.training.average import WeightAverage
from foveate.training.checkpoint import Saving, Snapshot
from foveate.training.evaluate import outputs_of
from foveate.training.events import (
    CheckpointSaved,
    EpochDone,
    Event,
    Retried,
    StepDone,
    StoppedEarly,
    history_columns,
)
from foveate.training.memory import keep_freed_memory
from foveate.training.optim import make_optimiser, set_learning_rate
from foveate.training.precision import half_precision, take_fast_kernels
from foveate.training.ranks import ALONE, Ranks
from foveate.training.schedule import Horizon, learning_rate_factor
from foveate.training.settings import TrainingSettings
from foveate.training.step import Reading, Step
from foveate.words import setting

MAX_RETRIES = 3


class EpochBatches(Protocol):
    """Training batches by epoch; the same (epoch, number) always gives the same batch."""

    def __len__(self) -> int: ...
    def begin(self, progress: float) -> None: ...
    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]: ...


class Evaluation(Protocol):
    """Batches of the validation split, to be gone through once an evaluation."""

    @property
    def targets(self) -> Targets: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Batch]: ...


class Trainer:
    """One run: the network, its optimiser, its average, and where the run is.

    Args:
        module: the network; trained in place. Its forward takes (N, C, H, W) and gives what the learner
            takes; where it has ``forward_to_learn`` or ``forward_with_aux``, that and the auxiliary outputs,
            whose losses count ``module.aux_weight``.
        learner: the task's loss and scores.
        batches: the training split.
        validation: the validation split, or None: then nothing is selected and the last weights are kept.
        horizon: when the run ends.
        saving: where to save, and how often; None saves nothing.
        recorder: what records the steps of a module that is ``recordable``; the device's own by default.
        evaluation_seconds: what an evaluation takes, as far as it is known before there was one.
        ranks: who trains the same network; each has a `Part` of ``batches`` and ``validation``.
    """

    def __init__(
        self,
        module: nn.Module,
        learner: Learner,
        batches: EpochBatches,
        validation: Evaluation | None,
        *,
        settings: TrainingSettings,
        horizon: Horizon,
        saving: Saving | None = None,
        recorder: Recorder | None = None,
        evaluation_seconds: float = 0.0,
        ranks: Ranks = ALONE,
    ) -> None:
        self.module, self.learner, self.ranks = module, learner, ranks
        self.batches, self.validation = batches, validation
        self.settings, self.horizon = settings, horizon
        self.select = settings.select or f"val_{learner.task.metrics[0].name}"
        self.saving = saving if ranks.first else None
        self.device = next(module.parameters()).device
        self.half = half_precision(module, settings.precision)
        ranks.spread(module)
        if recorder is None and ranks.count == 1 and getattr(module, "recordable", False):
            recorder = recorder_for(self.device)
        self.optimiser = make_optimiser(module, settings.optimiser, recorded=recorder is not None)
        half_life = settings.average_half_life_epochs
        self.average = WeightAverage(module, half_life * len(batches)) if half_life else None
        self.step = self.epoch = self.number = (
            0  # optimiser steps; epochs, batches of this epoch that are done
        )
        self.seconds = 0.0  # training time of this run and of the runs it was resumed from
        self.history: list[dict[str, Any]] = []
        self.best: dict[str, Tensor] | None = None
        self.best_row: dict[str, Any] | None = None
        self.best_outputs: Tensor | None = None  # (N, ...) of the validation split, by the best of this run
        self.retries, self.rate_scale = 0, 1.0
        self.train_step = Step(
            module, learner, self.optimiser, settings, half=self.half, recorder=recorder, ranks=ranks
        )
        self._reading = Reading(self.train_step.sums)
        self._evaluation_seconds = evaluation_seconds

    # The run

    def run(self, should_stop: Callable[[], bool] = lambda: False) -> Iterator[Event]:
        """Train to the horizon, evaluating at the end of epochs; ``should_stop`` is asked after every step.

        Raises:
            InterruptedRunError: it was asked to stop; the state is saved if there is a checkpoint store.
            DivergedError: the loss is not finite and the policy's retries are used up.
        """
        keep_freed_memory()
        take_fast_kernels(self.device)
        if hasattr(self.module, "freeze_norms"):
            self.module.freeze_norms(not self.settings.learn_norms)  # type: ignore[operator]  # a method
        self.module.train()
        self._tick = self._last_save = monotonic()
        good = self.snapshot()
        while not self._finished():
            try:
                yield from self._epoch(should_stop)
            except _NonFiniteLossError as error:
                yield self._retry(good, error)
                continue
            if self.number < len(self.batches):
                break  # the time was up within the epoch
            self.epoch, self.number = self.epoch + 1, 0
            row = yield from self._evaluate_if_due()
            self.train_step.sums.zero_()
            self._reading.forget()
            yield from self._save()
            good = self.snapshot()
            if row is not None and self._out_of_patience():
                yield StoppedEarly(self.epoch, self.best_row["epoch"] if self.best_row else self.epoch)
                return
        if not self.history or self.history[-1]["step"] != self.step:
            yield self._evaluate()

    def _finished(self) -> bool:
        return self.step > 0 and self._progress(self.step) >= 1.0

    def _progress(self, step: int) -> float:
        """How far the run is; where that is a question of time, by the first rank's clock."""
        progress = self.horizon.progress(step)
        return float(self.ranks.first_says(progress)) if self.horizon.timed else progress

    def _epoch(self, should_stop: Callable[[], bool]) -> Iterator[Event]:
        progress = self._progress(self.step - self.number)  # of the run, at the epoch's start
        self.batches.begin(progress)
        if hasattr(self.module, "freeze_trunk"):
            self.module.freeze_trunk(progress < self.settings.frozen_share)  # type: ignore[operator]  # a method
        for batch in self.batches.epoch(self.epoch, self.number):
            progress = self._progress(self.step)
            if progress >= 1.0 and self.step > 0:
                break
            factor = learning_rate_factor(progress, self.settings.schedule)
            rate = self.settings.optimiser.learning_rate * factor * self.rate_scale
            set_learning_rate(self.optimiser, rate)
            self.rate = rate
            sums = self._train_step(batch)
            self.step += 1
            self.number += 1
            self._count_time()
            yield self._step_done(progress, sums)
            stop, due = self.ranks.any(should_stop(), self._save_is_due())
            if stop or due:
                yield from self._save()
            if stop:
                raise InterruptedRunError(
                    f"Stopped after step {self.step}; `{setting('resume', True)}` goes on from here."
                )
        if not math.isfinite(self.train_step.sums[0].item()):  # of the last steps, on a card
            raise _NonFiniteLossError(self.step)

    def _train_step(self, batch: Batch) -> list[float] | None:
        """Train by a batch; gives the epoch's sums so far (loss, first metric, samples) if they are known."""
        # Dropout and stochastic depth: of each rank's pictures others are dropped.
        own = (self.ranks.number,) if batch.shared and not self.ranks.first else ()
        _seed(self.device, mix_seed(self.settings.seed, 5, self.step, *own))
        self.train_step(batch)
        if self.average is not None:
            self.average.update(self.module)
        sums = self._reading.after(self.step)
        if sums is not None and not math.isfinite(sums[0]):
            raise _NonFiniteLossError(self.step)
        return sums

    def _step_done(self, progress: float, sums: list[float] | None) -> StepDone:
        loss_sum, shown, count = sums or (math.nan, math.nan, 1.0)
        left = self.horizon.seconds_left(self.step)
        metric = self.learner.task.shown
        return StepDone(self.step, self.epoch, progress, loss_sum / count, metric, shown / count, left)

    def _count_time(self) -> None:
        now = monotonic()
        self.seconds += now - self._tick
        self._tick = now

    # Evaluation and selection

    @property
    def evaluated_module(self) -> nn.Module:
        """What is measured and kept: the average of the weights where there is one."""
        return self.module if self.average is None else self.average.module

    def _evaluate_if_due(self) -> Generator[Event, None, dict[str, Any] | None]:
        """Evaluate now, unless a time budget would be eaten up by evaluating; returns the row, or None."""
        since = self.seconds - (self.history[-1]["seconds"] if self.history else 0.0)
        too_dear = self.horizon.timed and self._evaluation_seconds > 0.05 * since
        if self.ranks.first_says(too_dear):
            return None
        event = self._evaluate()
        yield event
        return event.row

    def _evaluate(self) -> EpochDone:
        started = monotonic()
        outputs, found = self._measured()
        loss_sum, shown, count = self.train_step.sums.tolist()
        task = self.learner.task
        part = round(self.epoch + self.number / len(self.batches), 3)
        values = {
            "epoch": part if self.number else self.epoch,
            "step": self.step,
            "lr": self.rate,
            "train_loss": loss_sum / count if count else None,
            f"train_{task.shown.name}": shown / count if count else None,
            **{f"val_{name}": value for name, value in found.items()},
            "seconds": round(self.seconds, 3),
        }
        row = self.ranks.first_says({column: values.get(column) for column in history_columns(task)})
        self.history.append(row)
        is_best = self._is_better(row)
        if is_best:
            self.best_row, self.best_outputs = row, outputs
            self.best = {k: v.detach().clone() for k, v in self.evaluated_module.state_dict().items()}
        self._evaluation_seconds = monotonic() - started
        return EpochDone(row, task.metrics[0], is_best, self._evaluation_seconds)

    def _measured(self) -> tuple[Tensor | None, dict[str, float]]:
        """The outputs for the validation pictures, and their scores; on the first rank."""
        outputs = self._outputs(self.evaluated_module)
        if outputs is None or self.validation is None:
            return None, {}
        return outputs, self.learner.measured(outputs, self.validation.targets)

    def _outputs(self, module: nn.Module) -> Tensor | None:
        """A network's for the validation pictures, of which each rank looks at a part; on the first rank."""
        if self.validation is None:
            return None
        own = outputs_of(module, self.validation, self.learner.kept)
        return self.ranks.joined(own, len(self.validation.targets))

    def _is_better(self, row: dict[str, Any]) -> bool:
        column = self.select
        if self.best_row is None or column == "last" or row[column] is None:
            return True
        change = row[column] - self.best_row[column]
        if not math.isfinite(change):  # what is no number is worse than any
            return math.isfinite(row[column])
        return bool(change > 0 if self.learner.task.metric(column).higher_is_better else change < 0)

    def _out_of_patience(self) -> bool:
        patience = self.settings.patience_epochs
        return (
            patience is not None
            and self.best_row is not None
            and self.epoch - self.best_row["epoch"] >= patience
        )

    def load_best(self) -> nn.Module:
        """Put the selected weights into the module and return it, in evaluation mode."""
        if self.best is not None:
            self.module.load_state_dict(self.best)
        return self.module.eval()

    def outputs_of_best(self) -> Tensor | None:
        """Those of the selected weights for the validation pictures, on the first rank; after `load_best`."""
        if self.ranks.first_says(self.best_outputs is None):  # a run before this one selected them
            self.best_outputs = self._outputs(self.module)
        return self.best_outputs

    # State: what a checkpoint holds

    def snapshot(self) -> Snapshot:
        """Everything that the rest of the run depends on, copied."""
        tensors = {f"module.{k}": v for k, v in self.module.state_dict().items()}
        if self.average is not None:
            tensors |= {f"average.{k}": v for k, v in self.average.module.state_dict().items()}
        if self.best is not None:
            tensors |= {f"best.{k}": v for k, v in self.best.items()}
        for index, state in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{index}.{k}": v for k, v in state.items() if isinstance(v, Tensor)}
        numbers = {
            **(self.saving.facts if self.saving else {}),
            "step": self.step,
            "epoch": self.epoch,
            "number": self.number,
            "seconds": self.seconds,
            "history": list(self.history),
            "best_row": self.best_row,
            "retries": self.retries,
            "rate_scale": self.rate_scale,
            "rate": getattr(self, "rate", 0.0),
            "sums": self.train_step.sums.tolist(),
            "average_steps": self.average.steps if self.average is not None else 0,
        }
        return Snapshot({k: v.detach().clone() for k, v in tensors.items()}, numbers)

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to a snapshot of the same run."""
        parts: dict[str, dict[str, Tensor]] = {"module": {}, "average": {}, "best": {}, "optimiser": {}}
        for name, tensor in snapshot.tensors.items():
            part, _, key = name.partition(".")
            parts[part][key] = tensor.to(self.device)
        self.module.load_state_dict(parts["module"])
        if self.average is not None:
            self.average.module.load_state_dict(parts["average"])
            self.average.steps = snapshot.numbers["average_steps"]
        self.best = {k: v.clone() for k, v in parts["best"].items()} or None
        self._restore_optimiser(parts["optimiser"])
        numbers = snapshot.numbers
        self.step, self.epoch, self.number = numbers["step"], numbers["epoch"], numbers["number"]
        self.seconds, self.rate = numbers["seconds"], numbers["rate"]
        self.history, self.best_row = list(numbers["history"]), numbers["best_row"]
        self.retries, self.rate_scale = numbers["retries"], numbers["rate_scale"]
        self.train_step.restored(numbers["sums"])
        self._reading.forget()

    def _restore_optimiser(self, tensors: dict[str, Tensor]) -> None:
        parameters = [p for group in self.optimiser.param_groups for p in group["params"]]
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in tensors.items():
            index, _, key = name.partition(".")
            parameter = parameters[int(index)]
            # Files forget the memory format, and fused optimisers walk through memory: the moments must lie
            # in it as their parameter does (channels last), or they are paired with other weights.
            same = tensor.shape == parameter.shape
            value = torch.empty_like(parameter).copy_(tensor) if same else tensor.clone()
            state.setdefault(int(index), {})[key] = value
        groups = self.optimiser.state_dict()["param_groups"]
        self.optimiser.load_state_dict({"state": state, "param_groups": groups})

    def _save_is_due(self) -> bool:
        return self.saving is not None and monotonic() - self._last_save > self.saving.every_seconds

    def _save(self) -> Iterator[Event]:
        if self.saving is not None:
            self.saving.store.save(self.step, self.snapshot())
            yield CheckpointSaved(self.step)
        self._last_save = monotonic()

    def _retry(self, good: Snapshot, error: _NonFiniteLossError) -> Retried:
        if self.settings.non_finite == "stop" or self.retries >= MAX_RETRIES:
            raise DivergedError(
                f"The loss is not a finite number at step {error.step} "
                f"(learning rate {self.rate:.3g}, after {self.retries} retries): try a smaller "
                f"{setting('lr')}."
            ) from None
        retries, scale = self.retries + 1, self.rate_scale / 2
        self.restore(good)
        self.retries, self.rate_scale = retries, scale
        return Retried(self.epoch, scale)


def _seed(device: torch.device, seed: int) -> None:
    """`torch.manual_seed` for the generators in use; seeding absent devices, it formats a stack trace."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)
    elif device.type == "mps":
        torch.mps.manual_seed(seed)


class _NonFiniteLossError(Exception):
    def __init__(self, step: int) -> None:
        super().__init__(step)
        self.step = step
