"""Preparing a data set: sizes, channels, statistics, splits that keep copies together, a fingerprint."""

import shutil

import numpy as np
import pytest
from PIL import Image

from foveate.dataset import from_arrays, open_dataset
from foveate.dataset.look import choose_preprocessing, survey
from foveate.dataset.prepare import Preparation, channel_statistics, prepare
from foveate.dataset.samples import FileImages
from foveate.errors import InputError


def write(folder, name, size=(20, 20), mode="RGB", seed=0):
    folder.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).convert(mode).save(folder / name)


@pytest.fixture
def folder(tmp_path):
    for c, name in enumerate("ab"):
        for i in range(20):
            write(tmp_path / "data" / name, f"{i}.png", seed=100 * c + i)
    return tmp_path / "data"


@pytest.mark.parametrize(
    ("sizes", "arguments", "expected"),
    [
        ([(28, 28)] * 3, {}, (28, 28)),
        ([(30, 20)] * 3, {}, (20, 30)),  # width and height kept apart
        ([(300, 200)] * 3, {}, (64, 64)),
        ([(28, 28), (32, 32)], {}, (64, 64)),
        ([(300, 200)] * 3, {"default_size": 224}, (224, 224)),
        ([(28, 28)] * 3, {"default_size": 224}, (28, 28)),
        ([(28, 28)] * 3, {"image_size": (48, 40)}, (48, 40)),
    ],
)
def test_the_size_of_the_pictures_decides(tmp_path, sizes, arguments, expected):
    for i, size in enumerate(sizes):
        write(tmp_path, f"{i}.png", size=size)
    images = FileImages([f"{i}.png" for i in range(len(sizes))], tmp_path)
    found = choose_preprocessing(survey(images), **arguments)
    assert (found.height, found.width) == expected
    assert found.channels == 3


def test_channel_statistics_are_numpys():
    pixels = np.random.default_rng(0).integers(0, 256, (50, 7, 5, 3), dtype=np.uint8)
    mean, std = channel_statistics(pixels)
    np.testing.assert_allclose(mean, (pixels / 255).mean(axis=(0, 1, 2)), atol=5e-5)
    np.testing.assert_allclose(std, (pixels / 255).std(axis=(0, 1, 2)), atol=5e-5)


def test_blank_pictures_do_not_divide_by_zero():
    assert channel_statistics(np.zeros((3, 4, 4, 1), np.uint8)) == ((0.0,), (0.01,))


def test_a_plain_folder_is_cut_into_three_that_cover_it(folder):
    prepared = prepare(open_dataset(folder))
    names = [name for split in prepared.splits.values() for name in split.names]
    assert sorted(names) == sorted({f"{c}/{i}.png" for c in "ab" for i in range(20)})
    assert {name: len(split) for name, split in prepared.splits.items()} == {"train": 32, "val": 4, "test": 4}
    assert prepared.tested_on == "held out"
    for split in prepared.splits.values():
        for pixels, label, name in zip(split.pixels, split.targets.labels, split.names, strict=True):
            assert prepared.task.labels[label] == name[0]
            np.testing.assert_array_equal(pixels, np.asarray(Image.open(folder / name)))


def test_copies_stay_on_one_side(folder):
    for i in range(10):  # under another class-mate's name, byte by byte
        shutil.copy(folder / "a" / f"{i}.png", folder / "a" / f"copy-{i}.png")
    for seed in range(5):
        prepared = prepare(open_dataset(folder), Preparation(seed=seed, val_fraction=0.3))
        side = {name: key for key, split in prepared.splits.items() for name in split.names}
        assert all(side[f"a/{i}.png"] == side[f"a/copy-{i}.png"] for i in range(10))


def test_the_users_own_train_and_val_are_left_as_they_are(folder, tmp_path):
    root = tmp_path / "split"
    shutil.copytree(folder, root / "train")
    for c in "ab":
        for i in range(5):
            write(root / "val" / c, f"{i}.png", seed=900 + i + 50 * (c == "b"))
    prepared = prepare(open_dataset(root))
    assert {name: len(split) for name, split in prepared.splits.items()} == {"train": 40, "val": 10}
    asked = Preparation(test_fraction=0.2)
    measured = prepare(open_dataset(root), asked)  # it is taken from the training ones
    assert {name: len(split) for name, split in measured.splits.items()} == {
        "train": 32,
        "val": 10,
        "test": 8,
    }
    assert measured.tested_on == "held out"
    with pytest.raises(InputError, match=r"val_fraction=0.2 .* brings 10 pictures for that itself \(val\)"):
        prepare(open_dataset(root), Preparation(val_fraction=0.2))
    assert prepare(open_dataset(root), Preparation(val_fraction=0.0)).fingerprint == prepared.fingerprint


def test_a_fraction_for_test_pictures_that_are_there_is_refused(folder, tmp_path):
    root = tmp_path / "split"
    shutil.copytree(folder, root / "train")
    shutil.copytree(folder, root / "test")
    with pytest.raises(InputError, match=r"test_fraction=0\.5 would hold out training pictures"):
        prepare(open_dataset(root), Preparation(test_fraction=0.5))


def test_a_given_test_split_is_kept_and_only_validation_is_held_out(folder, tmp_path):
    root = tmp_path / "split"
    shutil.copytree(folder, root / "train")
    for c in "ab":
        write(root / "test" / c, "0.png", seed=900 + (c == "b"))
    prepared = prepare(open_dataset(root))
    assert {name: len(split) for name, split in prepared.splits.items()} == {"train": 36, "test": 2, "val": 4}
    assert prepared.tested_on == "given"


def test_one_colour_picture_among_grey_ones_brings_colour_back(tmp_path):
    for c in "ab":
        for i in range(300):
            write(tmp_path / c, f"{i:03}.png", mode="L", size=(8, 8), seed=i + 1000 * (c == "b"))
    assert prepare(open_dataset(tmp_path)).preprocessing.channels == 1
    write(
        tmp_path / "a", "zz.png", size=(8, 8), seed=5000
    )  # the look at 200 evenly spaced pictures may miss it
    assert prepare(open_dataset(tmp_path)).preprocessing.channels == 3


def test_the_fingerprint_changes_with_content_labels_and_split_and_with_nothing_else(folder, tmp_path):
    first = prepare(open_dataset(folder)).fingerprint
    assert prepare(open_dataset(folder)).fingerprint == first
    assert prepare(open_dataset(folder), Preparation(seed=1)).fingerprint != first
    moved = tmp_path / "elsewhere"
    shutil.copytree(folder, moved)
    assert prepare(open_dataset(moved)).fingerprint == first
    write(moved / "a", "0.png", seed=777)
    assert prepare(open_dataset(moved)).fingerprint != first
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3), dtype=np.uint8)
    labels = np.arange(40) % 2
    one = prepare(from_arrays(images, labels)).fingerprint
    labels[0] = 1
    assert prepare(from_arrays(images, labels)).fingerprint != one


def test_a_large_set_holds_out_no_more_than_it_needs():
    images = np.random.default_rng(0).integers(0, 256, (40_000, 8, 8, 1), dtype=np.uint8)
    prepared = prepare(from_arrays(images, np.arange(40_000) % 2))
    assert {name: len(split) for name, split in prepared.splits.items()} == {
        "train": 34_000,
        "val": 3_000,
        "test": 3_000,
    }
