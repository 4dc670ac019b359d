"""Training pictures that are not held in memory: the same ones, held out apart, in bounded memory."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from every_task import MADE, SMALL
from foveate.batches.augment import Augmentation
from foveate.batches.loader import Normaliser, Part, Pixels
from foveate.batches.streamed import StreamedBatches
from foveate.dataset.prepare import Preparation, prepare
from foveate.dataset.shards.index import read_index
from foveate.dataset.shards.once import Once
from foveate.dataset.shards.order import Places
from foveate.dataset.shards.read import read_shards
from foveate.dataset.shards.rows import Row, RowFile, written
from foveate.dataset.shards.stream import StreamReader, is_large, streamed
from foveate.dataset.shards.write import write_shards
from foveate.dataset.sources.shards import open_streamed
from foveate.errors import DatasetError, InputError
from foveate.stores import open_store
from objects import ENVIRONMENT, served
from uneven import write_uneven

SIZES = {"train": (1, 0, 997, 30, 200), "test": (12,)}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return write_uneven(tmp_path_factory.mktemp("uneven"), SIZES)


def opened(store, **shares):
    return streamed(store, read_index(store), shares, seed=3)


def all_of(stream):
    counts = enumerate(stream.pictures.tolist())
    return {(shard, row) for shard, count in counts for row in range(count)}


def pairs(places):
    return list(zip(places.shards.tolist(), places.rows.tolist(), strict=True))


def test_what_is_held_out_is_never_learnt_from(store):
    data = opened(store, val=0.1)
    stream, whole = data.stream, read_shards(store)
    names = {key: [split.images.name(i) for i in range(len(split))] for key, split in data.splits.items()}
    assert (len(names["val"]), len(stream)) == (123, 1228 - 123)
    assert data.splits.keys() == {"train", "val", "test"} and len(names["test"]) == 12  # its own
    reader = StreamReader(stream, prepare(data).preprocessing)
    streamed_names = [
        reader.split(Places(*map(np.array, zip(one, strict=True)))).images.name(0) for one in all_of(stream)
    ]
    assert len(set(streamed_names)) == len(stream)
    assert not set(streamed_names) & {*names["val"]}
    assert {*streamed_names, *names["val"]} == {whole.splits["train"].images.name(i) for i in range(1228)}
    assert {*names["train"]} <= {*streamed_names}
    rest = stream.without_sample(np.arange(3))
    assert len(rest.good.rows) == 3
    assert not all_of(rest) & set(pairs(stream.sample)) and all_of(rest) < all_of(stream)


@pytest.fixture(scope="module")
def prepared(store):
    return prepare(opened(store, val=0.1))


def batches(prepared, part=None, **settings):
    split, shape = prepared.splits["train"], prepared.preprocessing
    reader = StreamReader(prepared.stream, shape)
    pixels = Pixels(split.pixels, split.targets)
    usual = {"batch_size": 48, "seed": 5, "part": part or Part()}
    return StreamedBatches(reader, pixels, Normaliser(shape), **(usual | settings))


def test_batches_hold_the_pictures_that_were_written_each_once_an_epoch(store, prepared):
    """By their pixels and answers, held to the data set as it is read into memory."""
    found = batches(prepared)
    whole = read_shards(store).splits["train"]
    normalise = Normaliser(prepared.preprocessing)
    known = {}
    for row in range(len(whole)):
        taken = whole.images.take_for(prepared.preprocessing, row).pixels
        known[taken.tobytes()] = int(whole.targets.arrays["labels"][row])
    seen = []
    for batch in found.epoch(0):
        back = ((batch.images - normalise.shift) / normalise.scale).round().byte()
        for picture, label in zip(back.permute(0, 2, 3, 1), batch.targets["labels"], strict=True):
            key = picture.contiguous().numpy().tobytes()
            assert known[key] == label
            seen.append(key)
    assert len(seen) == found.count == len(set(seen)) == len(prepared.stream)


@pytest.mark.parametrize("kind", MADE)
def test_every_kind_of_answer_comes_as_it_does_in_memory(tmp_path, kind):
    """Held to what `prepare` makes of all of them at once, picture by picture, but for the padding."""
    store = open_store(tmp_path / "shards")
    write_shards(MADE[kind](tmp_path / "data"), store, shard_bytes=SMALL)
    how = Preparation(val_fraction=0.0, test_fraction=0.0, max_unreadable_fraction=1.0)
    whole = prepare(read_shards(store), how).splits["train"]
    prepared = prepare(opened(store), how)
    reader, good = StreamReader(prepared.stream, prepared.preprocessing), prepared.stream.good
    pixels, targets = reader.read(good)
    names = [reader.split(good).images.name(i) for i in range(len(good.rows))]
    assert sorted(names) == sorted(whole.names)
    rows = [whole.names.index(name) for name in names]
    np.testing.assert_array_equal(pixels, whole.pixels[rows])
    for name, values in whole.targets.arrays.items():
        own = targets.arrays[name]
        kept = values[rows][tuple(slice(size) for size in own.shape)]
        np.testing.assert_array_equal(own, kept)


@pytest.mark.parametrize("parts", [2, 3])
def test_any_number_of_processes_takes_the_same_batches(prepared, parts):
    augmented = {"augmentation": Augmentation(flip="alternating", shift_px=1, brightness_fraction=0.1)}
    alone = batches(prepared, **augmented).epoch(1, start=20)
    shared = [batches(prepared, Part(n, parts), **augmented).epoch(1, start=20) for n in range(parts)]
    for whole, *own in zip(alone, *shared, strict=True):
        assert sum(len(one.images) for one in own) == len(whole.images)
        for name in ("images", "geometry"):
            together = np.concatenate([getattr(one, name).numpy() for one in own])
            np.testing.assert_allclose(together, getattr(whole, name).numpy(), atol=1e-6)


def test_a_class_that_the_sample_lacks_is_not_said_to_be_missing(tmp_path):
    store = write_uneven(tmp_path / "shards", {"train": (2, 40, 60)})
    index = read_index(store)
    data = streamed(store, index, {}, seed=3)
    of_one = np.flatnonzero(data.splits["train"].targets.arrays["labels"] == 0)[1:]
    kept = np.setdiff1d(np.arange(len(data.splits["train"])), of_one)
    few = replace(data, splits={"train": data.splits["train"].select(kept)})
    assert not [remark for remark in prepare(few).remarks if "only one picture" in remark]
    without = prepare(replace(few, stream=None), Preparation(val_fraction=0.0, test_fraction=0.0))
    assert [remark for remark in without.remarks if "only one picture" in remark]


def test_broken_pictures_are_replaced_alike_by_all_and_too_many_are_told_of(tmp_path, monkeypatch):
    store = write_uneven(tmp_path / "shards", {"train": (40, 60)})
    prepared = prepare(opened(store))
    real = StreamReader._pixels

    def some_broken(self, split):
        pixels, reasons = real(self, split)
        for i in range(len(split)):
            if split.images.name(i) in broken:
                reasons[i] = "it is broken"
        return pixels, reasons

    monkeypatch.setattr(StreamReader, "_pixels", some_broken)
    broken = {"train[7]", "train[52]"}
    first, second = (
        np.concatenate([batch.images.numpy() for batch in batches(prepared, batch_size=size).epoch(0)])
        for size in (16, 16)
    )
    np.testing.assert_array_equal(first, second)
    found = batches(prepared)
    assert sum(len(batch.images) for batch in found.epoch(0)) == 100
    assert sorted(found.reader.broken.values()) == ["train[52]: it is broken", "train[7]: it is broken"]
    broken |= {f"train[{n}]" for n in range(20, 30)}
    with pytest.raises(DatasetError, match=r"Of 100 training pictures \d+ so far cannot be used"):
        list(batches(prepared).epoch(0))


def test_of_a_store_far_away_an_epoch_takes_a_few_large_reads(monkeypatch):
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with served() as objects:
        monkeypatch.setenv("AWS_ENDPOINT_URL", objects.endpoint)
        store = write_uneven("s3://bucket/stripes", {"train": (300, 400, 200)})
        prepared = prepare(opened(store))
        objects.asked.clear()
        assert sum(len(batch.images) for batch in batches(prepared).epoch(0)) == 900
        tars = [one for one in objects.asked if one[1].endswith(".tar")]
        rows = [one for one in objects.asked if one[1].endswith(".jsonl")]
        assert len(rows) == 3  # each shard's own index once
        assert len(tars) < 90  # 900 pictures of a kilobyte in a megabyte


def test_a_thing_is_made_once_for_all_who_ask_and_the_oldest_go():
    once, made, gate = Once(10, len), [], threading.Event()

    def make():
        gate.wait(5)
        made.append(1)
        return "abcd"

    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(once.get, "a", make) for _ in range(8)]
        gate.set()
        assert {one.result() for one in asked} == {"abcd"} and len(made) == 1
    once.get("b", lambda: "12345")
    once.get("a", lambda: pytest.fail("it is there"))
    once.get("c", lambda: "xy")  # 11 together: b is the oldest
    once.get("a", lambda: pytest.fail("it is there"))
    assert once.get("b", lambda: "again") == "again"
    with pytest.raises(DatasetError):
        once.get("d", lambda: (_ for _ in ()).throw(DatasetError("no")))
    assert once.get("d", lambda: "now") == "now"


def test_rows_are_parsed_one_by_one():
    rows = [Row(n, f"\udcff{n}", {"": (512, n, 7)}, {"label": "a"}) for n in range(3)]
    file = RowFile(written(rows), "here", 3)
    assert [file[n] for n in range(3)] == rows
    with pytest.raises(DatasetError, match="expected 4 pictures, found 3"):
        RowFile(written(rows), "here", 4)
    with pytest.raises(DatasetError, match="expected 3 pictures, found 2"):
        RowFile(written(rows)[:-1], "here", 3)


def test_shards_are_streamed_when_they_are_many_or_when_it_is_said(store, tmp_path, monkeypatch):
    place, none = store.place, {"val": None, "test": None}
    assert not is_large(read_index(store))
    assert open_streamed(place, "auto", none, seed=0) is None
    assert open_streamed(place, "never", none, seed=0) is None
    assert open_streamed(place, "always", none, seed=0).stream is not None
    monkeypatch.setattr("foveate.dataset.shards.stream.FROM_PICTURES", 1000)
    assert open_streamed(place, "auto", none, seed=0).stream is not None
    with pytest.raises(InputError, match="is for shards"):
        open_streamed(tmp_path, "always", none, seed=0)
    with pytest.raises(InputError, match="brings 12 pictures for that itself"):
        open_streamed(place, "always", {"val": None, "test": 0.1}, seed=0)
