"""Timing a few steps: plausible numbers, an untouched module."""

import copy
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tests.helpers.classes import learner
from torch import nn

from foveate.batches.loader import Normaliser, Pixels, TrainingBatches
from foveate.images.preprocess import Preprocessing
from foveate.tasks.classification.targets import ClassTargets
from foveate.training.settings import OptimiserSettings, TrainingSettings
from foveate.training.speed import measure_speed


class Slow(nn.Module):
    """A network whose forward pass takes at least 20 ms."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(16, 2)

    def forward(self, x):
        time.sleep(0.02)
        return self.head(x.flatten(1))


class OnATrunk(nn.Module):
    """A network whose steps take 20 ms of a clock of its own, and 100 ms where its trunk learns."""

    frozen, now = True, 0.0

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(16, 2)

    def freeze_trunk(self, frozen):
        self.frozen = frozen

    def forward(self, x):
        OnATrunk.now += 0.02 if self.frozen or not self.training else 0.1
        return self.head(x.flatten(1))


def test_steps_are_timed_as_a_run_takes_them(monkeypatch):
    """With the trunk frozen for half of the time: 25 steps in that half of a second, and 5 in the other."""
    clock = SimpleNamespace(perf_counter=lambda: OnATrunk.now)
    monkeypatch.setattr("foveate.training.speed.time", clock)
    pixels = Pixels(np.zeros((64, 4, 4, 1), np.uint8), ClassTargets(np.arange(64) % 2))
    batches = TrainingBatches(pixels, Normaliser(Preprocessing(4, 4, channels=1)), batch_size=8)
    settings = TrainingSettings(OptimiserSettings("sgd"), frozen_share=0.5)
    speed = measure_speed(OnATrunk(), learner(2), batches, settings, seconds=0.3)
    assert 1 / speed.step_seconds == pytest.approx(25 + 5)
    assert speed.forward_seconds_per_image == pytest.approx(0.02 / 8)


def test_a_step_and_a_forward_pass_take_what_they_take_and_the_module_is_not_changed():
    pixels = Pixels(np.zeros((64, 4, 4, 1), np.uint8), ClassTargets(np.arange(64) % 2))
    batches = TrainingBatches(pixels, Normaliser(Preprocessing(4, 4, channels=1)), batch_size=8)
    module = Slow()
    before = copy.deepcopy(module.state_dict())
    speed = measure_speed(
        module, learner(2), batches, TrainingSettings(OptimiserSettings("sgd")), seconds=0.1
    )
    assert 0.02 <= speed.step_seconds < 0.5
    assert 0.02 / 8 <= speed.forward_seconds_per_image < 0.5 / 8
    assert all(torch.equal(before[k], v) for k, v in module.state_dict().items())
    assert module.training
