"""The loop: learns, repeats, resumes to the byte, survives bad losses and bad batch sizes."""

import json

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score
from tests.helpers.classes import learner
from torch import nn

from foveate.batches.augment import Augmentation
from foveate.batches.loader import EvaluationBatches, Normaliser, Pixels, TrainingBatches
from foveate.errors import DivergedError, InterruptedRunError
from foveate.images.preprocess import Preprocessing
from foveate.tasks.classification.learn import ClassificationLearner
from foveate.tasks.classification.targets import ClassTargets
from foveate.training.checkpoint import CheckpointStore, Saving
from foveate.training.evaluate import outputs_of
from foveate.training.events import CheckpointSaved, EpochDone, Retried, StepDone, StoppedEarly
from foveate.training.loop import Trainer
from foveate.training.rundir import history_csv
from foveate.training.schedule import StepHorizon, TimeHorizon
from foveate.training.settings import OptimiserSettings, ScheduleSettings, TrainingSettings

PREPROCESSING = Preprocessing(8, 8, channels=1, mean=(0.5,), std=(0.25,))


def stripes(count, seed=0):
    """Horizontal or vertical stripes under noise: easy for a convolution, balanced."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    images = rng.integers(0, 120, (count, 8, 8, 1))
    for image, label in zip(images, labels, strict=True):
        if label:
            image[::2] += 130
        else:
            image[:, ::2] += 130
    return Pixels(images.astype(np.uint8), ClassTargets(labels))


def network(seed=0):
    torch.manual_seed(seed)
    module = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.Conv2d(4, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Flatten(),
        nn.Linear(256, 2),
    )
    return module.to(memory_format=torch.channels_last)  # as the pipeline trains


def trainer(
    tmp_path=None,
    *,
    epochs=3,
    settings=None,
    module=None,
    count=50,
    batch_size=8,
    horizon=None,
    every_seconds=30,
    evaluation_seconds=0.0,
):
    normalise = Normaliser(PREPROCESSING)
    batches = TrainingBatches(
        stripes(count), normalise, batch_size=batch_size, augmentation=Augmentation(shift_px=1), seed=7
    )
    usual = TrainingSettings(
        average_half_life_epochs=0.5, schedule=ScheduleSettings(0.2, decay="linear"), seed=7
    )
    return Trainer(
        module or network(),
        learner(2),
        batches,
        EvaluationBatches(stripes(30, seed=1), normalise),
        settings=settings or usual,
        horizon=horizon or StepHorizon(epochs * len(batches)),
        saving=Saving(CheckpointStore(tmp_path), every_seconds=every_seconds) if tmp_path else None,
        evaluation_seconds=evaluation_seconds,
    )


def bytes_of(run):
    state = run.load_best().state_dict()
    history = [{k: v for k, v in row.items() if k != "seconds"} for row in run.history]
    return b"".join(t.numpy().tobytes() for t in state.values()), json.dumps(history)


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd"])
def test_every_optimiser_learns_the_stripes(name):
    rate = 0.02 if name == "sgd" else 0.01
    run = trainer(epochs=4, settings=TrainingSettings(optimiser=OptimiserSettings(name, learning_rate=rate)))
    list(run.run())
    assert run.best_row["val_accuracy"] > 0.9
    assert run.history[-1]["train_loss"] < run.history[0]["train_loss"]


def test_events_count_every_step_and_epoch():
    run = trainer(epochs=2)
    events = list(run.run())
    steps = [e for e in events if isinstance(e, StepDone)]
    assert [e.step for e in steps] == list(range(1, 2 * len(run.batches) + 1))
    assert [e.row["epoch"] for e in events if isinstance(e, EpochDone)] == [1, 2]
    assert steps[0].progress == 0
    assert run.history[-1]["lr"] < run.history[0]["lr"]


def test_the_same_seed_gives_the_same_bytes():
    first, second = trainer(), trainer()
    list(first.run())
    list(second.run())
    assert bytes_of(first) == bytes_of(second)


@pytest.mark.parametrize("stop_at", [1, 6, 7, 8, 13])
def test_a_run_stopped_at_any_step_resumes_to_the_same_bytes(tmp_path, stop_at):
    whole = trainer()
    list(whole.run())
    interrupted = trainer(tmp_path)
    with pytest.raises(InterruptedRunError, match=f"Stopped after step {stop_at}; `resume=True`"):
        list(interrupted.run(lambda: interrupted.step == stop_at))
    resumed = trainer(
        tmp_path, module=network(seed=99)
    )  # other initial weights: all must come from the checkpoint
    resumed.restore(resumed.saving.store.load_latest()[0])
    list(resumed.run())
    assert bytes_of(resumed) == bytes_of(whole)


@pytest.mark.parametrize("half", [False, True])
def test_either_precision_resumes_to_the_same_bytes(tmp_path, monkeypatch, half):
    monkeypatch.setattr("foveate.training.precision.processor_has_bfloat16", lambda: half)
    whole = trainer()
    list(whole.run())
    assert whole.half is half
    interrupted = trainer(tmp_path)
    with pytest.raises(InterruptedRunError):
        list(interrupted.run(lambda: interrupted.step == 9))
    resumed = trainer(tmp_path, module=network(seed=99))
    resumed.restore(resumed.saving.store.load_latest()[0])
    list(resumed.run())
    assert bytes_of(resumed) == bytes_of(whole)


def test_a_run_abandoned_after_any_checkpoint_resumes_to_the_same_bytes(tmp_path):
    whole = trainer()
    list(whole.run())
    abandoned = trainer(tmp_path, every_seconds=0)  # saves after every step
    saves = 0
    for event in abandoned.run():
        saves += isinstance(event, CheckpointSaved)
        if saves == 10:
            break
    resumed = trainer(tmp_path, module=network(seed=99))
    resumed.restore(resumed.saving.store.load_latest()[0])
    list(resumed.run())
    assert bytes_of(resumed) == bytes_of(whole)


def test_a_last_batch_of_one_does_not_break_batch_norm_and_no_sample_is_lost():
    run = trainer(count=17, batch_size=8, epochs=1)
    list(run.run())
    assert run.history[0]["train_accuracy"] * 17 == pytest.approx(
        round(run.history[0]["train_accuracy"] * 17)
    )


class Poison(nn.Module):
    """Gives NaN from its forward pass at chosen calls, then behaves."""

    def __init__(self, at):
        super().__init__()
        self.inner, self.at, self.calls = network(), at, 0

    def forward(self, x):
        self.calls += self.training
        out = self.inner(x)
        return out * float("nan") if self.training and self.calls in self.at else out


def test_a_nan_goes_back_to_the_start_of_the_epoch_with_half_the_rate():
    run = trainer(module=Poison({10}), epochs=2)
    events = list(run.run())
    retried = [e for e in events if isinstance(e, Retried)]
    assert retried == [Retried(epoch=1, learning_rate_scale=0.5)]
    assert run.step == 2 * len(run.batches)
    assert all(torch.isfinite(t).all() for t in run.load_best().state_dict().values())


def test_a_loss_that_stays_nan_ends_the_run_and_is_never_the_best_model():
    run = trainer(module=Poison(range(8, 10_000)))
    with pytest.raises(DivergedError, match=r"not a finite number at step 7 .* after 3 retries"):
        list(run.run())
    assert all(torch.isfinite(t).all() for t in run.best.values())


def test_the_stop_policy_does_not_retry():
    with pytest.raises(DivergedError, match="after 0 retries"):
        list(trainer(module=Poison({3}), settings=TrainingSettings(non_finite="stop")).run())


def test_a_time_horizon_ends_the_run_on_time_and_evaluates_once_more(monkeypatch):
    now = [0.0]

    def clock():
        now[0] += 0.01
        return now[0]

    monkeypatch.setattr("foveate.training.loop.monotonic", clock)
    run = trainer(horizon=TimeHorizon(3.0, clock=clock))
    list(run.run())
    assert now[0] < 3.5
    assert run.history[-1]["step"] == run.step
    assert run.history[-1]["lr"] < 0.05 * run.settings.optimiser.learning_rate


@pytest.mark.parametrize(("evaluation_seconds", "first"), [(0.0, 1), (0.05, 2)])
def test_a_time_horizon_waits_with_the_first_evaluation_until_it_is_worth_its_time(
    evaluation_seconds, first, monkeypatch
):
    """A step takes 0.1 s: an evaluation of 0.05 s waits for 1 s of training, for 5 % of it."""
    now = [0.0]
    monkeypatch.setattr("foveate.training.loop.monotonic", lambda: now[0])
    run = trainer(horizon=TimeHorizon(10.0, clock=lambda: now[0]), evaluation_seconds=evaluation_seconds)
    work = run.train_step

    def step(batch):
        now[0] += 0.1
        work(batch)

    step.sums = work.sums
    run.train_step = step
    epoch = 0.1 * len(run.batches)
    assert epoch < 1 < 2 * epoch
    list(run.run())
    assert run.history[0]["epoch"] == first


def test_early_stopping_waits_for_its_patience():
    settings = TrainingSettings(optimiser=OptimiserSettings("sgd", learning_rate=1e-8), patience_epochs=2)
    run = trainer(settings=settings, epochs=50)
    events = list(run.run())
    assert isinstance(events[-1], StoppedEarly)
    assert events[-1].epoch - events[-1].best_epoch == 2


def test_the_best_epoch_is_kept_not_the_last():
    run = trainer(epochs=3, settings=TrainingSettings(optimiser=OptimiserSettings("sgd", learning_rate=0.05)))
    for event in run.run():
        if isinstance(event, EpochDone) and event.row["epoch"] == 1:
            run.best_row = {**event.row, "val_accuracy": 2.0}  # nothing can be better
            kept = {k: v.clone() for k, v in run.best.items()}
    state = run.load_best().state_dict()
    assert all(torch.equal(state[k], kept[k]) for k in kept)


@pytest.mark.parametrize("batch_size", [64, 8])
def test_balanced_weights_and_smoothing_keep_the_frequent_classes(batch_size):
    """40 pictures of each of two classes, 2 of the third, one class without: all that is seen is learnt."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], [40, 40, 2])
    images = rng.integers(0, 60, (82, 8, 8, 1))
    for image, label in zip(images, labels, strict=True):
        image[2 * label : 2 * label + 3] += 150
    pixels, normalise = Pixels(images.astype(np.uint8), ClassTargets(labels)), Normaliser(PREPROCESSING)
    torch.manual_seed(0)
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 4))
    how = learner(4, weights=(82 / 120, 82 / 120, 82 / 6, 82 / 3), label_smoothing=0.1)
    batches = TrainingBatches(pixels, normalise, batch_size=batch_size)
    horizon = StepHorizon(25 * len(batches))
    run = Trainer(module, how, batches, None, settings=TrainingSettings(), horizon=horizon)
    list(run.run())
    logits = outputs_of(run.load_best(), EvaluationBatches(pixels, normalise))
    assert (logits.argmax(dim=1).numpy() == labels).mean() > 0.95


def test_the_loss_is_given_the_targets_as_augmentation_moved_them():
    class Moving(ClassificationLearner):
        def moved(self, targets, geometry, size):
            return {"labels": 0 * targets["labels"], "geometry": geometry}

        def loss(self, outputs, targets):
            given.append(targets)
            return super().loss(outputs, targets)

    given = []
    run = trainer(epochs=3)
    run.train_step.loss.learner = Moving(run.learner.task)
    list(run.run())
    assert len(given) == 3 * len(run.batches)
    for targets in given:
        assert (targets["labels"] == 0).all()
        linear, offset = targets["geometry"].split([2, 1], dim=2)
        assert torch.equal(linear, torch.eye(2).expand_as(linear)) and offset.abs().max() == 1  # shift_px
    assert run.history[-1]["train_accuracy"] > 0.9  # all of the class that the moved targets name


class Scripted(nn.Module):
    """Gives its answers (E, N, 2) one after the other, an evaluation each, and counts them in its state."""

    def __init__(self, answers):
        super().__init__()
        self.inner, self.answers = network(), answers
        self.register_buffer("evaluations", torch.zeros((), dtype=torch.int64))

    def forward(self, x):
        if self.training:
            return self.inner(x)
        self.evaluations += 1
        return self.answers[self.evaluations - 1]


@pytest.mark.parametrize(
    ("select", "kept"), [("val_accuracy", 1), ("val_macro_f1", 2), ("val_loss", 3), ("last", 4)]
)
def test_each_way_to_select_keeps_its_own_epoch(select, kept):
    labels = np.repeat([0, 1], [8, 2])
    guesses = np.array([[0] * 10, [1] * 3 + [0] * 5 + [1] * 2, [1] + [0] * 9, 1 - labels])
    sureness = torch.tensor([10.0, 5.0, 0.1, 1.0])  # of these: the third epoch is the least wrong
    answers = torch.eye(2)[guesses] * sureness[:, None, None]
    run = trainer(module=Scripted(answers), epochs=4, settings=TrainingSettings(select=select))
    pictures = np.zeros((10, 8, 8, 1), np.uint8)
    run.validation = EvaluationBatches(Pixels(pictures, ClassTargets(labels)), Normaliser(PREPROCESSING))
    list(run.run())
    assert [row["val_accuracy"] for row in run.history] == pytest.approx([0.8, 0.7, 0.7, 0.0])
    assert [row["val_macro_f1"] for row in run.history] == pytest.approx(
        [f1_score(labels, guess, average="macro", zero_division=0) for guess in guesses]
    )
    assert run.load_best().evaluations == kept


def test_an_evaluation_that_gives_no_number_is_kept_only_until_one_gives_one():
    answers = torch.full((3, 10, 2), torch.nan)
    answers[1] = 0.0
    run = trainer(module=Scripted(answers), epochs=3, settings=TrainingSettings(select="val_loss"))
    pictures, labels = np.zeros((10, 8, 8, 1), np.uint8), ClassTargets(np.arange(10) % 2)
    run.validation = EvaluationBatches(Pixels(pictures, labels), Normaliser(PREPROCESSING))
    list(run.run())
    assert np.isfinite([row["val_loss"] for row in run.history]).tolist() == [False, True, False]
    assert run.load_best().evaluations == 2


def test_gradients_are_clipped_to_the_norm():
    settings = TrainingSettings(
        optimiser=OptimiserSettings("sgd", learning_rate=1.0, momentum=0), clip_norm=1e-3
    )
    module = network()
    before = [p.detach().clone() for p in module.parameters()]
    run = trainer(module=module, settings=settings, horizon=StepHorizon(1))
    list(run.run())
    moved = torch.cat([(a - b).flatten() for a, b in zip(module.parameters(), before, strict=True)]).norm()
    assert moved.item() == pytest.approx(1e-3, rel=1e-3)


@pytest.mark.parametrize("weight", [0.3, 1.0])
def test_auxiliary_heads_train_with_their_weight(weight):
    """Two equal heads of one body: plain gradient descent moves the auxiliary one by its weight's share."""

    class WithHead(nn.Module):
        aux_weight = weight

        def __init__(self):
            super().__init__()
            self.body, self.head, self.aux = nn.Flatten(), nn.Linear(64, 2), nn.Linear(64, 2)
            self.aux.load_state_dict(self.head.state_dict())

        def forward(self, x):
            return self.head(self.body(x))

        def forward_with_aux(self, x):
            return self.head(self.body(x)), (self.aux(self.body(x)),)

    module = WithHead()
    descent = OptimiserSettings("sgd", learning_rate=0.1, momentum=0, weight_decay=0)
    settings = TrainingSettings(optimiser=descent, clip_norm=None, precision="float32")
    run = trainer(module=module, settings=settings, horizon=StepHorizon(1))
    before = module.head.weight.detach().clone()
    list(run.run())
    moved, moved_aux = module.head.weight - before, module.aux.weight - before
    assert moved.abs().max() > 1e-4
    torch.testing.assert_close(moved_aux, weight * moved, rtol=1e-3, atol=1e-6)


def test_history_csv_reads_back_exactly_and_has_time_last():
    run = trainer(epochs=1)
    list(run.run())
    header, line = history_csv(run.history, list(run.history[0])).splitlines()
    assert header.split(",")[-1] == "seconds"
    values = dict(zip(header.split(","), line.split(","), strict=True))
    assert float(values["val_loss"]) == run.history[0]["val_loss"]


def test_frozen_parameters_are_not_trained():
    module = network()
    module[0].requires_grad_(False)
    before = module[0].weight.clone()
    list(trainer(module=module, epochs=1).run())
    assert torch.equal(module[0].weight, before)
