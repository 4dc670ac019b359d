"""Data sets made wrong on purpose: each fault is found, named and graded; a clean set gives silence."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from foveate.dataset.quality.findings import Findings, enforce, findings, refusals
from foveate.dataset.quality.scan import scan
from foveate.dataset.samples import ArrayImages, DataSet, Split
from foveate.dataset.sources.names import looks_like_placeholder, suspicious_names
from foveate.dataset.sources.open import open_dataset
from foveate.errors import DatasetError
from foveate.tasks.classification.targets import ClassTargets
from foveate.tasks.classification.task import Classification

CLASSES = ("ants", "bees")


def photograph(seed: int) -> Image.Image:
    noise = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((40, 30), Image.Resampling.BICUBIC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """train/ with 12 pictures a class, test/ with 10: nothing wrong."""
    seed = 0
    for split, count in (("train", 12), ("test", 10)):
        for name in CLASSES:
            (tmp_path / split / name).mkdir(parents=True)
            for i in range(count):
                photograph(seed := seed + 1).save(tmp_path / split / name / f"{i:02}.png")
    return tmp_path


def look(path: Path) -> Findings:
    dataset = open_dataset(path)
    return findings(dataset, {key: scan(split.images) for key, split in dataset.splits.items()})


def only(found: Findings, kind: str):
    (item,) = [item for item in found.items if item.kind == kind]
    return item


def names_of(item) -> list[list[str]]:
    return [[place.name for place in group] for group in item.groups]


def test_a_clean_set_gives_silence(folder):
    found = look(folder)
    assert found.items == ()
    assert found.splits["train"].per_class == (12, 12)
    assert found.splits["train"].sizes == {"smallest": (40, 30), "median": (40, 30), "largest": (40, 30)}
    assert found.splits["test"].formats == {"PNG": 20}
    enforce(found)


def test_unreadable_files_are_named_and_refused_beyond_a_share(folder):
    for i in range(3):
        (folder / f"train/ants/broken{i}.jpg").write_bytes(b"")
    found = look(folder)
    item = only(found, "unreadable")
    assert item.severity == "warning"
    assert item.message.startswith("3 pictures cannot be read")
    assert "'train/ants/broken0.jpg' (the file is empty)" in item.message
    assert [place.remark for group in item.groups for place in group] == ["the file is empty"] * 3
    with pytest.raises(DatasetError, match=r"3 of 47 pictures cannot be read, 6.4%; at most 5.0% .*broken0"):
        enforce(found)
    enforce(found, max_unreadable_fraction=0.1)


def test_exactly_the_allowed_share_passes(folder):
    (folder / "train/ants/00.png").write_bytes(b"")
    enforce(look(folder), max_unreadable_fraction=1 / 44)
    with pytest.raises(DatasetError):
        enforce(look(folder), max_unreadable_fraction=0.99 / 44)


def test_a_class_that_lost_all_pictures_is_refused(folder):
    for path in (folder / "train/bees").iterdir():
        path.write_bytes(b"not a picture")
    refused = {item.kind for item in refusals(look(folder), max_unreadable_fraction=1)}
    assert refused == {"class-lost", "too-few-classes"}
    with pytest.raises(DatasetError, match=r"two classes with pictures in train; found 'ants' alone.*1 more"):
        enforce(look(folder), max_unreadable_fraction=1)


def test_copies_within_a_split_are_a_note_and_one_group(folder):
    shutil.copy(folder / "train/ants/00.png", folder / "train/ants/copy.png")
    found = look(folder)
    item = only(found, "exact-duplicates")
    assert item.severity == "note"
    assert names_of(item) == [["train/ants/00.png", "train/ants/copy.png"]]
    group = found.groups["train"]
    assert group[0] == group[12]
    assert len(set(group.tolist())) == 24


def test_copies_across_splits_are_a_leak(folder):
    shutil.copy(folder / "train/ants/03.png", folder / "test/ants/again.png")
    shutil.copy(folder / "train/ants/03.png", folder / "test/ants/and again.png")
    item = only(look(folder), "exact-leak")
    assert item.severity == "warning"
    assert item.message.startswith("2 of 22 pictures in test have an exact copy in an earlier split")
    assert len(item.groups[0]) == 3


def test_a_picture_saved_again_smaller_is_a_near_leak(folder):
    again = photograph(4).resize((20, 15), Image.Resampling.BICUBIC)
    again.save(folder / "test/ants/again.jpg", quality=80)
    found = look(folder)
    assert names_of(only(found, "near-leak")) == [["train/ants/03.png", "test/ants/again.jpg"]]
    assert [item.kind for item in found.items] == ["near-leak"]
    assert found.groups["train"][3] == found.groups["test"][10]


def test_one_picture_under_two_labels_is_a_contradiction_said_once(folder):
    shutil.copy(folder / "train/ants/00.png", folder / "train/bees/copy.png")
    photograph(1).save(folder / "train/bees/again.jpg", quality=90)  # a near copy of both
    kinds = [item.kind for item in look(folder).items]
    assert kinds.count("exact-contradiction") == 1
    assert "near-contradiction" not in kinds


def test_a_near_copy_under_another_label_is_a_contradiction_too(folder):
    photograph(1).save(folder / "train/bees/again.jpg", quality=90)
    assert only(look(folder), "near-contradiction").message.startswith("Nearly the same picture")


def test_an_unreadable_file_is_nobodys_copy(folder):
    for name in ("x.jpg", "y.jpg"):
        (folder / "train/ants" / name).write_bytes(b"same")
    assert {item.kind for item in look(folder).items} == {"unreadable"}


def arrays(counts: dict[str, list[int]], classes: tuple[str, ...]) -> Findings:
    rng = np.random.default_rng(0)
    splits = {}
    for key, per_class in counts.items():
        labels = np.repeat(np.arange(len(per_class)), per_class)
        pictures = rng.integers(0, 256, (len(labels), 8, 8, 1), dtype=np.uint8)
        splits[key] = Split(ArrayImages(pictures, key), ClassTargets(labels))
    dataset = DataSet("made", Classification(classes), splits)
    return findings(dataset, {key: scan(split.images) for key, split in splits.items()})


def test_small_and_absent_classes_are_graded():
    found = arrays({"train": [30, 9, 1, 0], "val": [5, 0, 0, 0]}, ("many", "few", "single", "none"))
    assert only(found, "class-empty").message == "There is no picture of 'none' in train."
    assert "one picture of 'single'" in only(found, "class-single").message
    assert "fewer than 10 pictures of 'few'" in only(found, "class-few").message
    assert only(found, "class-missing-in-split").message.startswith(
        "There is no picture of 'few', 'single' in val"
    )
    assert "30 times as many pictures of 'many' (30) as of 'single' (1)" in only(found, "imbalance").message
    assert {item.severity for item in found.items} == {"warning"}


@pytest.mark.parametrize(("counts", "found"), [([5, 0], "'a' alone"), ([0, 0], "none")])
def test_fewer_than_two_classes_are_refused(counts, found):
    with pytest.raises(DatasetError, match=f"needs two classes with pictures; found {found}"):
        enforce(arrays({"train": counts}, ("a", "b")))


def test_ten_thousand_classes_are_no_trouble():
    found = arrays({"train": [2] * 10_000}, tuple(f"class {c}" for c in range(10_000)))
    assert "'class 4' and 9995 more" in only(found, "class-few").message


def test_tiny_and_narrow_pictures(folder):
    photograph(100).resize((40, 5)).save(folder / "train/ants/strip.png")
    found = look(folder)
    assert only(found, "tiny").groups[0][0].remark == "40 x 5"
    assert names_of(only(found, "narrow")) == [["train/ants/strip.png"]]


def test_a_format_that_gives_the_class_away_is_a_shortcut(folder):
    for path in (folder / "train/bees").iterdir():
        Image.open(path).save(path.with_suffix(".jpg"), quality=95)
        path.unlink()
    for path in (folder / "train/ants").iterdir():
        Image.open(path).convert("L").save(path)
    said = [item.message for item in look(folder).items if item.kind == "shortcut"]
    assert len(said) == 4
    assert said[0].startswith("Nearly all pictures of 'bees' are stored as JPEG")
    assert any(message.startswith("Nearly all pictures of 'ants' are grey") for message in said)


def test_a_placeholder_is_pointed_out(folder):
    photograph(99).save(folder / "train/ants/imageNotFound.png")
    assert names_of(only(look(folder), "placeholder")) == [["train/ants/imageNotFound.png"]]


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("ants/imageNotFound.gif", True),
        ("photo_not_available.jpg", True),
        ("no-image.png", True),
        ("placeholder.png", True),
        ("removed.jpg", True),
        ("missing_tooth_17.jpg", False),
        ("lost and not found.jpg", False),
        ("IMG_0001.jpg", False),
    ],
)
def test_names_of_placeholders(name, verdict):
    assert looks_like_placeholder(name) is verdict


def test_suspicious_class_names():
    kinds = {kind for kind, _ in suspicious_names(["Cat", "cat", "dog"])}
    assert kinds == {"name-twins"}
    assert suspicious_names(["t-shirt", "t shirt"])[0][0] == "name-twins"
    ((kind, sentence),) = suspicious_names(["caf\u00e9", "cafe\u0301"])  # which look the same
    assert kind == "name-twins" and "composed, NFC, or decomposed, NFD" in sentence
    assert suspicious_names([" ant", "bee"])[0] == ("name-space", "Class ' ant' begins or ends with a space.")
    assert suspicious_names(["a\u202eb", "c"])[0] == (
        "name-unprintable",
        "Class 'a\\u202eb' holds characters that cannot be seen.",
    )
    assert suspicious_names(["cat", "dog", "Test"])[0][0] == "name-like-split"
    assert suspicious_names(["cat", "New Folder"])[0][0] == "name-generic"
    assert suspicious_names(["cat", "dog", "3"])[0][0] == "name-number"
    assert suspicious_names([str(digit) for digit in range(10)]) == []
    assert suspicious_names(["++", "--"]) == suspicious_names(["-1", "1", "2"]) == []


def test_notes_of_the_data_set_are_passed_on(folder):
    (folder / "train/ants/notes.txt").write_text("hello")
    assert "notes.txt" in only(look(folder), "dataset").message


def test_the_dictionary_is_strict_json_whatever_the_names(folder):
    odd = (folder / "train" / "ants" / "bad").as_posix().encode() + b"\xff\n<b>.png"
    Path(os.fsdecode(odd)).write_bytes(b"")
    document = json.loads(json.dumps(look(folder).to_dict(), allow_nan=False))
    assert document["findings"][0]["groups"][0][0]["name"] == "train/ants/bad\udcff\n<b>.png"
    assert document["splits"]["train"]["per_class"] == {"ants": 12, "bees": 12}
