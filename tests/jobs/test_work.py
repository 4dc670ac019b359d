"""One object a shard, whoever works, and however often."""

import gzip
import json
import multiprocessing
import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import foveate
from foveate.cli.main import main
from foveate.dataset import open_dataset
from foveate.dataset.shards.index import read_index
from foveate.errors import InputError, ModelFolderError, StoreError, UnknownNameError
from foveate.jobs.engines import Hands, run
from foveate.jobs.kinds import Answers, object_name
from foveate.jobs.plan import planned
from foveate.jobs.work import KindWork
from foveate.stores import open_store
from pixelwise import pixelwise_folder

FORM = "jsonl"


def rows_in(folder):
    """All rows of all objects, by the picture's number; what a killed process left half done is none."""
    found = []
    for path in sorted(folder.glob("*.jsonl.gz")):
        found += map(json.loads, gzip.decompress(path.read_bytes()).decode().splitlines())
    return sorted(found, key=lambda row: row["row"])


@pytest.fixture(scope="module")
def alone(place):
    """What one process says of all pictures, in one row after the other."""
    predictor = foveate.load(place / "pixelwise")
    images = open_dataset(place / "shards").splits["train"].images
    told = []
    for row in range(len(images)):
        try:
            values = predictor.answered([images.take_for(predictor.preprocessing, row)])
        except InputError:
            told.append(None)
            continue
        told.append(predictor.task.predictions(values)[0].to_dict())
    return told


def assert_same(rows, alone):
    assert [row["row"] for row in rows] == list(range(len(alone)))  # each once
    for row, told in zip(rows, alone, strict=True):
        if told is None:
            assert "broken" not in row and row["error"].startswith("Cannot read picture")
            continue
        assert row["width"] == told["width"]
        assert [one["rle"] for one in row["classes"]] == [one["rle"] for one in told["classes"]]
        own = [one["confidence"] for one in row["classes"]]
        assert own == pytest.approx([one["confidence"] for one in told["classes"]], abs=1e-3)


def test_rows_are_those_of_one_process(place, alone, tmp_path):
    found = foveate.predict_shards(place / "pixelwise", place / "shards", tmp_path, workers=1, form=FORM)
    assert (found.pictures, found.unreadable, found.new) == (80, 1, found.shards) and found.shards > 3
    rows = rows_in(tmp_path)
    assert_same(rows, alone)
    names = [open_dataset(place / "shapes").splits["train"].images.name(row) for row in range(80)]
    assert [row["file"] for row in rows] == names


def test_a_rerun_does_what_is_missing(place, alone, tmp_path):
    again = lambda: foveate.predict_shards(  # noqa: E731
        place / "pixelwise", place / "shards", tmp_path, workers=1, form=FORM
    )
    again()
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    gone = list(kept)[1]
    gone.unlink()
    assert again().new == 1 and again().new == 0
    assert all(path.stat().st_mtime_ns == when for path, when in kept.items() if path != gone)
    assert_same(rows_in(tmp_path), alone)


def test_another_model_question_or_shard_is_another_object(place, tmp_path):
    index = read_index(open_store(place / "shards"))
    one = Answers(str(place / "pixelwise"))
    names = {object_name(one, index[0]), object_name(Answers(one.folder, top_k=3), index[0])}
    names |= {object_name(one, index[1]), object_name(one, index[0]._replace(hash="00" * 16))}
    assert len(names) == 4 and all(name.endswith(".jsonl.gz") for name in names)


def test_another_model_in_the_same_folder_answers_under_no_others_name(place, tmp_path):
    """Processes open the model when they begin, which may be after it was replaced."""
    folder, out = tmp_path / "model", tmp_path / "answers"
    shutil.copytree(place / "pixelwise", folder)
    index = read_index(open_store(place / "shards"))
    work = KindWork(Answers(str(folder)), str(place / "shards"), str(out))
    planned(index, work.kind, open_store(out))  # here objects are named
    elsewhere = pickle.loads(pickle.dumps(work))  # noqa: S301 -- our own
    shutil.rmtree(folder)
    pixelwise_folder(tmp_path, "model", classes=("red", "green", "violet"))
    for job in (work, elsewhere):
        with pytest.raises(ModelFolderError, match="holds another model than when the job began"):
            job.do(index[0].stem)
    assert not out.exists()
    assert KindWork(Answers(str(folder)), str(place / "shards"), str(out)).do(index[0].stem).new


def test_two_at_once_leave_one_object_each(place, alone, objects):
    """Both do all shards at the same time; every object was created once."""
    index = read_index(open_store(place / "shards"))
    names = [shard.stem for shard in index]
    new, wait = [], threading.Barrier(2)

    def work():
        job = foveate.ShardWork(place / "pixelwise", place / "shards", "s3://bucket/answers", form=FORM)
        wait.wait()
        new.append([job(name).new for name in names])

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one + two for one, two in zip(*new, strict=True)] == [1] * len(names)
    assert len(objects.keys("bucket/answers/")) == len(names)


def test_batches_of_ray(place, tmp_path):
    work = foveate.ShardWork(place / "pixelwise", place / "shards", tmp_path, form=FORM)
    names = np.array(foveate.shards(place / "shards")[:2])
    assert work({"shard": names})["new"].tolist() == [True, True]
    found = work({"shard": names})
    assert found["new"].tolist() == [False, False] and list(found["shard"]) == names.tolist()
    with pytest.raises(InputError, match="there is no shard 'train-9'"):
        work("train-9")
    with pytest.raises(ModelFolderError, match=r"config.json: missing; expected a complete model folder"):
        foveate.ShardWork(tmp_path / "none", place / "shards", tmp_path, form=FORM)("train-000000")


@pytest.mark.slow
def test_killed_processes_are_replaced(place, alone, tmp_path):
    """A worker is killed at its first shard; the rows are all there, each once."""
    index = read_index(open_store(place / "shards"))
    out = open_store(tmp_path)
    kind = Answers(str(place / "pixelwise"), threads=1)
    work = run(
        KindWork(kind, str(place / "shards"), str(tmp_path)), planned(index, kind, out), Hands(workers=2)
    )
    first = next(work)
    os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)
    assert first.shard in {done.shard for done in [first, *work]}
    assert_same(rows_in(tmp_path), alone)


BEGINNER = """
import multiprocessing, sys, time
from foveate.dataset.shards.index import read_index
from foveate.jobs.engines import Hands, run
from foveate.jobs.kinds import Answers
from foveate.jobs.plan import planned
from foveate.jobs.work import KindWork
from foveate.stores import open_store

model, data, out = sys.argv[1:]
kind = Answers(model, threads=1)
work = run(KindWork(kind, data, out), planned(read_index(open_store(data)), kind, None), Hands(workers=2))
next(work)
print(*(process.pid for process in multiprocessing.active_children()), flush=True)
time.sleep(60)
"""


@pytest.mark.slow
def test_a_program_that_is_killed_leaves_no_processes(place, tmp_path):
    words = [sys.executable, "-c", BEGINNER, place / "pixelwise", place / "shards", tmp_path]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as program:
        pids = program.stdout.readline().split()
        program.kill()
    assert len(pids) == 2
    until = time.monotonic() + 20
    while any(map(lives, pids)) and time.monotonic() < until:
        time.sleep(0.1)
    assert not any(map(lives, pids))


def lives(pid):
    """Whether a process is there, and not only what is told to a parent that does not ask."""
    try:
        return Path(f"/proc/{int(pid)}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_who_works(place):
    index, kind = read_index(open_store(place / "shards")), Answers(str(place / "pixelwise"))
    plan = planned(index, kind, None)
    with pytest.raises(UnknownNameError, match="Unknown engine 'dask'"):
        run(KindWork(kind, str(place / "shards"), None), plan, Hands("dask"))


def test_a_store_that_gives_up_ends_the_job_and_keeps_what_is_done(place, objects, tmp_path):
    """Credentials that expire after three shards: one sentence; renewed, the rest is done."""
    where = "s3://bucket/photos"
    foveate.shard(place / "shapes", where, shard_mb=12_000 / 2**20)
    tars = set()

    def fault(method, key):
        if key.endswith(".tar"):
            tars.add(key)
        return "expired" if len(tars) > 3 else None

    objects.fault = fault
    again = lambda: foveate.predict_shards(  # noqa: E731
        place / "pixelwise", where, "s3://bucket/out", workers=1, form=FORM
    )
    with pytest.raises(StoreError, match="the credentials have expired; renew them and run again"):
        again()
    assert len(objects.keys("bucket/out/")) == 3
    objects.fault = lambda method, key: None
    found = again()
    assert found.new == found.shards - 3
    assert len(objects.keys("bucket/out/")) == found.shards


def test_parquet_has_the_types_of_the_task(place, alone, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs pyarrow (pip install 'foveate[parquet]')")
    foveate.predict_shards(place / "pixelwise", place / "shards", tmp_path, workers=1, form="parquet")
    table = parquet.read_table(tmp_path)
    assert str(table.schema.field("width").type) == "int64"
    rows = [{k: v for k, v in row.items() if v is not None} for row in table.to_pylist()]
    assert_same(sorted(rows, key=lambda row: row["row"]), alone)


def test_check_finds_the_same(place, tmp_path):
    whole = foveate.check(place / "shapes").to_dict()
    for out in (None, tmp_path / "kept"):
        found = foveate.check(str(place / "shards"), engine="local", workers=1, out=out).to_dict()
        assert {**found, "name": ""} == {**whole, "name": ""}
    for path in list((tmp_path / "kept").iterdir())[:-1]:
        path.touch()
    assert foveate.check(str(place / "shards"), engine="local", workers=1, out=out).to_dict() == found
    with pytest.raises(InputError, match="holds no shards: there is no"):
        foveate.check(str(place / "shapes"), engine="local")
    with pytest.raises(InputError, match="works on the shards of one place"):
        foveate.check(str(place / "shards"), test=str(place / "shapes"), engine="local")
    with pytest.raises(InputError, match="belong to an engine"):
        foveate.check(str(place / "shards"), workers=2)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--engine local", "expected one folder or address of shards, and --out"),
        ("--workers 2", "--workers: expected --engine as well"),
        ("--format jsonl", "--format: expected --engine as well"),
        ("--out there", "pictures of shards are not drawn on"),
        ("--engine local --out there --coco boxes.json", "--coco: of no effect with --engine"),
        ("--engine local --out there --csv --video", "--csv, --video: of no effect with --engine"),
    ],
)
def test_flags(place, monkeypatch, capsys, line, said):
    monkeypatch.chdir(place)
    with pytest.raises(SystemExit) as left:
        main(["predict", "pixelwise", "shards", *line.split()])
    assert left.value.code == 2 and said in capsys.readouterr().err


def test_the_commands(place, monkeypatch, capsys, tmp_path, alone):
    """Shards are predicted like any folder, and by an engine; unreadable pictures leave with 1."""
    monkeypatch.chdir(place)
    said = {}
    for name, line in {
        "shard": f"shard shapes {tmp_path / 's'} --shard-mb 0.01",
        "plain": f"predict pixelwise {tmp_path / 's'}",
        "engine": f"predict pixelwise {tmp_path / 's'} --engine local --workers 1 --out {tmp_path / 'o'} "
        "--format jsonl",
        "check": f"check {tmp_path / 's'} --engine local --workers 1",
    }.items():
        with pytest.raises(SystemExit) as left:
            main([*line.split(), "--json"])
        said[name] = left.value.code, json.loads(capsys.readouterr().out)
    assert [code for code, _ in said.values()] == [0, 1, 1, 0]
    assert said["shard"][1]["pictures"] == {"train": 80}
    assert [one["row"] for one in said["plain"][1]["predictions"]] == [
        row for row, told in enumerate(alone) if told is not None
    ]
    assert said["engine"][1]["pictures"] == 80 and said["engine"][1]["unreadable"] == 1
    assert_same(rows_in(tmp_path / "o"), alone)
