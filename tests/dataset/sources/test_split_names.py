"""Splits under the names that archives give them; classes that are called so stay classes."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from foveate.dataset.quality.findings import findings
from foveate.dataset.quality.scan import scan
from foveate.dataset.sources.names import suspicious_names
from foveate.dataset.sources.open import open_dataset
from foveate.dataset.sources.split_names import split_of, split_word


def make(root: Path, *folders: str, classes=("cats", "dogs"), pictures: int = 2) -> Path:
    """Pictures of noise, each another, in every class folder of the folders."""
    noise = np.random.default_rng(list("/".join(folders).encode()))
    for folder in folders:
        for name in classes:
            (root / folder / name).mkdir(parents=True)
            for i in range(pictures):
                pixels = noise.integers(0, 256, (9, 9, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(root / folder / name / f"{name}.{i}.png")
    return root


def kinds(path: Path) -> set[str]:
    dataset = open_dataset(path)
    return {
        item.kind for item in findings(dataset, {k: scan(s.images) for k, s in dataset.splits.items()}).items
    }


@pytest.mark.parametrize(
    "folders",
    [
        {"training_set": "train", "test_set": "test"},
        {"seg_train": "train", "seg_test": "test"},
        {"seg_train/seg_train": "train", "seg_test/seg_test": "test"},
        {"train2017": "train", "val2017": "val"},
        {"trainset": "train", "testset": "test"},
        {"train": "train", "dev": "val"},
        {"train": "train", "eval": "val"},
        {"train": "train", "dev": "val", "test": "test"},
        {"train": "train", "test1": "test"},
        {"Training Data": "train", "Validation Data": "val", "Testing Data": "test"},
        {"training-images": "train", "evaluation-images": "val"},
        {"train_224px": "train", "valid_224px": "val"},
        {"trainval": "train", "test": "test"},
        {"train/train": "train", "test/test": "test"},
    ],
)
def test_splits_under_other_names(tmp_path, folders):
    data = open_dataset(make(tmp_path, *folders))
    assert data.task.labels == ("cats", "dogs")
    assert {key: len(split) for key, split in data.splits.items()} == dict.fromkeys(folders.values(), 4)
    for folder, key in folders.items():
        images = data.splits[key].images
        assert {Path(images.name(i)).parent.parent.as_posix() for i in range(4)} == {folder}
    plain = set(folders) <= {"train", "val", "test", "train/train", "test/test"}
    assert plain or any("Splits by their names" in note for note in data.notes)


def test_a_test_split_may_lack_a_class_and_other_folders_stand_beside(tmp_path):
    make(tmp_path, "seg_train", classes=("a", "b", "c"))
    make(tmp_path, "seg_test", classes=("a", "c"))
    make(tmp_path, "seg_pred", classes=("x",))
    data = open_dataset(tmp_path)
    assert data.task.labels == ("a", "b", "c") and data.splits["test"].targets.labels.tolist() == [0, 0, 2, 2]
    assert any("left out: 'seg_pred'" in note for note in data.notes)


@pytest.mark.parametrize(
    ("layout", "told"),
    [
        ({"training_set": ("cats", "dogs"), "test_set": ("cats", "birds")}, {"name-like-split"}),
        ({"seg_train": ("cats", "dogs"), "seg_test": ("birds", "bees")}, {"name-like-split"}),
        ({"bullet_train": ("front", "side"), "crash_test": ("front", "side")}, {"classes-inside"}),
        ({"set A": ("cats", "dogs"), "set B": ("cats", "dogs")}, {"classes-inside"}),
        (
            {"fold1_train": ("c", "d"), "fold2_train": ("c", "d"), "fold1_test": ("c", "d")},
            {"classes-inside"},
        ),
        ({"2019": ("cats", "dogs"), "2020": ("cats", "dogs", "birds")}, set()),
        ({"bus": ("front", "side"), "train": ("front", "back")}, {"name-like-split"}),
    ],
)
def test_where_folders_are_taken_for_classes_it_is_said_what_else_they_could_be(tmp_path, layout, told):
    for folder, classes in layout.items():
        make(tmp_path, folder, classes=classes, pictures=6)
    assert open_dataset(tmp_path).task.labels == tuple(sorted(layout))
    assert told <= kinds(tmp_path)
    if not told:
        assert not kinds(tmp_path) & {"name-like-split", "classes-inside"}


def test_classes_called_as_splits_are_classes_where_pictures_lie_in_them(tmp_path):
    make(tmp_path, ".", classes=("train", "test_stand", "bus"))
    assert open_dataset(tmp_path).task.labels == ("bus", "test_stand", "train")


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train", "train"),
        ("TRAINING_SET", "train"),
        ("TrainData", "train"),
        ("val2017", "val"),
        ("Dev", "val"),
        ("test images", "test"),
        ("test-2", "test"),
        ("trainer", None),
        ("latest", None),
        ("seg_train", None),
        ("train or test", None),
        ("", None),
        ("2017", None),
    ],
)
def test_what_a_name_means_by_itself(name, split):
    assert split_of(name) == split


def test_what_else_stands_in_a_name():
    assert split_word("seg_test") == ("test", ("seg",)) and split_word("testing rig") == ("test", ("rig",))
    assert ("name-like-split", "Class 'test_set' has the name of a split: is a folder misplaced?") in (
        suspicious_names(["cats", "test_set"])
    )
    assert suspicious_names(["steam_train", "bus"]) == []
