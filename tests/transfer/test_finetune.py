"""Fine-tuning keeps what held-out pictures say is better, and gives back what it was given otherwise."""

import dataclasses

import numpy as np
import pytest
import torch
from tests.helpers.classes import learner
from torch import nn

from foveate.batches.loader import EvaluationBatches, Normaliser, Pixels, TrainingBatches
from foveate.images.preprocess import Preprocessing
from foveate.models.registry import create_model
from foveate.tasks.classification.targets import ClassTargets
from foveate.training.evaluate import outputs_of
from foveate.training.events import EpochDone
from foveate.training.optim import make_optimiser, stages_of
from foveate.training.schedule import StepHorizon
from foveate.training.settings import OptimiserSettings
from foveate.transfer.finetune import (
    LADDER,
    SETTINGS,
    FineTuned,
    TuningBatches,
    fine_tune,
    is_clear_gain,
    let_learn,
)

PREPROCESSING = Preprocessing(32, 32, mean=(0.5,) * 3, std=(0.25,) * 3)


def pictures(count, seed):
    """Squares (1) or none (0) on noise."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    pixels = random.integers(0, 90, (count, 32, 32, 3))
    for row in np.flatnonzero(labels):
        top, left = random.integers(0, 16, 2)
        pixels[row, top : top + 12, left : left + 12] += 120
    return pixels.astype(np.uint8), labels


def batches(labels_of=lambda labels: labels):
    pixels, labels = pictures(64, 0)
    held, held_labels = pictures(24, 1)
    normalise = Normaliser(PREPROCESSING)
    return (
        TrainingBatches(Pixels(pixels, ClassTargets(labels_of(labels))), normalise, batch_size=16),
        EvaluationBatches(Pixels(held, ClassTargets(held_labels)), normalise),
    )


def run(network, training, held_out, steps=8, **changes):
    optimiser = dataclasses.replace(SETTINGS.optimiser, learning_rate=3e-3)
    settings = dataclasses.replace(SETTINGS, optimiser=optimiser, **changes)
    *events, result = fine_tune(
        network,
        learner(2, label_smoothing=settings.label_smoothing),
        TuningBatches(training, held_out),
        lambda rung, evaluation_seconds: StepHorizon(steps),
        settings=settings,
    )
    assert isinstance(result, FineTuned)
    return events, result


@pytest.fixture
def network():
    torch.manual_seed(0)
    return create_model("resnet18", num_classes=2)


def test_a_gain_is_kept(network):
    before = {name: value.clone() for name, value in network.state_dict().items()}
    events, result = run(network, *batches(), steps=12)
    assert result.kept
    assert result.loss_after < result.loss_before
    assert result.outputs.shape == (24, 2)
    after = result.network.state_dict()
    assert not torch.equal(after["conv1.weight"], before["conv1.weight"])  # the second rung reached it
    assert torch.equal(after["bn1.running_mean"], before["bn1.running_mean"])  # small batches: kept
    assert all(parameter.requires_grad for parameter in network.parameters())
    assert {type(module) for module in network.modules() if "Norm" in type(module).__name__} == {
        nn.BatchNorm2d
    }
    rows = [event.row for event in events if isinstance(event, EpochDone)]
    assert len(rows) == len(result.history)
    assert [row["step"] for row in result.history] == sorted(row["step"] for row in result.history)
    assert result.history[-1]["step"] == 24


def test_no_gain_is_given_back(network):
    before = {name: value.clone() for name, value in network.state_dict().items()}
    wrong = batches(lambda labels: 1 - labels)  # learning these makes the held-out answers worse
    _, result = run(network, *wrong, select="last")
    assert not result.kept
    assert result.loss_after > result.loss_before
    assert all(torch.equal(value, before[name]) for name, value in result.network.state_dict().items())
    assert "not kept" in result.in_words


def test_a_rung_that_makes_it_worse_is_given_back(network):
    """The second one begins with its first layer in ruins, and has two steps."""
    first = network.conv1.weight.detach().clone()
    training, held_out = batches()

    def horizon(rung, evaluation_seconds):
        if rung is LADDER[1]:
            nn.init.normal_(network.conv1.weight)
        return StepHorizon(12 if rung is LADDER[0] else 2)

    how = learner(2)
    *_, result = fine_tune(network, how, TuningBatches(training, held_out), horizon)
    best = min(result.history, key=lambda row: row["val_loss"])
    assert result.history[-1]["step"] == 14 and best["step"] <= 12
    assert result.kept and result.best_epoch == best["epoch"]
    assert torch.equal(network.conv1.weight, first)
    answers = outputs_of(network.eval(), held_out, how.kept).numpy()
    np.testing.assert_allclose(result.outputs, answers, rtol=1e-4, atol=1e-4)


def test_a_gain_has_to_be_larger_than_its_error():
    random = np.random.default_rng(0)
    before = random.uniform(0.5, 1, 50)
    noise = random.normal(0, 0.1, 50)
    noise -= noise.mean()
    error = noise.std(ddof=1) / 50**0.5
    assert is_clear_gain(before, before - noise - 2.01 * error)
    assert not is_clear_gain(before, before - noise - 1.99 * error)
    assert not is_clear_gain(before[:1], before[:1] - 0.5)


def test_the_ladder_lets_more_and_more_learn(network):
    counts = []
    for rung in LADDER:
        let_learn(network, rung.learning_share)
        counts.append(sum(parameter.requires_grad for parameter in network.parameters()))
    assert counts[0] < counts[1] == len(list(network.parameters()))
    assert sum(rung.time_share for rung in LADDER) == pytest.approx(1)
    let_learn(network, LADDER[0].learning_share)
    assert network.fc.weight.requires_grad
    assert not network.conv1.weight.requires_grad


def test_early_stages_learn_more_slowly():
    network = create_model("efficientnet_lite0", num_classes=2)
    stages = stages_of(network)
    assert stages == [*(f"features.{number}" for number in range(9)), "classifier.1"]
    groups = make_optimiser(network, OptimiserSettings(learning_rate=1.0, stage_decay=0.5)).param_groups
    factors = {id(parameter): group["factor"] for group in groups for parameter in group["params"]}
    assert factors[id(network.classifier[1].weight)] == 1
    assert factors[id(network.features[8][0].weight)] == 0.5
    assert factors[id(network.features[0][0].weight)] == 0.5**9
    assert len(factors) == len(list(network.parameters()))
