"""Going on: in a restart loop, with other pictures, on another number of threads."""

import csv
import hashlib
import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from foveate import TrainRequest, train
from foveate.errors import CheckpointError, DatasetError, InputError, InterruptedRunError
from foveate.pipeline.listen import Note
from foveate.training.events import StepDone

QUICK = TrainRequest(model="tinyvgg", recipe="article", epochs=2, batch_size=16, lr=3e-3)


class Listener:
    """Keeps what is told, and asks the run to stop after some steps."""

    def __init__(self, steps=10**9):
        self.steps, self.events = steps, []

    def __call__(self, event):
        self.events.append(event)

    def due(self):
        return sum(isinstance(event, StepDone) for event in self.events) >= self.steps

    @property
    def notes(self):
        return " ".join(event.text for event in self.events if isinstance(event, Note))


def interrupt(data, out, request=QUICK, **more):
    stop = Listener(steps=7)
    with pytest.raises(InterruptedRunError):
        train(data, request, out=out, listener=stop, should_stop=stop.due, **more)


def sides(folder, by="content"):
    """Content (or file_name) -> the side on which the model's picture stood."""
    with (folder / "splits.csv").open() as file:
        return {row[by]: row["split"] for row in csv.DictReader(file)}


def weights(folder):
    return (folder / "model.safetensors").read_bytes()


def content(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def finished(photos, tmp_path_factory):
    return train(photos, QUICK, out=tmp_path_factory.mktemp("runs") / "model")


@pytest.fixture
def data(photos, tmp_path):
    shutil.copytree(photos, tmp_path / "data")
    return tmp_path / "data"


def picture(seed, channels=3):
    return Image.fromarray(
        np.random.default_rng(seed).integers(0, 256, (16, 16, channels), dtype=np.uint8).squeeze()
    )


# --- A restart loop --------------------------------------------------------------------------------------


def test_resuming_in_an_empty_place_begins(photos, finished, tmp_path):
    listener = Listener()
    done = train(photos, QUICK, out=tmp_path / "run", resume=True, listener=listener)
    assert "holds no run to go on with: this one begins" in listener.notes
    assert weights(done.folder) == weights(finished.folder)


def test_what_was_stopped_before_its_first_checkpoint_begins_again(photos, finished, tmp_path):
    interrupt(photos, tmp_path / "run")
    for path in (tmp_path / "run" / "checkpoint").glob("step-*"):
        path.unlink()
    listener = Listener()
    done = train(photos, out=tmp_path / "run", resume=True, listener=listener)
    assert "had saved no step yet: it begins again" in listener.notes
    assert weights(done.folder) == weights(finished.folder)


@pytest.mark.parametrize("keep", [False, True])
def test_a_finished_run_says_so_and_stays(photos, tmp_path, keep):
    request = TrainRequest(model="tinyvgg", recipe="article", epochs=1, lr=3e-3, keep_checkpoint=keep)
    first = train(photos, request, out=tmp_path / "run")
    leave_litter(first.folder)
    before, listener = content(first.folder), Listener()
    again = train(photos, request, out=tmp_path / "run", resume=True, listener=listener)
    assert "is finished already: nothing is left to do" in listener.notes
    assert not any(isinstance(event, StepDone) for event in listener.events)
    assert again.evaluation.to_dict() == first.evaluation.to_dict()
    assert again.evaluated_on == "test" and content(first.folder) == before
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    with pytest.raises(CheckpointError, match=r"The finished run had epochs=1 \(now 3\)"):
        train(photos, TrainRequest(epochs=3), out=tmp_path / "run", resume=True)


def leave_litter(folder):
    """What a kill right after publishing leaves: the old folder under its hidden name, and the lock."""
    key = hashlib.sha256(folder.name.encode()).hexdigest()[:12]
    left = folder.with_name(f".foveate-{key}-left.new")
    (left / "checkpoint").mkdir(parents=True)
    (left / "checkpoint" / "run.json").write_text("{}")
    folder.with_name(f".{folder.name}.lock").write_text("process 1")


def test_a_finished_run_of_other_pictures_is_refused(data, finished, tmp_path):
    shutil.copytree(finished.folder, tmp_path / "run")
    picture(1).save(data / "flat" / "new.png")
    with pytest.raises(CheckpointError, match=r"has changed since the run began \(Pictures: 1 new"):
        train(data, QUICK, out=tmp_path / "run", resume=True)


def test_an_interrupted_run_is_replaced_only_when_asked(photos, finished, tmp_path):
    interrupt(photos, tmp_path / "run")
    before = content(tmp_path / "run")
    with pytest.raises(
        InputError, match=r"interrupted run: go on with it by .*resume=True`, .*overwrite=True"
    ):
        train(photos, QUICK, out=tmp_path / "run")
    assert content(tmp_path / "run") == before
    done = train(photos, QUICK, out=tmp_path / "run", overwrite=True)
    assert weights(done.folder) == weights(finished.folder)


def test_a_finished_model_is_replaced_only_when_asked(photos, finished, tmp_path):
    shutil.copytree(finished.folder, tmp_path / "run")
    with pytest.raises(InputError, match=r"holds a finished model: choose another out, or .*overwrite=True"):
        train(photos, QUICK, out=tmp_path / "run")
    assert content(tmp_path / "run") == content(finished.folder)


# --- Other pictures --------------------------------------------------------------------------------------


def test_pictures_keep_their_side_and_only_new_ones_are_dealt_out(data, finished, tmp_path):
    """Pictures come, go, change in place, change their label, are copied; the new names move all rows."""
    before = sides(finished.folder)
    where = sides(finished.folder, "file_name")
    interrupt(data, tmp_path / "run")
    tested, trained = (
        [name for name, side in where.items() if side == wanted and name.startswith("flat")]
        for wanted in ("test", "train")
    )
    for number in range(6):
        picture(number).save(data / "flat" / f"0_{number}.png")  # sorts before all others
    shutil.copy(data / tested[0], data / "flat" / "copy.png")
    picture(99).save(data / tested[1])
    (data / trained[0]).unlink()
    (data / trained[1]).rename(data / "lying" / "other-label.png")
    with pytest.raises(CheckpointError, match="allow_changed_data=True"):
        train(data, out=tmp_path / "run", resume=True)
    listener = Listener()
    done = train(data, out=tmp_path / "run", resume=True, allow_changed_data=True, listener=listener)
    after = sides(done.folder)
    assert all(before[one] == after[one] for one in before.keys() & after.keys())
    rows = sides(done.folder, "file_name")
    assert rows["flat/copy.png"] == rows[tested[1]] == "test"
    said = r"Pictures: 6 new \(.*?\), 1 gone, 1 changed in place, 1 with another label"
    assert re.search(said, listener.notes), listener.notes
    # Finished on these pictures, the run is finished for the restart loop as well, on the sides it had.
    again = train(data, out=tmp_path / "run", resume=True)
    assert again.evaluation.to_dict() == done.evaluation.to_dict()


def test_what_was_trained_on_is_not_measured_on_though_it_moved_into_test(photos, tmp_path):
    data = tmp_path / "data"
    for split, numbers in (("train", range(30)), ("val", range(30, 35)), ("test", range(35, 40))):
        for kind in ("lying", "standing"):
            (data / split / kind).mkdir(parents=True)
            for i in numbers:
                shutil.copy(photos / kind / f"{i:02}.png", data / split / kind)
    interrupt(data, tmp_path / "run", replace(QUICK, epochs=4))
    (data / "train" / "lying" / "03.png").rename(data / "test" / "lying" / "03.png")
    (data / "test" / "lying" / "36.png").rename(data / "train" / "lying" / "36.png")
    for _ in range(2):  # the second time, the record of the first has to say it
        listener = Listener(steps=1)
        with pytest.raises(InterruptedRunError):
            train(
                data, out=tmp_path / "run", resume=True, allow_changed_data=True, listener=listener,
                should_stop=listener.due,
            )  # fmt: skip
    done = train(data, out=tmp_path / "run", resume=True)
    rows = sides(done.folder, "file_name")
    assert not any(name.endswith("test/lying/03.png") for name in rows)
    assert next(side for name, side in rows.items() if name.endswith("lying/36.png")) == "train"
    assert done.evaluation.samples == 9


def test_a_picture_in_colour_among_grey_ones_is_named(photos, tmp_path):
    data = tmp_path / "data"
    for path in photos.glob("*/*.png"):
        (data / path.parent.name).mkdir(parents=True, exist_ok=True)
        Image.open(path).convert("L").save(data / path.parent.name / path.name)
    interrupt(data, tmp_path / "run")
    picture(1).save(data / "flat" / "colour.png")
    with pytest.raises(DatasetError, match=r"takes grey pictures, and of 121 pictures 1 are in colour"):
        train(data, out=tmp_path / "run", resume=True, allow_changed_data=True)


def test_pictures_of_another_size_are_read_as_the_network_takes_them(data, tmp_path):
    interrupt(data, tmp_path / "run")
    picture(1).resize((200, 150)).save(data / "flat" / "large.png")
    done = train(data, out=tmp_path / "run", resume=True, allow_changed_data=True)
    assert json.loads((done.folder / "config.json").read_text())["input"]["height"] == 16


def test_lost_classes_are_named(data, tmp_path):
    interrupt(data, tmp_path / "run")
    shutil.rmtree(data / "flat")
    with pytest.raises(CheckpointError, match=r"learnt the classes 'flat', 'lying', 'standing', and"):
        train(data, out=tmp_path / "run", resume=True, allow_changed_data=True)


# --- Another machine -------------------------------------------------------------------------------------


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_a_run_goes_on_with_the_threads_it_began_with(photos, tmp_path, two_threads):
    one = TrainRequest(model="tinyvgg", recipe="article", epochs=2, batch_size=16, lr=3e-3, threads=1)
    whole = train(photos, one, out=tmp_path / "whole")
    torch.set_num_threads(1)
    interrupt(photos, tmp_path / "run")  # nothing is said of threads: those of the machine count
    torch.set_num_threads(2)
    used, listener = set(), Listener()

    def listen(event):
        listener(event)
        if isinstance(event, StepDone):
            used.add(torch.get_num_threads())

    done = train(photos, out=tmp_path / "run", resume=True, listener=listen)
    assert used == {1} and torch.get_num_threads() == 2
    assert "Going on with 1 threads, as the run began; here it would be 2" in listener.notes
    assert "not be equal" not in listener.notes
    assert weights(done.folder) == weights(whole.folder)
    machine = json.loads((done.folder / "config.json").read_text())["recipe"]["run"]["machine"]
    assert machine["threads"] == 1 and machine["torch_version"] == torch.__version__


def test_other_threads_that_are_asked_for_are_taken_and_what_it_means_is_said(photos, tmp_path, two_threads):
    interrupt(photos, tmp_path / "run", TrainRequest(model="tinyvgg", epochs=2, recipe="article", threads=2))
    listener = Listener()
    train(photos, TrainRequest(threads=1), out=tmp_path / "run", resume=True, listener=listener)
    assert "will not be equal to the byte" in listener.notes and "threads 2, now 1" in listener.notes
