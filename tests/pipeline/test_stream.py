"""Training on shards that are read again each epoch: stopped, gone on with, refused where it cannot be."""

import json
import shutil

import pytest

from foveate import TrainRequest, train
from foveate.dataset.shards.index import read_index
from foveate.dataset.shards.stream import streamed
from foveate.errors import CheckpointError, InputError, InterruptedRunError
from foveate.pipeline.listen import Note, Planned
from foveate.pipeline.ways import FROM_CHANCE, FROZEN, refuse_streamed
from foveate.stores import open_store
from foveate.training.events import StepDone
from uneven import write_uneven

QUICK = TrainRequest(
    stream="always", model="tinyvgg", recipe="article", epochs=3, batch_size=32, lr=3e-3, device="cpu"
)
SIZES = {"train": (1, 0, 150, 97), "test": (20,)}


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    root = tmp_path_factory.mktemp("stream") / "shards"
    write_uneven(root, SIZES, side=16)
    return root


@pytest.fixture(scope="module")
def whole(shards):
    out, notes = shards.parent / "whole", []
    done = train(shards, QUICK, out=out, listener=notes.append)
    return out, done, " ".join(event.text for event in notes if isinstance(event, Note))


def stopped(shards, out, after):
    seen = []
    with pytest.raises(InterruptedRunError):
        train(shards, QUICK, out=out, listener=seen.append, should_stop=lambda: steps(seen) >= after)


def steps(events):
    return sum(isinstance(event, StepDone) for event in events)


def learnt(out):
    rows = [line.rsplit(",", 1)[0] for line in (out / "history.csv").read_text().splitlines()]  # but seconds
    return (out / "model.safetensors").read_bytes(), rows


def test_what_is_streamed_is_told_and_measured_on_pictures_held_out(whole):
    out, done, notes = whole
    assert "The 223 training pictures are streamed from 4 shards" in notes  # of 248, a tenth is held out
    assert (done.evaluated_on, done.evaluation.samples, done.validation.samples) == ("test", 20, 25)
    assert done.evaluation.headline.value > 0.9
    assert "The 223 training pictures are streamed" in (out / "report.html").read_text()
    assert json.loads((out / "config.json").read_text())["recipe"]["run"]["dataset"]["pictures"] == {
        "train": 223,
        "val": 25,
        "test": 20,
    }


@pytest.mark.parametrize("after", [3, 11])
def test_a_run_that_was_stopped_ends_equal_to_the_byte(shards, whole, tmp_path, after):
    stopped(shards, tmp_path / "model", after)
    train(shards, QUICK, out=tmp_path / "model", resume=True)
    assert learnt(tmp_path / "model") == learnt(whole[0])


def test_a_finished_run_says_so(shards, whole):
    out, done, _ = whole
    again = train(shards, QUICK, out=out, resume=True)
    assert again.evaluation.to_dict() == done.evaluation.to_dict()


def test_learnt_weights_are_tuned_from_a_stream_that_the_judging_pictures_are_no_part_of(
    shards, tiny, tmp_path, monkeypatch
):
    monkeypatch.setattr("foveate.dataset.shards.stream.LEAST_SAMPLE", 50)
    told, request = [], TrainRequest(stream="always", model="tiny", weights=tiny, epochs=1, device="cpu")
    done = train(shards, request, out=tmp_path / "model", listener=told.append)
    plan = next(event for event in told if isinstance(event, Planned))
    assert plan.reasons == ("Fine-tuning on 173 pictures; 10 are held out to judge it.",)  # 248 - 25 - 50
    assert (done.evaluated_on, done.validation.samples) == ("test", 25)


def test_other_shards_are_refused(shards, tmp_path):
    shutil.copytree(shards, tmp_path / "shards")
    stopped(tmp_path / "shards", tmp_path / "model", 3)
    shutil.rmtree(tmp_path / "shards")
    write_uneven(tmp_path / "shards", {**SIZES, "train": (1, 0, 97, 150)}, side=16)
    for allowed in (False, True):
        with pytest.raises(CheckpointError, match="The shards have changed since the run began"):
            train(tmp_path / "shards", QUICK, out=tmp_path / "model", resume=True, allow_changed_data=allowed)


def test_what_cannot_be_streamed_is_refused_in_a_sentence(shards, tmp_path):
    store = open_store(str(shards))
    data = streamed(store, read_index(store), {}, seed=0)
    refuse_streamed(data, FROM_CHANCE)
    with pytest.raises(InputError, match="248 training pictures are streamed, and nothing is"):
        refuse_streamed(data, FROZEN)
    (tmp_path / "photos").mkdir()
    with pytest.raises(InputError, match="is for shards, which `foveate shard` writes"):
        train(tmp_path / "photos", QUICK, out=tmp_path / "model")
    with pytest.raises(InputError, match=r"stream.*is one of auto, always, never"):
        TrainRequest(stream="sometimes")
