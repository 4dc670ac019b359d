"""A step that is recorded trains as one that Python starts, for every task, optimiser and kind of network."""

import pytest
import torch
import torch.nn.functional as F
from tests.helpers.classes import learner
from tests.helpers.tape import TapeRecorder, Unrecorded
from tests.helpers.trainings import task_trainer, trained
from tests.training.test_loop import network, trainer
from torch import nn

from foveate.batches.loader import Batch, EvaluationBatches
from foveate.errors import DivergedError, InterruptedRunError
from foveate.training.loop import Trainer
from foveate.training.optim import make_optimiser
from foveate.training.settings import OptimiserSettings, ScheduleSettings, TrainingSettings
from foveate.training.step import Step


def assert_same(first, second):
    assert first[1] == second[1]
    assert first[0].keys() == second[0].keys()
    assert all(torch.equal(value, second[0][name]) for name, value in first[0].items())


@pytest.mark.parametrize(
    ("kind", "name", "weights"),
    [
        ("classes", "compact_s", None),
        ("classes", "compact_s", (1.0, 2.0, 3.0)),
        ("labels", "compact_s", (1.0, 2.0)),
        ("numbers", "compact_s", None),
        ("masks", "pyramid_compact", None),
        ("masks", "pyramid_compact", (1.0, 2.0, 3.0)),
    ],
)
def test_every_task_trains_the_same_when_it_is_recorded(kind, name, weights):
    recorder = TapeRecorder()
    recorded = task_trainer(kind, name, recorder, weights=weights)
    found = trained(recorded)
    assert recorded.train_step.repeated.refused == ""
    assert recorder.tapes
    assert_same(found, trained(task_trainer(kind, name, Unrecorded(), weights=weights)))


@pytest.mark.parametrize("precision", ["float32", "auto"])
@pytest.mark.parametrize("optimiser", ["adam", "adamw", "sgd"])
def test_every_optimiser_in_either_precision(monkeypatch, optimiser, precision):
    monkeypatch.setattr("foveate.training.precision.processor_has_bfloat16", lambda: True)
    settings = TrainingSettings(
        OptimiserSettings(optimiser, learning_rate=0.01, weight_decay=0.01, norm_bias_factor=8.0),
        ScheduleSettings(0.3, decay="cosine"),
        average_half_life_epochs=0.5,
        precision=precision,
    )
    runs = [
        trained(task_trainer("classes", "compact_s", one(), settings=settings))
        for one in (TapeRecorder, Unrecorded)
    ]
    assert_same(*runs)
    plain = task_trainer("classes", "compact_s", None, settings=settings)
    assert type(plain.optimiser.param_groups[0]["lr"]) is float
    # Its learning rates are double where recorded ones are single precision: that difference grows with each
    # step, so the first epoch is compared.
    if precision == "float32":
        history = trained(plain)[1]
        assert history[0]["train_loss"] == pytest.approx(runs[0][1][0]["train_loss"], rel=1e-4)


def recorded_trainer(tmp_path=None, seed=0, **how):
    run = trainer(tmp_path, module=network(seed), **how)
    return Trainer(
        run.module,
        run.learner,
        run.batches,
        run.validation,
        settings=run.settings,
        horizon=run.horizon,
        saving=run.saving,
        recorder=TapeRecorder(),
    )


@pytest.mark.parametrize("stop_at", [2, 9, 12])
def test_a_recorded_run_resumes_to_the_same_bytes(tmp_path, stop_at):
    whole = recorded_trainer()
    list(whole.run())
    interrupted = recorded_trainer(tmp_path)
    with pytest.raises(InterruptedRunError):
        list(interrupted.run(lambda: interrupted.step == stop_at))
    resumed = recorded_trainer(tmp_path, seed=99)
    resumed.restore(resumed.saving.store.load_latest()[0])
    list(resumed.run())
    assert all(torch.equal(v, resumed.best[k]) for k, v in whole.best.items())


def test_a_loss_that_is_no_number_goes_back_and_is_recorded_anew():
    """The pictures of the second epoch hold NaN once; then half the rate goes on with what was good."""
    run = recorded_trainer()
    made, poisoned = run.batches.made, []

    def poison(*given, kind=None):
        images, *rest = made(*given, kind=kind)
        if run.step == 10 and not poisoned:
            poisoned.append(True)
            images = images * float("nan")
        return images, *rest

    run.batches.made = poison
    list(run.run())
    assert run.retries == 1 and run.rate_scale == 0.5
    assert len(run.train_step.repeated.recorder.tapes) == 2
    assert all(torch.isfinite(t).all() for t in run.best.values())


def test_the_retries_end():
    run = recorded_trainer()
    with torch.no_grad():
        run.module[0].weight.fill_(float("nan"))
    with pytest.raises(DivergedError, match="after 3 retries"):
        list(run.run())


@pytest.mark.parametrize("accumulate", [1, 2, 5])
def test_weighted_pictures_count_the_same_however_a_batch_is_computed_in_parts(accumulate):
    """Five pictures of two classes, of which one counts five times as much: the mean by its own formula."""
    torch.manual_seed(0)
    images, labels = torch.randn(5, 1, 4, 4), torch.tensor([0, 1, 0, 0, 1])
    weights = torch.tensor([1.0, 5.0])[labels]
    module = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
    losses = F.cross_entropy(module(images), labels, label_smoothing=0.1, reduction="none")
    expected = (losses * weights).sum() / weights.sum()
    gradients = torch.autograd.grad(expected, list(module.parameters()))
    settings = TrainingSettings(OptimiserSettings("sgd"), precision="float32", accumulate=accumulate)
    how = learner(2, weights=(1.0, 5.0), label_smoothing=0.1)
    optimiser = make_optimiser(module, settings.optimiser)
    step = Step(module, how, optimiser, settings, half=False, recorder=None)
    step(Batch(images, {"labels": labels}))
    for parameter, gradient in zip(module.parameters(), gradients, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-5, atol=1e-6)
    assert step.sums[0].item() / 5 == pytest.approx(expected.item(), rel=1e-5)


class Counting(nn.Module):
    """A module of the user's, whose forward pass counts: nobody said that it may be recorded."""

    def __init__(self):
        super().__init__()
        self.inner, self.calls = network(), 0

    def forward(self, x):
        self.calls += self.training
        return self.inner(x)


def test_only_modules_that_say_so_are_recorded(monkeypatch):
    monkeypatch.setattr("foveate.training.loop.recorder_for", lambda device: TapeRecorder())
    run = trainer(module=Counting())
    assert run.train_step.repeated.recorder is None
    list(run.run())
    assert run.module.calls == run.step
    ours = task_trainer("classes", "compact_s", None)
    assert ours.train_step.repeated.recorder is not None


def test_validation_between_recorded_steps_sees_the_newest_weights():
    run = recorded_trainer(epochs=4)
    list(run.run())
    batches = EvaluationBatches(run.validation.pixels, run.validation.normalise)
    right = sum(
        int((run.load_best()(one.images).argmax(1) == one.targets["labels"]).sum()) for one in batches
    )
    assert right / len(batches.targets) == pytest.approx(run.best_row["val_accuracy"])
