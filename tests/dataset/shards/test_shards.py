"""What was written as shards reads back as the same data set, for every task."""

import hashlib
import io
import json
import os
import tarfile
import zlib

import numpy as np
import pytest

from every_task import MADE, SMALL, class_folder, labels, numbers
from foveate.dataset import DataSet, from_arrays, open_dataset
from foveate.dataset.prepare import prepare
from foveate.dataset.samples import FileImages
from foveate.dataset.shards.index import read_index
from foveate.dataset.shards.pictures import TarParts
from foveate.dataset.shards.read import read_shard, rows_of
from foveate.dataset.shards.rows import parsed
from foveate.dataset.shards.write import write_shards
from foveate.errors import ChangedObjectError, DatasetError, InputError, UnreadableImageError
from foveate.stores import open_store
from foveate.tasks.detection.task import boxes_of
from foveate.tasks.segmentation.masks import look
from foveate.tasks.segmentation.task import masks_of


@pytest.mark.parametrize("kind", MADE)
def test_a_data_set_reads_back_equal(tmp_path, kind):
    data = MADE[kind](tmp_path / "data")
    write_shards(data, open_store(tmp_path / "shards"), shard_bytes=SMALL)
    again = open_dataset(tmp_path / "shards")
    assert_equal(again, data)
    if kind == "boxes":
        for own, found in zip(both(data), both(again), strict=True):
            assert (own.size, own.flaws, own.naming) == (found.size, found.flaws, found.naming)
            for name in ("boxes", "labels", "crowd", "areas"):
                np.testing.assert_array_equal(getattr(found, name), getattr(own, name))
    if kind == "masks":
        for own, found in zip(all_masks(data), all_masks(again), strict=True):
            assert own.name == found.name and own.labelling.classes == found.labelling.classes
            assert looked_at(own) == looked_at(found)


def both(data):
    return [one for split in data.splits.values() for one in boxes_of(split.targets).pictures]


def all_masks(data):
    return [mask for split in data.splits.values() for mask in masks_of(split.targets).masks]


def looked_at(mask):
    try:
        found = look(mask)
    except UnreadableImageError as error:
        return error.reason
    return found.pixels.tolist(), found.oddities


def assert_equal(found: DataSet, data: DataSet) -> None:
    assert found.task == data.task and list(found.splits) == list(data.splits) and found.notes == data.notes
    for key, split in data.splits.items():
        again = found.splits[key]
        assert len(again) == len(split) > 0
        for row in range(len(split)):
            assert again.images.name(row) == split.images.name(row)
            if isinstance(split.images, FileImages):
                assert again.images.data(row) == split.images.data(row)
        assert again.targets.keys.tolist() == split.targets.keys.tolist()
        assert data.task.counts(again.targets).tolist() == data.task.counts(split.targets).tolist()
        assert {name: array.tolist() for name, array in again.targets.arrays.items()} == {
            name: array.tolist() for name, array in split.targets.arrays.items()
        }


def test_training_is_given_the_same(tmp_path):
    """The fingerprint of what is prepared covers every pixel, answer and side."""
    data = class_folder(tmp_path / "data")
    write_shards(data, open_store(tmp_path / "shards"), shard_bytes=SMALL)
    own, again = prepare(data), prepare(open_dataset(tmp_path / "shards"))
    assert own.fingerprint == again.fingerprint
    for key, split in own.splits.items():
        np.testing.assert_array_equal(again.splits[key].pixels, split.pixels)
        assert again.splits[key].names == split.names
    assert [remark for remark in again.remarks if "broken.jpg" in remark]


def test_arrays_become_pictures_of_the_same_pixels(tmp_path):
    rng = np.random.default_rng(1)
    grey = rng.integers(0, 255, (10, 9, 8), np.uint8)
    colour = rng.integers(0, 255, (4, 9, 8, 3), np.uint8)
    for name, pictures in (("grey", grey), ("colour", colour)):
        data = from_arrays(pictures, np.arange(len(pictures)) % 2)
        write_shards(data, open_store(tmp_path / name))
        own, again = data.splits["train"].images, open_dataset(tmp_path / name).splits["train"].images
        for row in range(len(own)):
            assert again.name(row) == own.name(row)
            np.testing.assert_array_equal(again.read(row), own.read(row))


def test_the_same_data_give_the_same_bytes(tmp_path):
    data = class_folder(tmp_path / "data")
    for name in ("a", "b"):
        write_shards(data, open_store(tmp_path / name), shard_bytes=SMALL)
        os.utime(next((tmp_path / "data").rglob("*.png")))
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert files == sorted(path.name for path in (tmp_path / "b").iterdir())
    assert all((tmp_path / "a" / n).read_bytes() == (tmp_path / "b" / n).read_bytes() for n in files)


def test_any_tar_reader_finds_webdataset_samples(tmp_path):
    """Members of one key stand together: KEY.png, KEY.json; the index tells where each lies."""
    data = class_folder(tmp_path / "data")
    store = open_store(tmp_path / "shards")
    index = write_shards(data, store, shard_bytes=SMALL)
    assert len(index) > 1 and all(shard.size <= SMALL + 10_240 for shard in index)  # tar fills up its end
    keys = []
    for shard in index:
        raw = store.read(shard.stem + ".tar")
        assert hashlib.blake2b(raw, digest_size=16).hexdigest() == shard.hash and len(raw) == shard.size
        with tarfile.open(fileobj=io.BytesIO(raw)) as tar:
            members = tar.getmembers()
        assert all(m.mtime == m.uid == m.gid == 0 and m.mode == 0o444 for m in members)
        names = [member.name.split(".", 1) for member in members]
        assert [key for key, _ in names[::2]] == [key for key, _ in names[1::2]]
        keys += [key for key, _ in names[::2]]
        for row, picture, document in zip(rows_of(store, shard), members[::2], members[1::2], strict=True):
            start, length, check = row.parts[""]
            assert (start, length) == (picture.offset_data, picture.size)
            assert zlib.crc32(raw[start : start + length]) == check
            told = json.loads(raw[document.offset_data : document.offset_data + document.size])
            assert told["label"] == row.answer["label"].encode("utf-8", "replace").decode()
    assert sorted(keys) == [f"{number:09d}" for number in range(25)]
    first = [row.number for row in rows_of(store, index[0])]
    assert first != sorted(first)  # classes are mixed


def test_one_shard_alone(tmp_path):
    data, store = labels(tmp_path / "data"), open_store(tmp_path / "shards")
    index = write_shards(data, store, shard_bytes=5_000)
    seen = []
    for shard in index:
        split = read_shard(store, index, shard)
        seen += [
            (split.images.name(row), *data.task.cells(split.targets.take([row]))) for row in range(len(split))
        ]
    own = data.splits["train"]
    assert sorted(seen) == sorted(
        zip(map(own.images.name, range(9)), data.task.cells(own.targets), strict=True)
    )


def test_what_is_damaged_is_one_sentence(tmp_path):
    data, place = numbers(tmp_path / "data"), tmp_path / "shards"
    write_shards(data, open_store(place), shard_bytes=5_000)
    with pytest.raises(InputError, match="holds shards already; give another place"):
        write_shards(data, open_store(place))
    head = place / "foveate-shards.json"
    table = place / "shards.csv"
    for path, old, new, said in (
        (head, b'"age"', b'"agf"', "is damaged"),
        (head, b'"version": 1', b'"version": 2', "is damaged"),
        (table, b"train-000001", b"train-000002", "is damaged"),
        (place / "train-000000.jsonl", b'"name"', b'"nome"', "train-000000.jsonl is damaged"),
        (place / "train-000000.jsonl", b"[512,", b"[1e999,", "train-000000.jsonl is damaged"),
        (place / "train-000000.jsonl", b'"age"', b'"agf"', "an answer in its shards is damaged"),
    ):
        whole = path.read_bytes()
        assert old in whole
        path.write_bytes(whole.replace(old, new, 1))
        with pytest.raises(DatasetError, match=said):
            open_dataset(place)
        path.write_bytes(whole)
    head.unlink()
    with pytest.raises(DatasetError, match="holds no shards"):
        read_index(open_store(place))


def test_a_row_of_other_kinds_of_values_is_one_sentence():
    for parts in ("[]", '{"": 7}', "null"):
        with pytest.raises(DatasetError, match="x is damaged"):
            parsed(f'{{"row": 0, "name": "a", "parts": {parts}, "answer": {{}}}}\n'.encode(), "x", 1)


def test_a_flipped_bit_is_told_and_no_picture_is_made_of_it(tmp_path):
    data, place = numbers(tmp_path / "data"), tmp_path / "shards"
    write_shards(data, open_store(place))
    again = open_dataset(place)
    images = again.splits["train"].images
    start, length, _ = images.places[4].row.parts[""]
    tar = place / "train-000000.tar"
    raw = bytearray(tar.read_bytes())
    raw[start + length // 2] ^= 4
    tar.write_bytes(raw)
    assert images.data(3) == data.splits["train"].images.data(3)
    with pytest.raises(ChangedObjectError, match=r"train-000000\.tar changed .* not those that were written"):
        images.data(4)


def test_from_an_object_store(tmp_path, objects):
    """The index and the rows are read at once; pictures by ranges, each block of neighbours once."""
    data = class_folder(tmp_path / "data")
    write_shards(data, open_store("s3://bucket/photos"), shard_bytes=SMALL)
    assert [key for key in objects.kept if not key.startswith("bucket/photos/")] == []
    objects.asked.clear()
    again = open_dataset("s3://bucket/photos")
    index = read_index(open_store("s3://bucket/photos"))
    assert len(objects.asked) == 2 + len(index) + 2 and all(method == "GET" for method, _, _ in objects.asked)
    assert_equal(again, data)
    objects.asked.clear()
    own = prepare(data)
    assert prepare(open_dataset("s3://bucket/photos")).fingerprint == own.fingerprint
    tars = [key for _, key, _ in objects.asked if key.endswith(".tar")]
    assert len(tars) <= 4 * len(index)  # in the order in which they lie: blocks, not pictures


def test_an_object_that_changes_under_a_run_ends_it(tmp_path, objects):
    data = class_folder(tmp_path / "data")
    write_shards(data, open_store("s3://bucket/photos"), shard_bytes=SMALL)
    again = open_dataset("s3://bucket/photos")
    key = "bucket/photos/train-000001.tar"
    objects.kept[key] = objects.kept[key][::-1]
    with pytest.raises(ChangedObjectError, match=r"s3://bucket/photos/train-000001\.tar changed"):
        prepare(again)


def test_blocks_are_read_only_where_neighbours_are_wanted(tmp_path):
    class Counting:
        far, place = True, "x"

        def __init__(self, data):
            self.data, self.asked = data, []

        def read_range(self, name, start, end, tag=""):
            self.asked.append((start, end))
            return self.data[start:end]

    from foveate.dataset.shards.index import Shard

    raw = bytes(range(256)) * 40  # 10,240 bytes
    part = lambda start: (start, 100, zlib.crc32(raw[start : start + 100]))  # noqa: E731
    store = Counting(raw)
    parts = TarParts(store, [Shard("train", 0, 1, len(raw), "")], block=1024)
    for start in (0, 5120, 9216):  # far from each other
        assert parts.read(0, part(start)) == raw[start : start + 100]
    assert store.asked == [(0, 100), (5120, 5220), (9216, 9316)]
    store.asked.clear()
    for start in range(0, 1000, 100):
        parts.read(0, part(start))
    parts.read(0, part(1000))  # across the edge of a block
    assert store.asked == [(0, 1024), (1000, 1100)]


@pytest.mark.parametrize("place", [(512, 1 << 50), (-512, 100), (512, -1)])
def test_a_place_outside_the_shard_is_told_before_anything_is_read(tmp_path, place):
    write_shards(numbers(tmp_path / "data"), open_store(tmp_path / "shards"))
    parts = open_dataset(tmp_path / "shards").splits["train"].images.parts
    with pytest.raises(ChangedObjectError, match=r"train-000000\.tar changed"):
        parts.read(0, (*place, 0))


def test_what_masks_leave_out_is_said_when_shards_are_written(tmp_path):
    write_shards(MADE["masks"](tmp_path / "data"), open_store(tmp_path / "shards"), shard_bytes=SMALL)
    with pytest.raises(DatasetError, match="was said when they were written"):
        open_dataset(tmp_path / "shards", ignore="sky")
