"""On an NVIDIA card: it learns what a processor learns, recorded or not, and what it learnt runs anywhere."""

import numpy as np
import pytest
import torch
from tests.helpers.tape import Unrecorded
from tests.helpers.trainings import SIDE, task_trainer, trained

from foveate.batches import loader
from foveate.batches.augment import Augmentation
from foveate.batches.loader import EvaluationBatches
from foveate.errors import InterruptedRunError
from foveate.training.checkpoint import CheckpointStore, Saving
from foveate.training.evaluate import outputs_of
from foveate.training.settings import OptimiserSettings, ScheduleSettings, TrainingSettings

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no NVIDIA card"),
    pytest.mark.filterwarnings("ignore:.*deterministic"),
]

NETWORKS = [
    ("classes", "compact_s"),
    ("classes", "resnet18"),
    ("classes", "efficientnet_b0"),
    ("labels", "compact_s"),
    ("numbers", "compact_s"),
    ("masks", "pyramid_compact"),
    ("masks", "fcn8s_resnet18"),
]
EVERYTHING = Augmentation(
    flip="alternating",
    shift_px=2,
    zoom_fraction=0.2,
    rotate_degrees=10,
    brightness_fraction=0.2,
    contrast_fraction=0.2,
    erase_fraction=0.3,
)
# At the usual rate ResNet-18's third epoch on this noise changes by a fifth on the processor alone, where its
# first weights change by a ten-millionth.
SLOW = TrainingSettings(
    OptimiserSettings("adam", learning_rate=1e-4),
    ScheduleSettings(0.2, decay="linear"),
    precision="float32",
    clip_norm=1.0,
)
HALF = TrainingSettings(OptimiserSettings("adamw", learning_rate=5e-3))


@pytest.fixture(autouse=True)
def exact():
    """Kernels that give the same bits each time, and float32 that is float32."""
    before = torch.are_deterministic_algorithms_enabled()
    # By itself the enlarging of maps adds up its gradients in an order that changes from run to run.
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
            yield
    finally:
        torch.use_deterministic_algorithms(before)


def on_card(kind, name, recorder=None, **how):
    return task_trainer(kind, name, recorder, device="cuda", **how)


def losses(history):
    return [row["train_loss"] for row in history]


@pytest.mark.parametrize(("kind", "name"), [NETWORKS[0], NETWORKS[1], NETWORKS[3], NETWORKS[4], NETWORKS[5]])
def test_the_card_learns_as_the_processor_does(kind, name):
    """The same batches (nothing is drawn but their order, which is drawn on the processor)."""
    how = {"augmentation": Augmentation(), "epochs": 3, "settings": SLOW if name == "resnet18" else None}
    here, there = task_trainer(kind, name, **how), on_card(kind, name, **how)
    expected, found = trained(here)[1], trained(there)[1]
    if kind != "masks":  # of masks, pixels are drawn for the loss
        assert losses(found)[0] == pytest.approx(losses(expected)[0], rel=5e-3)
        assert losses(found) == pytest.approx(losses(expected), rel=0.05)  # rounding grows from step to step
    else:
        assert losses(found) == pytest.approx(losses(expected), rel=0.15)


@pytest.mark.parametrize(("kind", "name"), NETWORKS)
def test_recorded_steps_and_batches_are_those_from_python(kind, name):
    recorded = on_card(kind, name, augmentation=EVERYTHING, epochs=4)
    plain = on_card(kind, name, Unrecorded(), augmentation=EVERYTHING, epochs=4)
    plain.batches.made.recorder = None
    found, expected = trained(recorded)[1], trained(plain)[1]
    assert recorded.train_step.repeated.refused == ""
    assert recorded.batches.made.refused == ""
    assert recorded.train_step.repeated.recordings and recorded.batches.made.recordings
    assert losses(found)[:2] == pytest.approx(losses(expected)[:2], rel=5e-3)
    assert losses(found) == pytest.approx(losses(expected), rel=0.05)


@pytest.mark.parametrize("optimiser", ["adam", "adamw", "sgd"])
def test_optimisers_are_recorded_with_their_learning_rates(optimiser):
    settings = TrainingSettings(
        OptimiserSettings(optimiser, learning_rate=0.01, weight_decay=0.01, norm_bias_factor=8.0),
        precision="float32",
        average_half_life_epochs=0.5,
        clip_norm=1.0,
    )
    runs = [on_card("classes", "compact_s", one, settings=settings, epochs=4) for one in (None, Unrecorded())]
    (weights, found), (others, expected) = map(trained, runs)
    assert losses(found) == pytest.approx(losses(expected), rel=1e-3)
    torch.testing.assert_close(weights, others, rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize(("kind", "name"), [NETWORKS[0], NETWORKS[5]])
@pytest.mark.parametrize("stop_at", [2, 9])
def test_a_run_that_was_stopped_goes_on_as_if_nothing_had_been(tmp_path, kind, name, stop_at):
    whole = on_card(kind, name, epochs=3)
    weights, history = trained(whole)
    stopped = on_card(kind, name, epochs=3)
    stopped.saving = Saving(CheckpointStore(tmp_path))
    with pytest.raises(InterruptedRunError):
        list(stopped.run(lambda: stopped.step == stop_at))
    resumed = on_card(kind, name, epochs=3)
    resumed.restore(CheckpointStore(tmp_path).load_latest()[0])
    others, rest = trained(resumed)
    assert all(torch.equal(value, others[key]) for key, value in weights.items())
    assert losses(rest) == losses(history)


@pytest.mark.parametrize("name", ["compact_s", "resnet18"])
def test_it_computes_in_bfloat16_channels_last_and_learns(name):
    run = on_card("classes", name, settings=HALF, augmentation=Augmentation(), epochs=15)
    seen = []
    convolution = next(one for one in run.module.modules() if isinstance(one, torch.nn.Conv2d))

    def look(layer, given, out):
        last = torch.channels_last
        seen.append((out.dtype, *(one.is_contiguous(memory_format=last) for one in (given[0], out))))

    convolution.register_forward_hook(look)
    history = trained(run)[1]
    assert run.half
    assert seen[0] == (torch.bfloat16, True, True)
    assert convolution.weight.dtype == torch.float32
    assert convolution.weight.is_contiguous(memory_format=torch.channels_last)
    assert losses(history)[-1] < 0.7 * losses(history)[0]


def test_pictures_that_do_not_fit_stay_in_the_computers_memory(monkeypatch):
    inside = on_card("classes", "compact_s", augmentation=EVERYTHING, epochs=4)
    monkeypatch.setattr(loader, "LARGEST_SHARE", 0.0)
    outside = on_card("classes", "compact_s", augmentation=EVERYTHING, epochs=4)
    assert inside.batches.pixels.resident and not outside.batches.pixels.resident
    assert outside.batches.pixels.images.device.type == "cpu"
    assert losses(trained(outside)[1]) == pytest.approx(losses(trained(inside)[1]), rel=1e-3)


def test_what_cannot_be_recorded_is_run_as_it_is(monkeypatch):
    run = on_card("classes", "compact_s", epochs=3)
    plain = run.learner.loss
    monkeypatch.setattr(run.learner, "loss", lambda *given: plain(*given) * (1 + 0 * given[0].sum().item()))
    history = trained(run)[1]
    assert run.train_step.repeated.refused
    assert losses(history)[-1] < losses(history)[0] * 1.1
    assert torch.rand(3, device="cuda").isfinite().all()  # the card goes on


@pytest.mark.parametrize(("kind", "name"), [NETWORKS[0], NETWORKS[5]])
def test_the_file_on_the_processor_answers_as_the_card_does(kind, name):
    onnxruntime = pytest.importorskip("onnxruntime")
    from foveate.exporter.emitter import emit

    run = on_card(kind, name)
    trained(run)
    module = run.load_best()
    batches = EvaluationBatches(run.batches.pixels, run.batches.normalise)
    expected = outputs_of(module, batches).numpy()
    images = torch.cat([batch.images for batch in batches]).cpu()
    model = emit(module.cpu(), images[:2], "images", "scores")
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    found = session.run(None, {"images": np.ascontiguousarray(images.numpy())})[0]
    assert images.shape[-1] == SIDE
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())


def test_the_whole_command_trains_on_the_card(tmp_path):
    pytest.importorskip("yaml")
    import foveate

    done = foveate.train("fashion-mnist-mini", out=tmp_path / "model", device="cuda", budget="15s")
    assert done.evaluation.to_dict()["accuracy"] > 0.7
