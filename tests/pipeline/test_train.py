"""The whole story on small real files: what comes out, that it repeats, that it resumes."""

import json
import shutil
import time

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import foveate
from foveate import TrainRequest, train
from foveate.errors import CheckpointError, DatasetError, InterruptedRunError, ShapeError, UnknownNameError
from foveate.modelfolder.read import verify
from foveate.modelfolder.to_torch import rebuild
from foveate.pipeline.listen import PhaseStarted, Planned, Reading
from foveate.training.events import EpochDone, StepDone

QUICK = TrainRequest(model="tinyvgg", recipe="article", epochs=2, batch_size=16, lr=3e-3)
FILES = [
    "README.md",
    "config.json",
    "history.csv",
    "model.onnx",
    "model.safetensors",
    "report.html",
    "splits.csv",
]


class StopAfter:
    """A listener that counts steps, and asks the run to stop after some."""

    def __init__(self, steps):
        self.left = steps

    def __call__(self, event):
        self.left -= isinstance(event, StepDone)

    def due(self):
        return self.left <= 0


@pytest.fixture(scope="module")
def finished(photos, tmp_path_factory):
    events = []
    with pytest.MonkeyPatch.context() as patch:  # a busy machine has time to explain, too
        patch.setattr("foveate.pipeline.finish.EXPLAIN_SECONDS", 60.0)
        patch.setattr("foveate.pipeline.finish.EXPLAIN_SHARE", 60.0)
        result = train(photos, QUICK, out=tmp_path_factory.mktemp("runs") / "stripes", listener=events.append)
    return result, events


def test_the_model_folder_is_complete_and_whole(finished):
    result, _ = finished
    assert sorted(p.name for p in result.folder.iterdir()) == FILES
    config = verify(result.folder)
    assert config.task.labels == ("flat", "lying", "standing")
    assert config.recipe["request"]["epochs"] == 2
    assert config.metrics["test"]["samples"] == 12


def test_nothing_tells_where_it_was_made(finished, photos, files_that_name):
    folder = finished[0].folder
    assert files_that_name(folder, photos.parent, folder.parent) == []
    card = (folder / "README.md").read_text()
    assert f"Pictures: {photos.name}." in card
    assert "foveate predict stripes picture.jpg" in card


def test_the_splits_are_written_down_as_a_table_that_gives_them_again(finished, photos, tmp_path):
    root = tmp_path / "photos"
    shutil.copytree(photos, root)
    shutil.copy(finished[0].folder / "splits.csv", root / "splits.csv")
    again = foveate.open_dataset(root / "splits.csv")
    assert {name: len(split) for name, split in again.splits.items()} == {"train": 96, "val": 12, "test": 12}
    names = [split.images.name(i) for split in again.splits.values() for i in range(len(split))]
    assert sorted(names) == sorted(str(p.relative_to(photos)) for p in photos.glob("*/*.png"))


def test_events_tell_the_story_in_order(finished):
    _, events = finished
    phases = [e.name for e in events if isinstance(e, PhaseStarted)]
    assert phases == ["read", "plan", "train", "calibrate", "export", "measure", "report", "done"]
    for kind in (Reading, Planned, StepDone, EpochDone):
        assert any(isinstance(e, kind) for e in events)


def test_what_ships_is_what_was_measured(finished, photos):
    result, _ = finished
    predictor = foveate.load(result.folder)
    answers = predictor.predictions([photos / "lying" / "00.png", photos / "standing" / "00.png"])
    assert {a.label for a in answers} <= set(predictor.classes_)
    probabilities = predictor.predict_proba(np.zeros((3, 16, 16, 3), np.uint8))
    assert probabilities.shape == (3, 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


def test_the_model_says_when_it_does_not_know(finished, photos):
    folder = finished[0].folder
    config = verify(folder)
    assert config.task.unsure.precision == 0.95
    assert 0 <= config.task.unsure.coverage <= 1
    assert config.task.unsure.samples == config.metrics["val"]["samples"]
    assert config.unlikeness["remembered"] > 20
    predictor = foveate.load(folder)
    known = predictor.predictions([photos / kind / "00.png" for kind in ("flat", "lying", "standing")])
    assert all(one.unlikeness < 1 for one in known)
    assert all(one.unsure == (one.probability < config.task.unsure.unsure_below) for one in known)
    for name in ("report.html", "README.md"):
        assert "marked unsure" in (folder / name).read_text()


def test_the_report_is_one_page_without_scripts_or_addresses(finished):
    text = (finished[0].folder / "report.html").read_text()
    assert "<script" not in text
    assert "http://" not in text.replace("http://www.w3.org", "")


def test_the_report_shows_where_the_network_looked(finished):
    assert "Where it looked" in (finished[0].folder / "report.html").read_text()


def test_the_same_request_gives_the_same_bytes(finished, photos, tmp_path):
    again = train(photos, QUICK, out=tmp_path / "again")
    for name in ("model.safetensors", "model.onnx"):
        assert (again.folder / name).read_bytes() == (finished[0].folder / name).read_bytes()
    assert again.evaluation.to_dict() == finished[0].evaluation.to_dict()


def test_an_interrupted_run_resumes_to_the_same_bytes(finished, photos, tmp_path):
    stop = StopAfter(7)
    with pytest.raises(InterruptedRunError):
        train(photos, QUICK, out=tmp_path / "run", listener=stop, should_stop=stop.due)
    assert not (tmp_path / "run" / "config.json").exists()
    resumed = train(photos, out=tmp_path / "run", resume=True)
    assert (resumed.folder / "model.safetensors").read_bytes() == (
        finished[0].folder / "model.safetensors"
    ).read_bytes()
    assert not (resumed.folder / "checkpoint").exists()
    untimed = [line.rpartition(",")[0] for line in (resumed.folder / "history.csv").read_text().splitlines()]
    whole = (finished[0].folder / "history.csv").read_text().splitlines()
    assert untimed == [line.rpartition(",")[0] for line in whole]


def test_resuming_on_changed_pictures_is_refused_with_the_difference(photos, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(photos, data)
    stop = StopAfter(7)
    with pytest.raises(InterruptedRunError):
        train(data, QUICK, out=tmp_path / "run", listener=stop, should_stop=stop.due)
    (data / "flat" / "00.png").unlink()
    with pytest.raises(CheckpointError, match=r"has changed since the run began .*allow_changed_data=True"):
        train(data, out=tmp_path / "run", resume=True)
    assert train(data, out=tmp_path / "run", resume=True, allow_changed_data=True).evaluation.samples > 0


def test_an_older_model_stays_whole_while_a_new_one_is_trained(finished, photos, tmp_path):
    old = tmp_path / "model"
    shutil.copytree(finished[0].folder, old)
    stop = StopAfter(7)
    with pytest.raises(InterruptedRunError):
        train(photos, QUICK, out=old, overwrite=True, listener=stop, should_stop=stop.due)
    verify(old)
    assert foveate.load(old).classes_ == ("flat", "lying", "standing")


def test_any_torch_module_can_be_trained(photos, tmp_path):
    class Mine(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
            self.head = nn.Linear(8, 3)

        def forward(self, x):
            return self.head(self.body(x))

    torch.manual_seed(0)
    result = train(photos, TrainRequest(epochs=1, recipe="article"), out=tmp_path / "mine", module=Mine())
    assert json.loads((result.folder / "config.json").read_text())["architecture"]["custom"].endswith("Mine")
    assert foveate.load(result.folder).predict_proba(np.zeros((2, 16, 16, 3), np.uint8)).shape == (2, 3)


def test_a_module_with_the_wrong_number_of_outputs_is_refused(photos, tmp_path):
    module = nn.Sequential(nn.Flatten(), nn.Linear(16 * 16 * 3, 7))
    with pytest.raises(
        foveate.errors.InputError, match=r"outputs of shape \(2, 7\) .* 3 classes need \(2, 3\)"
    ):
        train(photos, TrainRequest(epochs=1), out=tmp_path / "wrong", module=module)


def test_a_network_too_deep_for_the_pictures_is_refused_with_the_formula(photos, tmp_path):
    with pytest.raises(ShapeError, match=r"floor|ceil"):
        train(photos, TrainRequest(model="alexnet", epochs=1, image_size=16), out=tmp_path / "deep")
    assert not (tmp_path / "deep").exists()


def test_an_unknown_network_lists_the_closest(photos, tmp_path):
    with pytest.raises(UnknownNameError, match="did you mean resnet50"):
        train(photos, TrainRequest(model="resnet-50", epochs=1), out=tmp_path / "unknown")


def test_broken_pictures_are_skipped_up_to_the_threshold_and_refused_beyond(photos, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(photos, data)
    (data / "flat" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    notes = []
    result = train(data, QUICK, out=tmp_path / "skipped", listener=notes.append)
    assert any("broken.png" in getattr(note, "text", "") for note in notes)
    assert result.evaluation.samples == 12
    for i in range(20):
        (data / "flat" / f"broken{i}.png").write_bytes(b"not a picture")
    with pytest.raises(DatasetError, match=r"could not be read|cannot be read|unreadable"):
        train(data, QUICK, out=tmp_path / "refused")


def test_grey_pictures_train_a_network_of_one_channel(photos, tmp_path):
    data = tmp_path / "grey"
    for path in photos.glob("*/*.png"):
        target = data / path.relative_to(photos)
        target.parent.mkdir(parents=True, exist_ok=True)
        Image.open(path).convert("L").save(target)
    result = train(data, QUICK, out=tmp_path / "model")
    config = verify(result.folder)
    assert config.input.channels == 1
    assert foveate.load(result.folder).predict([data / "flat" / "00.png"])[0] in config.task.labels


def test_a_budget_is_kept(photos, tmp_path):
    """What the run does with its own time counts; what others take of a busy machine is allowed for."""
    budget_seconds = 10  # the shortest
    ends = []  # of steps, on the clock of the wall and on that of this process

    def listen(event):
        if isinstance(event, StepDone):
            ends.append((time.monotonic(), time.process_time()))

    started = time.monotonic()
    request = TrainRequest(model="tinyvgg", budget=f"{budget_seconds}s")
    train(photos, request, out=tmp_path / "timed", started=started, listener=listen)
    ended = time.monotonic(), time.process_time()
    assert ends[-1][0] - started < budget_seconds  # learning leaves time for what follows
    finishing, of_ours = (end - last for end, last in zip(ended, ends[-1], strict=True))
    kept_waiting = max(finishing - of_ours, 0.0)
    assert ended[0] - started - kept_waiting < budget_seconds + 2
    assert len(ends) > 10  # and most of it is used


def test_a_run_on_a_budget_goes_on_with_what_it_had_chosen(photos, tmp_path):
    stop = StopAfter(20)
    request = TrainRequest(budget="30s")
    with pytest.raises(InterruptedRunError):
        train(photos, request, out=tmp_path / "run", listener=stop, should_stop=stop.due)
    events = []
    # The rest of the thirty seconds is skipped by a clock that says they are nearly over.
    result = train(
        photos, out=tmp_path / "run", resume=True, listener=events.append, started=time.monotonic() - 25
    )
    plan = next(e for e in events if isinstance(e, Planned))
    config = verify(result.folder)
    assert config.architecture["name"] == plan.network
    assert config.recipe["name"] == plan.recipe
    # However little time is left, the steps that were done count: the run did not begin again.
    last_row = (result.folder / "history.csv").read_text().splitlines()[-1]
    assert int(last_row.split(",")[1]) >= 20
    assert all(e.step > 20 for e in events if isinstance(e, StepDone))


BLUEPRINT = """
input: [3, 16, 16]
layers:
  - conv: {filters: 8, kernel: 3, padding: 1}
  - batch_norm
  - relu
  - max_pool: 2
  - residual: {layers: [{conv: {filters: 8, kernel: 3, padding: 1}}, batch_norm]}
  - relu
  - global_avg_pool
  - dense: classes
"""


def test_a_blueprint_trains_and_the_model_folder_carries_it(photos, tmp_path):
    path = tmp_path / "net.yaml"
    path.write_text(BLUEPRINT)
    request = TrainRequest(model=str(path), recipe="article", epochs=2, batch_size=16)
    result = train(photos, request, out=tmp_path / "model")
    blueprint = verify(result.folder).architecture["blueprint"]
    assert blueprint["input"] == [3, 16, 16]
    assert [next(iter(layer)) if isinstance(layer, dict) else layer for layer in blueprint["layers"]] == [
        "conv",
        "batch_norm",
        "relu",
        "max_pool",
        "residual",
        "relu",
        "global_avg_pool",
        "dense",
    ]
    network = rebuild(result.folder).module
    pixels = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3), dtype=np.uint8)
    predictor = foveate.load(result.folder)
    with torch.inference_mode():
        logits = network.eval()(torch.from_numpy(predictor.preprocessing.normalise(pixels)))
    temperature = verify(result.folder).task.temperature
    expected = torch.softmax(logits / temperature, dim=1).numpy()
    np.testing.assert_allclose(predictor.run(pixels)["probabilities"], expected, atol=1e-4)
