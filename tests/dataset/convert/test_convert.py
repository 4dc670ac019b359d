"""A data set that goes through every form comes back as it was."""

import json

import numpy as np
import pytest

import boxed
from foveate.cli.main import main
from foveate.dataset import open_dataset
from foveate.dataset.convert.forms import convert
from foveate.errors import DatasetError, InputError


def test_coco_to_yolo_to_voc_to_coco_loses_nothing(tmp_path):
    pictures = boxed.made(4)
    boxed.write_coco(tmp_path / "0", pictures)
    before = open_dataset(tmp_path / "0")
    for number, form in enumerate(("yolo", "voc", "coco"), start=1):
        notes = convert(open_dataset(tmp_path / str(number - 1)), form, tmp_path / str(number))
        assert any("left out: YOLO" in note for note in notes) == (form == "yolo")
    after = open_dataset(tmp_path / "3")
    assert boxed.found(after) == boxed.expected(pictures, crowds=False)
    assert set(after.task.classes) == set(before.task.classes)
    for split, part in after.splits.items():
        names = [part.images.name(row).rpartition("/")[2] for row in range(len(part))]
        assert sorted(names) == sorted(pictures[split])
        for row, name in enumerate(names):
            own = before.splits[split].images
            (place,) = [r for r in range(len(own)) if own.name(r).endswith(f"/{name}")]
            assert part.images.data(row) == own.data(place)


@pytest.mark.parametrize("form", ["coco", "voc", "yolo"])
def test_fractions_of_pixels_come_back_to_the_bit(form, tmp_path):
    """What a float32 holds; crowds stay where the form has a word for them."""
    random = np.random.default_rng(6)
    boxed.save(tmp_path / "images", "a.png", (641, 479))
    first = random.uniform(0, 300, (50, 2))
    boxes = np.concatenate([first, random.uniform(5, 170, (50, 2))], axis=1)
    things = [
        {"id": k + 1, "image_id": 1, "category_id": 1, "bbox": box, "iscrowd": int(k == 7), "area": 30.5 + k}
        for k, box in enumerate(boxes.tolist())
    ]
    document = {
        "images": [{"id": 1, "file_name": "a.png", "width": 641, "height": 479}],
        "annotations": things,
        "categories": [{"id": 1, "name": "cat"}],
    }
    (tmp_path / "coco.json").write_text(json.dumps(document))
    before = open_dataset(tmp_path / "coco.json", task="detection")
    convert(before, form, tmp_path / "out")
    (one,), (other,) = (
        data.splits["train"].targets.pictures for data in (before, open_dataset(tmp_path / "out"))
    )
    order = np.flatnonzero(~one.crowd) if form == "yolo" else np.argsort(~one.crowd, kind="stable")
    if form == "voc":
        order = np.arange(len(one))
    np.testing.assert_array_equal(other.boxes, one.boxes[order])
    np.testing.assert_array_equal(other.crowd, one.crowd[order])
    if form == "coco":
        np.testing.assert_array_equal(other.areas, one.areas[order])


def test_two_pictures_of_one_name_get_names_of_their_own(tmp_path):
    rows = []
    for folder in ("x", "y"):
        for suffix in ("png", "jpg"):
            boxed.save(tmp_path / folder, f"a.{suffix}", (30, 20))
            rows.append(f"{folder}/a.{suffix},cat,1,1,9,9")
    (tmp_path / "boxes.csv").write_text("\n".join(["file,label,x1,y1,x2,y2", *rows]))
    convert(open_dataset(tmp_path / "boxes.csv"), "voc", tmp_path / "out")
    assert len(open_dataset(tmp_path / "out").splits["train"]) == 4


def test_what_is_not_converted(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    boxed.write_yolo(tmp_path / "set", boxed.made())
    with pytest.raises(InputError, match="exists already"):
        convert(open_dataset(tmp_path / "set"), "coco", tmp_path / "set")
    with pytest.raises(DatasetError, match="holds answers for classification; boxes are converted"):
        convert(open_dataset("fashion-mnist-mini"), "coco", tmp_path / "out")
    with pytest.raises(SystemExit, match="0"):
        main(["data", "convert", "set", "--to", "coco", "out", "--json"])
    assert json.loads(capsys.readouterr().out)["splits"] == {"train": 4, "val": 4}
    assert boxed.found(open_dataset("out")) == boxed.expected(boxed.made(), crowds=False)
