"""How fast this machine trains a network: a few real steps on a copy, timed."""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from foveate.batches.loader import TrainingBatches
from foveate.tasks.learning import Learner
from foveate.training.evaluate import outputs_to_learn
from foveate.training.memory import keep_freed_memory
from foveate.training.optim import make_optimiser
from foveate.training.precision import computing, half_precision
from foveate.training.settings import OptimiserSettings, Precision

FEW = 8  # pictures by which the processor is timed: a batch for a GPU may keep it busy for long


@dataclass(frozen=True)
class Speed:
    """Seconds for one training step of a batch, and for the forward pass alone of one picture.

    The forward pass is timed on the training device, and on the processor, where a finished model runs.
    """

    step_seconds: float
    forward_seconds_per_image: float
    processor_seconds_per_image: float


def measure_speed(
    module: nn.Module,
    learner: Learner,
    batches: TrainingBatches,
    settings: OptimiserSettings,
    *,
    precision: Precision = "auto",
    seconds: float = 0.5,
) -> Speed:
    """Time training steps for about ``seconds``, at least two where there are; the module is not changed."""
    keep_freed_memory()
    half = half_precision(module, precision)
    trial = copy.deepcopy(module).train()
    optimiser = make_optimiser(trial, settings)
    times: list[float] = []
    began = time.perf_counter()
    for batch in batches.epoch(0):
        started = time.perf_counter()
        optimiser.zero_grad(set_to_none=True)
        with computing(batch.images.device, half=half):
            outputs, _ = outputs_to_learn(trial, batch.images)
        learner.loss(outputs, batch.moved_targets(learner)).backward()
        optimiser.step()
        _wait_for(batch.images.device)
        times.append(time.perf_counter() - started)
        if time.perf_counter() - began > seconds and len(times) > 1:  # the first one sets up kernels
            break
    steady = sorted(times[2:] or times[-1:])  # the first steps set up memory and kernels
    forward = processor = _forward_seconds(trial, batch.images, seconds / 4) / len(batch.images)
    if batch.images.device.type != "cpu":
        few = batch.images[:FEW].to("cpu")
        processor = _forward_seconds(trial.to("cpu"), few, seconds / 4) / len(few)
    return Speed(steady[len(steady) // 2], forward, processor)


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
