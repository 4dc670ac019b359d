"""What is missing, of many shards, in little memory; and the programs of docs/clusters.md."""

import re
import sys

import numpy as np
import pytest

import foveate
from documents import ROOT, blocks
from foveate.dataset.shards.index import ENTRY, Shard, ShardIndex, entries, read_index
from foveate.jobs.kinds import Scan, object_name
from foveate.jobs.plan import planned
from foveate.stores import open_store
from foveate.tasks.classification.task import Classification


@pytest.fixture(scope="module")
def many():
    """The index of 2,000 shards."""
    made = (
        Shard("train" if n < 1500 else "test", n % 1500, n % 7, n, f"{n:032x}", f'"{n}"') for n in range(2000)
    )
    return ShardIndex("many", Classification(("a", "b")), entries(made))


class Named:
    """A place where objects of these names lie."""

    def __init__(self, names):
        self.names = lambda: iter(names)


def test_what_is_missing_is_planned_and_nothing_else(many):
    there = {row for row in range(2000) if row % 3}
    names = [object_name(Scan(), many[row]) for row in there]
    names += [object_name(Scan(), many[0]._replace(hash="ff" * 16)), "train-000000.old.scan.npz", "notes.txt"]
    names.append("caf\udce9.txt")  # a file's name that is no text
    plan = planned(many, Scan(), Named(names))
    assert plan.rows.tolist() == [row for row in range(2000) if row not in there]
    assert plan.done == len(there) and plan.pictures == sum(row % 7 for row in plan.rows.tolist())
    assert list(plan.names())[:2] == ["train-000000", "train-000003"]
    assert planned(many, Scan(), None).rows.tolist() == list(range(2000))


def test_an_index_is_written_and_read(many, tmp_path):
    store = open_store(tmp_path)
    for name, data in many.to_files().items():
        store.write(name, data)
    again = read_index(store)
    np.testing.assert_array_equal(again.entries, many.entries)
    assert (again.name, again.task, list(again)) == (many.name, many.task, list(many))
    assert again.find("test-000499") == again[1999] and again.find("train-001499") == again[1499]
    for name in ("test-000500", "train-1499", "val-000000", "train", "train-x", "-1"):
        assert again.find(name) is None
    assert again.counts == {
        "train": sum(n % 7 for n in range(1500)),
        "test": sum(n % 7 for n in range(1500, 2000)),
    }


def test_a_shard_takes_a_hundred_bytes():
    assert ENTRY.itemsize <= 100  # 10^9 pictures are 390,625 shards of 256 MB: 38 MB


def test_an_array_of_tasks_does_all_shards(place, tmp_path, monkeypatch):
    """The program that docs/clusters.md gives for SLURM, as each of three tasks runs it."""
    (text,) = [one.text for one in blocks(ROOT / "docs" / "clusters.md") if "sys.argv" in one.text]
    for name, path in (
        ("runs/photos", place / "pixelwise"),
        ("/scratch/photos-shards", place / "shards"),
        ("/scratch/answers", tmp_path),
    ):
        assert name in text
        text = re.sub(re.escape(name), str(path), text)
    for task in range(3):
        monkeypatch.setattr(sys, "argv", ["predict_part.py", str(task), "3"])
        exec(compile(text, "predict_part.py", "exec"), {})  # noqa: S102 -- our own document
    names = foveate.shards(place / "shards")
    assert sorted(path.name.partition(".")[0] for path in tmp_path.iterdir()) == names
