"""Boxes in six forms are the same boxes; what is wrong with them is told."""

import json

import numpy as np
import pytest
from PIL import Image

import boxed
from foveate.dataset import open_dataset
from foveate.dataset.sources.annotated import read_annotated
from foveate.errors import DatasetError
from foveate.tasks.detection.truth import BEYOND, DOUBLED, EMPTY, ONE_PIXEL, OUTSIDE, SWAPPED

FORMS = {
    "coco": (boxed.write_coco, True),
    "yolo": (boxed.write_yolo, False),
    "voc": (boxed.write_voc, True),
    "labelme": (boxed.write_labelme, False),
    "cvat": (boxed.write_cvat, False),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_same_boxes_in_every_form(form, tmp_path):
    write, crowds = FORMS[form]
    pictures = boxed.made()
    write(tmp_path / "set", pictures)
    dataset = open_dataset(tmp_path / "set")
    assert dataset.task.name == "detection" and set(dataset.task.classes) == set(boxed.LABELS)
    got, wanted = boxed.found(dataset), boxed.expected(pictures, crowds=crowds)
    assert got.keys() == wanted.keys()
    for split, images in wanted.items():
        assert got[split].keys() == images.keys()
        for name, things in images.items():
            assert got[split][name] == things, (form, split, name)


def test_a_table_goes_by_the_names_of_its_columns(tmp_path):
    pictures = boxed.made(1)
    (tmp_path / "set").mkdir()
    boxed.write_table(tmp_path / "set", pictures)
    dataset = open_dataset(tmp_path / "set" / "boxes.csv")
    assert boxed.found(dataset) == boxed.expected(pictures, crowds=False)
    assert any("have no box" in note for note in dataset.notes)


def test_pictures_that_are_not_there_are_named_whatever_their_sizes(tmp_path):
    boxed.save(tmp_path, "a.png", (30, 20))
    rows = ["a.png,30,20", "b.png,40,30", "c.png,50,40"]
    text = "".join(f"{row},cat,2,3,12,13\n" for row in rows)
    (tmp_path / "boxes.csv").write_text(f"filename,width,height,class,xmin,ymin,xmax,ymax\n{text}")
    with pytest.raises(DatasetError, match=r"names 2 of 3 pictures that are not there: 'b\.png'"):
        open_dataset(tmp_path / "boxes.csv")


def test_json_lines_with_extents_and_pictures_that_no_row_names(tmp_path):
    for name in ("a", "b", "c"):
        boxed.save(tmp_path / "images", f"{name}.png", (30, 20))
    rows = [{"image": f"{n}.png", "category": "cat", "x": 2, "y": 3, "w": 10, "h": 5.5} for n in "ab"]
    (tmp_path / "boxes.jsonl").write_text("\n".join(map(json.dumps, rows)))
    dataset = open_dataset(tmp_path / "boxes.jsonl")
    assert boxed.found(dataset)["train"]["a.png"] == {("cat", (2.0, 3.0, 12.0, 8.5), False)}
    assert any("1 pictures are in no row" in note for note in dataset.notes)
    dataset = open_dataset(tmp_path / "boxes.jsonl", unlabelled="background")
    assert boxed.found(dataset)["train"]["c.png"] == set()


def test_voc_tells_from_the_data_from_where_it_counts(tmp_path):
    pictures = boxed.made(2)
    for first, word in ((1, "counted from 1"), (0, "counted from 0")):
        boxed.write_voc(tmp_path / str(first), pictures, first=first, lists=first == 1)
        dataset = open_dataset(tmp_path / str(first))
        assert boxed.found(dataset) == boxed.expected(pictures, crowds=True)
        assert any(word in note for note in dataset.notes)


def test_lists_say_which_pictures_of_voc_are_meant(tmp_path):
    pictures = boxed.made(2)
    boxed.write_voc(tmp_path, pictures)
    boxed.save(tmp_path / "JPEGImages", "secret.png", (20, 20))
    (tmp_path / "ImageSets" / "Main" / "test.txt").write_text("secret\n")
    (tmp_path / "ImageSets" / "Main" / "car_train.txt").write_text("train0 -1\n")  # of one class: no split
    dataset = open_dataset(tmp_path)
    assert boxed.found(dataset) == boxed.expected(pictures, crowds=True)
    assert any("there is no test split" in note for note in dataset.notes)
    assert dataset.splits["train"].targets.naming.ids == ()  # VOC has none


def test_ids_of_the_file_are_shown_and_never_matched(tmp_path):
    boxed.write_coco(tmp_path, boxed.made())
    data = read_annotated(tmp_path)
    assert data.ids == {"car": "3, 17", "tree & bush": "10", "person": "17, 3"}


def test_pictures_without_files_are_an_error_unless_they_show_nothing(tmp_path):
    for write, folder in (
        (boxed.write_yolo, "images/train"),
        (boxed.write_voc, "JPEGImages"),
        (boxed.write_labelme, "train"),
    ):
        root = tmp_path / write.__name__
        write(root, boxed.made())
        boxed.save(root / folder, "more.png", (20, 20))
        if write is boxed.write_voc:
            names = root / "ImageSets" / "Main" / "train.txt"
            names.write_text(f"{names.read_text()}\nmore")
        if write is not boxed.write_labelme:  # whose own program keeps no file for what is still to be done
            with pytest.raises(DatasetError, match=r"1 of \d+ pictures .*unlabelled"):
                open_dataset(root)
        dataset = open_dataset(root, unlabelled="background")
        assert boxed.found(dataset)["train"]["more.png"] == set()
        assert any("learnt as pictures of nothing" in note for note in dataset.notes)


def test_outlines_or_boxes_is_for_the_task_to_say_and_the_default_is_told(tmp_path):
    boxed.save(tmp_path / "images", "a.png", (40, 30))
    thing = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [2, 2, 10, 8], "iscrowd": 0}
    outline = {**thing, "id": 2, "bbox": [5, 5, 20, 20], "segmentation": [[5, 5, 25, 5, 15, 25]], "area": 200}
    document = {
        "images": [{"id": 1, "file_name": "a.png", "width": 40, "height": 30}],
        "annotations": [outline],
        "categories": [{"id": 1, "name": "cat"}],
    }
    file = tmp_path / "coco.json"
    file.write_text(json.dumps(document))
    both = open_dataset(file)
    assert both.task.name == "segmentation" and any("detection" in note for note in both.notes)
    asked = open_dataset(file, task="detection")
    (one,) = asked.splits["train"].targets.pictures
    assert one.boxes.tolist() == [[5, 5, 25, 25]] and one.areas.tolist() == [200]
    file.write_text(
        json.dumps({**document, "annotations": [outline, thing, {**thing, "bbox": [3, 3, 9, 9]}]})
    )
    mostly = open_dataset(file)
    assert mostly.task.name == "detection" and any("outlines" in note for note in mostly.notes)
    # an outline that is its box tells nothing more
    square = {**thing, "segmentation": [[2, 2, 12, 2, 12, 10, 2, 10]]}
    file.write_text(json.dumps({**document, "annotations": [square]}))
    assert open_dataset(file).task.name == "detection"


def test_boxes_around_run_lengths_are_those_of_the_coco_api(tmp_path):
    from pycocotools import mask as coco_api

    random = np.random.default_rng(3)
    boxed.save(tmp_path / "images", "a.png", (30, 20))
    things = []
    for number in range(20):
        mask = np.zeros((20, 30), np.uint8)
        y, x = random.integers(0, 14), random.integers(0, 24)
        mask[y : y + random.integers(2, 8), x : x + random.integers(2, 9)] = 1
        mask[y, x : x + 2] = 1
        runs = coco_api.encode(np.asfortranarray(mask))
        entry = {"id": number, "image_id": 1, "category_id": 1}
        entry["segmentation"] = {"size": [20, 30], "counts": runs["counts"].decode()}
        things.append((entry, coco_api.toBbox(runs).tolist(), int(coco_api.area(runs))))
    document = {
        "images": [{"id": 1, "file_name": "a.png", "width": 30, "height": 20}],
        "annotations": [entry for entry, _, _ in things],
        "categories": [{"id": 1, "name": "cat"}],
    }
    (tmp_path / "coco.json").write_text(json.dumps(document))
    (one,) = open_dataset(tmp_path / "coco.json", task="detection").splits["train"].targets.pictures
    boxes = list(dict.fromkeys((x, y, x + w, y + h) for _, (x, y, w, h), _ in things))
    assert [tuple(box) for box in one.boxes.tolist()] == boxes
    assert set(one.areas.tolist()) <= {area for *_, area in things}


@pytest.mark.parametrize("orientation", range(1, 9))
def test_boxes_of_turned_pictures_turn_with_them_where_the_size_tells(orientation, tmp_path):
    """The box stands around a red patch of the stored pixels; it must do so in the picture as it is seen."""
    pixels = np.zeros((20, 40, 3), np.uint8)
    pixels[4:12, 6:16] = (255, 0, 0)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    document = {
        "images": [{"id": 1, "file_name": "a.png", "width": 40, "height": 20}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [6, 4, 10, 8]}],
        "categories": [{"id": 1, "name": "cat"}],
    }
    (tmp_path / "coco.json").write_text(json.dumps(document))
    split = open_dataset(tmp_path / "coco.json").splits["train"]
    if orientation in (2, 3, 4):  # the size is the same either way: taken to be annotated as it is seen
        return
    red = np.argwhere(split.images.read(0)[..., 0] > 128)
    (y1, x1), (y2, x2) = red.min(axis=0), red.max(axis=0) + 1
    (one,) = split.targets.pictures
    assert one.boxes.tolist() == [[x1, y1, x2, y2]]
    assert one.size == split.images.read(0).shape[1::-1]


def test_each_fault_of_a_box_is_named_and_mended(tmp_path):
    boxed.save(tmp_path / "images", "a.png", (40, 30))
    boxes = {
        "good": [2, 2, 10, 8],
        OUTSIDE: [50, 2, 5, 5],
        BEYOND: [30, 20, 20, 20],
        SWAPPED: [20, 20, -8, -9],
        EMPTY: [5, 5, 0, 4],
        ONE_PIXEL: [7, 7, 1, 1],
        DOUBLED: [2, 2, 10, 8],
        "rounding": [-0.5, 3, 8, 8],
    }
    things = [
        {"id": number, "image_id": 1, "category_id": 1, "bbox": box}
        for number, box in enumerate(boxes.values())
    ]
    document = {
        "images": [{"id": 1, "file_name": "a.png", "width": 40, "height": 30}],
        "annotations": things,
        "categories": [{"id": 1, "name": "cat"}],
    }
    (tmp_path / "coco.json").write_text(json.dumps(document))
    (one,) = open_dataset(tmp_path / "coco.json").splits["train"].targets.pictures
    wanted = [[2, 2, 12, 10], [30, 20, 40, 30], [12, 11, 20, 20], [0, 3, 7.5, 11]]
    assert one.boxes.tolist() == wanted
    kinds = list(boxes)
    assert [(flaw.kind, flaw.where.partition(" of ")[0]) for flaw in one.flaws] == [
        (kind, f"Annotation {kinds.index(kind)}")
        for kind in (OUTSIDE, BEYOND, SWAPPED, EMPTY, ONE_PIXEL, DOUBLED)
    ]


def test_darknets_lists_as_cvat_exports_them(tmp_path):
    boxed.save(tmp_path / "obj_train_data", "a.jpg", (40, 30))
    (tmp_path / "obj_train_data" / "a.txt").write_text("1 0.5 0.5 0.5 0.2\n")
    (tmp_path / "obj.names").write_text("leaf\ntwig\n")
    (tmp_path / "train.txt").write_text("data/obj_train_data/a.jpg\n")
    (tmp_path / "obj.data").write_text("classes = 2\ntrain = data/train.txt\nnames = data/obj.names\n")
    assert boxed.found(open_dataset(tmp_path)) == {
        "train": {"a.jpg": {("twig", (10.0, 12.0, 30.0, 18.0), False)}}
    }
    (tmp_path / "train.txt").write_text("data/obj_train_data/b.jpg\n")
    with pytest.raises(
        DatasetError, match=r"train\.txt' names 'data/obj_train_data/b\.jpg', which is not there"
    ):
        open_dataset(tmp_path)


def test_lists_of_boxes_as_deeppcb_has_them(tmp_path):
    boxed.save(tmp_path / "group", "1_test.jpg", (40, 30))
    (tmp_path / "group" / "1.txt").write_text("2 3 12 13 1\n20 5 30 20 6\n")
    (tmp_path / "trainval.txt").write_text("group/1.jpg group/1.txt\n")  # as the published lists name it
    dataset = open_dataset(tmp_path)
    assert boxed.found(dataset)["train"]["1_test.jpg"] == {
        ("open", (2.0, 3.0, 12.0, 13.0), False),
        ("pin-hole", (20.0, 5.0, 30.0, 20.0), False),
    }


def test_what_labelme_ignores_is_a_crowd_of_every_class(tmp_path):
    boxed.save(tmp_path, "a.png", (40, 30))
    shapes = [
        {"label": label, "shape_type": "rectangle", "points": [[2, 2], [12 + k, 12]]}
        for k, label in enumerate(("cat", "dog", "__ignore__"))
    ]
    document = {"shapes": shapes, "imagePath": "a.png", "imageWidth": 40, "imageHeight": 30}
    (tmp_path / "a.json").write_text(json.dumps(document))
    (one,) = open_dataset(tmp_path).splits["train"].targets.pictures
    assert one.naming.classes == ("cat", "dog")
    assert one.crowd.tolist() == [False, False, True, True] and one.labels.tolist() == [0, 1, 0, 1]
