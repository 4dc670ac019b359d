"""How fast this machine trains a network: a few real steps on a copy, timed."""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from foveate.batches.loader import TrainingBatches
from foveate.training.optim import make_optimiser
from foveate.training.settings import OptimiserSettings


@dataclass(frozen=True)
class Speed:
    """Seconds for one training step of a batch, and for the forward pass alone of one picture."""

    step_seconds: float
    forward_seconds_per_image: float


def measure_speed(
    module: nn.Module, batches: TrainingBatches, settings: OptimiserSettings, *, seconds: float = 0.4
) -> Speed:
    """Time training steps for about ``seconds`` (at least two after a warm-up); the module is not changed."""
    trial = copy.deepcopy(module).train()
    optimiser = make_optimiser(trial, settings)
    device = batches.pixels.device
    times: list[float] = []
    size = 1
    began = time.perf_counter()
    for batch in batches.epoch(0):
        started = time.perf_counter()
        optimiser.zero_grad(set_to_none=True)
        F.cross_entropy(trial(batch.images), batch.labels).backward()
        optimiser.step()
        _wait_for(device)
        times.append(time.perf_counter() - started)
        size = len(batch.labels)
        if len(times) >= 3 and time.perf_counter() - began > seconds:
            break
    trial.eval()
    with torch.inference_mode():
        started = time.perf_counter()
        trial(batch.images)
        _wait_for(device)
        forward = (time.perf_counter() - started) / size
    steady = sorted(times[1:] or times)
    return Speed(steady[len(steady) // 2], forward)


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
