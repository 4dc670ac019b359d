"""Files that another program wrote are read as it means them; what they hold was read off by eye."""

from pathlib import Path

import pytest

from foveate.dataset import open_dataset
from foveate.dataset.sources.annotated import read_annotated
from foveate.dataset.sources.annotated_masks import masks_of
from foveate.errors import DatasetError

FILES = Path(__file__).parent / "datumaro"
COCO = FILES / "coco" / "annotations"


def test_coco():
    data = read_annotated(FILES / "coco")  # of five kinds of files the instances
    assert data.labels == ("a", "b", "c") and data.notes == ()
    (first,), (second,) = data.splits["train"], data.splits["val"]
    assert (first.file, first.size) == ("images/train/a.jpg", (10, 5))
    assert [(one.label, one.box, one.crowd) for one in first.annotations] == [("b", (2, 2, 5, 3), False)]
    assert (second.file, second.size) == ("images/val/b.jpg", (5, 10))
    assert [(one.label, one.box, one.crowd) for one in second.annotations] == [
        ("b", (0, 0, 1, 9), True),
        ("a", (0, 0, 1, 2), False),
    ]
    with pytest.raises(DatasetError, match=r"Annotation 1 of .*instances_train\.json' has no outline"):
        masks_of(data)
    (mask,) = masks_of(read_annotated(COCO / "instances_val.json"))[0]["train"]
    assert mask.labelling.classes == ("background", "a", "b", "c")
    assert mask.read().tolist() == [[1, 255, 0, 0, 0]] * 2 + [[255, 255, 0, 0, 0]] * 8


def test_boxes_of_coco_and_yolo():
    with pytest.raises(DatasetError, match="has boxes of 'a' in val and none in train"):
        open_dataset(FILES / "coco")
    dataset = open_dataset(FILES / "coco", min_classes=1)  # to be measured on
    assert dataset.task.name == "detection" and dataset.task.classes == ("a", "b")  # c has no box anywhere
    (first,), (second,) = (split.targets.pictures for split in dataset.splits.values())
    assert first.boxes.tolist() == [[2, 2, 5, 3]] and first.labels.tolist() == [1]
    assert second.crowd.tolist() == [True, False] and second.size == (5, 10)
    assert any("1 class without a box anywhere" in note for note in dataset.notes)
    (one,) = open_dataset(FILES / "yolo").splits["val"].targets.pictures
    assert one.boxes.round(3).tolist() == [[0, 2, 4, 4], [3, 3, 5, 6]]


def test_run_lengths():
    (mask,) = masks_of(read_annotated(COCO / "stuff_train.json"))[0]["train"]
    assert mask.read().tolist() == [[0, 0, 255, 255, 0, 255, 255, 0, 0, 0]] * 5


@pytest.mark.parametrize(
    ("name", "says"), [("captions_val", r"sentences \(captions\)"), ("panoptic_val", "panoptic segments")]
)
def test_kinds_without_outlines(name, says):
    with pytest.raises(DatasetError, match=rf"{name}\.json' holds {says}"):
        read_annotated(COCO / f"{name}.json")


def test_roboflow():
    data = read_annotated(FILES / "roboflow")
    assert {key: [one.file for one in split] for key, split in data.splits.items()} == {
        "train": ["train/a.jpg"],
        "val": ["val/b.jpg"],
    }


def test_cvat():
    data = read_annotated(FILES / "cvat")
    assert data.labels == ("label1", "label2")
    assert data.notes == ("6 points, lines and tags have no area and were left out.",)
    for split, folder in (("train", "Train"), ("val", "Validation"), ("test", "Test")):
        first, second = data.splits[split]
        assert (first.file, first.size) == (f"images/{folder}/img0.jpg", (8, 8))
        assert (first.annotations[0].label, first.annotations[0].box) == ("label1", (0, 2, 4, 4))
        assert second.annotations[0].polygons[0].tolist() == [[1, 2], [3, 4], [6, 5]]


def test_yolo():
    data = read_annotated(FILES / "yolo")
    assert data.labels == tuple(f"label_{number}" for number in range(10))
    for split in ("train", "val"):
        (picture,) = data.splits[split]
        assert picture.file == f"images/{split}/1.jpg"
        first, second = picture.annotations
        assert (first.label, second.label) == ("label_2", "label_4")
        assert first.box == pytest.approx((0, 2, 4, 4), abs=1e-4)
        assert second.box == pytest.approx((3, 3, 5, 6), abs=1e-4)
