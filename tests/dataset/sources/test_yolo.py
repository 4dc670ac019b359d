"""YOLO's text files as people have them: layouts, rows, and what is wrong with files."""

import os

import pytest

import annotated
from foveate.dataset.sources.annotated import read_annotated
from foveate.dataset.sources.annotated_masks import masks_of
from foveate.dataset.sources.yolo import read_yolo
from foveate.errors import DatasetError

ROW = "1 0.125 0 0.5 0 0.5 1 0.125 1"  # columns 1 to 3 of eight
YAML = "train: {}\nval: {}\nnames: [cat, dog]\nnc: 2\n"
OWN = YAML.format("images/train", "images/train")


def write(path, text=ROW):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def made(root, text=ROW, yaml=OWN):
    annotated.save(root / "images" / "train", "a.png", (8, 4))
    write(root / "labels" / "train" / "a.txt", text)
    write(root / "data.yaml", yaml)
    return root


@pytest.mark.parametrize(
    ("pictures", "labels", "named"),
    [
        ("images/{}", "labels/{}", "images/{}"),
        ("images/{}", "labels/{}", "./images/{}"),
        ("{}/images", "{}/labels", "../{}/images"),  # as Roboflow writes it
        ("{}/images", "{}/labels", "{}"),
        ("{}", "{}", "{}"),
        ("Images/{}", "Labels/{}", "Images/{}"),
    ],
)
@pytest.mark.parametrize("path", ["", "path: .\n", "path: /home/somebody/data\n"])
def test_the_layouts_that_data_yaml_tells_of(tmp_path, pictures, labels, named, path):
    for split in ("train", "val"):
        annotated.save(tmp_path / pictures.format(split), "a.png", (8, 4))
        write(tmp_path / labels.format(split) / "a.txt")
    write(tmp_path / "data.yaml", path + YAML.format(named.format("train"), named.format("val")))
    for place in (tmp_path, tmp_path / "data.yaml"):
        data = read_yolo(place)
        assert data.labels == ("cat", "dog")
        for split in ("train", "val"):
            (picture,) = data.splits[split]
            assert picture.file == f"{pictures.format(split)}/a.png"
            assert picture.annotations[0].label == "dog"
            assert picture.annotations[0].box == (1, 0, 4, 4)


def test_pictures_in_lists(tmp_path):
    made(tmp_path, yaml="train: train.txt\nnames: {0: cat, 1: dog}\n")
    for line in ("./images/train/a.png", "images/train/a.png"):
        write(tmp_path / "train.txt", line + "\n")
        assert read_yolo(tmp_path).splits["train"][0].file == "images/train/a.png"
    write(tmp_path / "train.txt", "images/train/b.png")
    with pytest.raises(DatasetError, match=r"train\.txt' lists 'images/train/b\.png', which is not there"):
        read_yolo(tmp_path)


@pytest.mark.parametrize("place", ["classes.txt", "labels/classes.txt", "obj.names"])
def test_names_in_a_list_beside_folders_named_for_splits(tmp_path, place):
    made(tmp_path)
    (tmp_path / "data.yaml").unlink()
    assert read_yolo(tmp_path) is None
    write(tmp_path / place, "cat\ndog\n\n")
    data = read_yolo(tmp_path)
    assert data.labels == ("cat", "dog") and data.splits["train"][0].annotations[0].label == "dog"
    write(tmp_path / place, "cat\n\ndog\n")
    with pytest.raises(DatasetError, match=r"Line 2 of .* is empty; expected a class's name"):
        read_yolo(tmp_path)


def test_an_empty_file_is_background_and_a_missing_one_an_error(tmp_path):
    made(tmp_path)
    annotated.save(tmp_path / "images" / "train", "b.png", (8, 4))
    write(tmp_path / "labels" / "train" / "b.txt", "\n")
    write(tmp_path / "labels" / "train" / "c.txt")
    masks, notes = masks_of(read_annotated(tmp_path))
    assert [mask.read().tolist() for mask in masks["train"]] == [
        [[0, 2, 2, 2, 0, 0, 0, 0]] * 4,
        [[0] * 8] * 4,
    ]
    assert notes == ["1 label files have no picture and were left out: 'labels/train/c.txt'."]
    (tmp_path / "labels" / "train" / "b.txt").unlink()
    with pytest.raises(
        DatasetError, match=r"1 of 2 pictures of train have no label file, the first .*b\.png"
    ):
        read_yolo(tmp_path)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("2 0 0 1 0 1 1", "is of class 2; "),
        ("-1 0 0 1 0 1 1", "is of class -1; "),
        ("0.5 0 0 1 0 1 1", "is of class 0.5; "),
        ("cat 0 0 1 0 1 1", "has a word among its numbers: 'cat 0 0 1 0 1 1'."),
        ("0 0 0 1 0 1 nan", "has a number that is not finite."),
        ("0 0 0 320 0 320 240", "has the coordinate 320; expected fractions of the picture's sides."),
        ("0 0 0", "has 2 numbers behind its class; expected the four of a box,"),
        ("0", "has 0 numbers behind its class; expected the four of a box,"),
        ("0 0.5 0.5 1 1 0.9", "has an outline of 5 numbers; expected x and y of each point."),
    ],
)
def test_a_wrong_row_is_one_sentence_with_file_and_line(tmp_path, row, says):
    made(tmp_path, f"{ROW}\n\n{row}\n")
    with pytest.raises(DatasetError) as info:
        read_yolo(tmp_path)
    assert f"Line 3 of {str(tmp_path / 'labels/train/a.txt')!r} {says}" in str(info.value)
    assert str(info.value).endswith(".")


def test_boxes_among_outlines_are_no_masks(tmp_path):
    made(tmp_path, f"{ROW}\n0 0.5 0.5 0.5 0.5\n")
    box = read_yolo(tmp_path).splits["train"][0].annotations[1]
    assert box.box == (2, 1, 6, 3) and not box.polygons
    with pytest.raises(
        DatasetError, match=r"Line 2 of .* has no outline, nor have 1 more of 4: draw what is missing"
    ):
        masks_of(read_annotated(tmp_path))


@pytest.mark.parametrize(
    ("yaml", "says"),
    [
        ("names: [a\ntrain: x", "is no valid YAML: "),
        ("- names\n- train", "holds no settings; expected names: and train:"),
        ("train: images/train\nnames: 3", "has 3 as 'names'; expected a list of classes."),
        ("train: images/train\nnames: {a: b}", "has 'a' among 'names', where a number is expected."),
        ("train: images/train\nnames: [yes, no]", "has True as the name of class 0; write it in quotes."),
        ("train: images/train\nnames: [a, b]\nnc: 3", "lists 2 names and says that there are 3."),
        ("train: 3\nnames: [a, b]", "has 3 as 'train'; expected a folder."),
        ("train: gone\nnames: [a, b]", "names 'gone' for 'train', which is not there; looked for"),
        ("train: ''\nval: images/train\nnames: [a, b]", "does not say where the pictures of 'train' lie."),
        ("train: ..\nnames: [a, b]", "names '..', which lies outside the data set's folder"),
        ("train: images/train\nnames: [a, b]\nkpt_shape: [17, 3]", "tells of key points; outlines or boxes"),
        ("train: data.yaml\nnames: [a, b]", "lists 'train: data.yaml', which is no picture by its name."),
        ("x: " + "[" * 5000, "is no valid YAML: "),
    ],
)
def test_what_is_wrong_with_data_yaml_is_one_sentence(tmp_path, yaml, says):
    made(tmp_path, yaml=yaml)
    with pytest.raises(DatasetError) as info:
        read_yolo(tmp_path / "data.yaml")
    assert f"{str(tmp_path / 'data.yaml')!r} " in str(info.value) and says in str(info.value)
    assert str(info.value).endswith(".") and str(info.value).isprintable()


def test_files_that_are_no_text_are_refused(tmp_path):
    made(tmp_path)
    label = tmp_path / "labels" / "train" / "a.txt"
    label.write_bytes(b"\xff\xfe1\x00")
    with pytest.raises(DatasetError, match=r"a\.txt' is no UTF-8 text: save it as UTF-8\."):
        read_yolo(tmp_path)
    with label.open("wb") as file:
        os.truncate(file.fileno(), 1 << 25)
    with pytest.raises(DatasetError, match=r"a\.txt' has 33,554,432 bytes; at most 16,777,216 are read\."):
        read_yolo(tmp_path)
