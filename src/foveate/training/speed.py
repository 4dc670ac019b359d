"""How fast this machine trains a network: a few real steps on a copy, timed."""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from foveate.batches.loader import TrainingBatches
from foveate.batches.recording import RUNS_BEFORE, recorder_for
from foveate.tasks.learning import Learner
from foveate.training.memory import keep_freed_memory
from foveate.training.optim import make_optimiser
from foveate.training.precision import half_precision, take_fast_kernels
from foveate.training.ranks import ALONE, Ranks
from foveate.training.settings import TrainingSettings
from foveate.training.step import Step

SLOW = 2  # times the time for it: a step of which one is enough
FEW = 8  # pictures by which the processor is timed: a batch for a GPU may keep it busy for long


@dataclass(frozen=True)
class Speed:
    """Seconds for one training step of a batch, and for the forward pass alone of one picture.

    A step is one as a run takes them on average, with a trunk frozen for its share. The forward pass is
    timed on the training device, and on the processor, where a finished model runs.
    """

    step_seconds: float
    forward_seconds_per_image: float
    processor_seconds_per_image: float


def measure_speed(
    module: nn.Module,
    learner: Learner,
    batches: TrainingBatches,
    settings: TrainingSettings,
    *,
    seconds: float = 0.5,
    ranks: Ranks = ALONE,
) -> Speed:
    """Time training steps for about ``seconds``, at least two where there are; the module is not changed.

    Where a trunk is frozen for a share of the run, that share of the time is reckoned with such steps. Of
    ranks that take the steps together the slowest counts.
    """
    keep_freed_memory()
    device = next(module.parameters()).device
    take_fast_kernels(device)
    recorder = recorder_for(device) if ranks.count == 1 and getattr(module, "recordable", False) else None
    trial = copy.deepcopy(module).train()
    optimiser = make_optimiser(trial, settings.optimiser, recorded=recorder is not None)
    half = half_precision(module, settings.precision)
    step = Step(trial, learner, optimiser, settings, half=half, recorder=recorder, ranks=ranks)
    unlike = RUNS_BEFORE + 1 if recorder else 1  # the first steps set up memory and kernels, and record
    freeze, share = getattr(trial, "freeze_trunk", None), settings.frozen_share
    steps_a_second = 0.0
    for frozen, part in ((False, 1 - share), (True, share)):
        if freeze is not None:
            freeze(frozen)
        if part:
            steps_a_second += part / _step_seconds(step, batches, unlike, seconds)
            unlike = 0 if recorder is None else unlike
    images = next(batches.epoch(0)).images
    forward = processor = _forward_seconds(trial, images, seconds / 4) / len(images)
    if device.type != "cpu":
        few = images[:FEW].to("cpu")
        processor = _forward_seconds(trial.to("cpu"), few, seconds / 4) / len(few)
    return Speed(*ranks.greatest(1 / steps_a_second, forward, processor))


def _step_seconds(step: Step, batches: TrainingBatches, unlike: int, seconds: float) -> float:
    """The median, without the first ``unlike`` steps and the one after them; one step where it is slow."""
    times: list[float] = []
    began = time.perf_counter()
    for batch in batches.epoch(0):
        started = time.perf_counter()
        step(batch)
        _wait_for(step.device)
        times.append(time.perf_counter() - started)
        enough = time.perf_counter() - began > seconds
        if all(step.ranks.any(enough, len(times) > unlike or times[0] > SLOW * seconds)):
            break
    steady = sorted(times[unlike + 1 :] or times[-1:])
    return steady[len(steady) // 2]


@torch.inference_mode()
def _forward_seconds(module: nn.Module, images: Tensor, seconds: float) -> float:
    """The fastest of a few forward passes: a pause of the machine in one of them does not count."""
    module.eval()
    times: list[float] = []
    while not times or (sum(times) < seconds and len(times) < 10):
        started = time.perf_counter()
        module(images)
        _wait_for(images.device)
        times.append(time.perf_counter() - started)
    return min(times)


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
