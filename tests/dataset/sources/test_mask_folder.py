"""Folders of pictures and masks as people lay them out: what is read equals what Pillow reads by itself."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from foveate.dataset import open_dataset
from foveate.errors import DatasetError
from foveate.tasks.segmentation import mask_set
from foveate.tasks.segmentation.names import IGNORED
from mask_sets import mask_folder, numbers, picture, save


def masks(data, split="train"):
    """Picture -> its mask, as the data set gives it."""
    rows = data.splits[split]
    return {rows.images.name(i): rows.targets.mask(i) for i in range(len(rows))}


def as_pillow_reads(path):
    with Image.open(path) as image:
        return np.asarray(image)


def test_images_beside_masks(tmp_path):
    data = open_dataset(mask_folder(tmp_path, table="ground\ntree\nroof\n"))
    assert data.task.name == "segmentation" and data.task.labels == ("ground", "tree", "roof")
    found = masks(data)
    assert list(found) == [f"images/{i}.jpg" for i in range(6)]
    for i in range(6):
        assert np.array_equal(found[f"images/{i}.jpg"], as_pillow_reads(tmp_path / "masks" / f"{i}.png"))


@pytest.mark.parametrize(
    ("pictures", "masks_in"),
    [
        ("{split}/images", "{split}/masks"),
        ("images/{split}", "masks/{split}"),
        ("{split}", "{split}annot"),
        ("{split}", "{split}_labels"),
        ("{split}_images", "{split}_masks"),
        ("imgs/{split}/sub", "annotations/{split}/sub"),
        ("data/{split}/img", "data/{split}/label"),
    ],
)
def test_splits_lie_above_or_below(tmp_path, pictures, masks_in):
    for number, split in enumerate(("train", "val", "test")):
        for i in range(3):
            save(tmp_path / pictures.format(split=split) / f"{i}.png", picture(10 * number + i))
            save(tmp_path / masks_in.format(split=split) / f"{i}.png", numbers(10 * number + i))
    data = open_dataset(tmp_path)
    assert list(data.splits) == ["train", "val", "test"]
    for number, split in enumerate(data.splits):
        for i, found in enumerate(masks(data, split).values()):
            assert np.array_equal(found, numbers(10 * number + i))


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("{}.jpg", "{}_mask.png"),
        ("{}.jpg", "{}_L.png"),
        ("{}_sat.jpg", "{}_mask.png"),
        ("{}.jpg", "mask_{}.tif"),
        ("image_{}.jpg", "gt_{}.bmp"),
        ("a.b.{}.jpg", "a.b.{}.png"),
    ],
)
def test_masks_are_found_by_their_pictures_names(tmp_path, a, b):
    for i in range(4):
        save(tmp_path / "images" / a.format(i), picture(i))
        save(tmp_path / "masks" / b.format(i), numbers(i))
    found = list(masks(open_dataset(tmp_path)).values())
    assert all(np.array_equal(found[i], numbers(i)) for i in range(4))


def test_without_names_classes_have_their_numbers_and_a_note_tells_how_to_name_them(tmp_path):
    data = open_dataset(mask_folder(tmp_path))
    assert data.task.labels == ("class 0", "class 1", "class 2")
    assert any("a classes.txt beside the masks" in note for note in data.notes)


def test_black_and_white_is_background_and_foreground(tmp_path):
    for i in range(4):
        save(tmp_path / "images" / f"{i}.png", picture(i))
        save(tmp_path / "masks" / f"{i}.png", numbers(i, 2) * np.uint8(255))
    data = open_dataset(tmp_path)
    assert data.task.labels == ("background", "foreground")
    assert any("0 and 255 in masks are read as background and foreground" in note for note in data.notes)
    assert np.array_equal(masks(data)["images/2.png"], numbers(2, 2))
    (tmp_path / "classes.txt").write_text("land\nwater\n")
    data = open_dataset(tmp_path)
    assert data.task.labels == ("land", "water")
    assert np.array_equal(masks(data)["images/2.png"], numbers(2, 2))


@pytest.mark.parametrize("greys", [(0, 255), (255, 0), (0, 128, 255)])
def test_grey_masks_go_by_a_table_of_grey_colours_that_has_no_such_numbers(tmp_path, greys):
    for i in range(4):
        save(tmp_path / "images" / f"{i}.png", picture(i))
        save(tmp_path / "masks" / f"{i}.png", np.array(greys, np.uint8)[numbers(i, len(greys))])
    lines = "".join(f"class {chr(97 + i)},{grey},{grey},{grey}\n" for i, grey in enumerate(greys))
    (tmp_path / "class_dict.csv").write_text(f"name,r,g,b\n{lines}")
    data = open_dataset(tmp_path)
    assert data.task.labels == ("class a", "class b", "class c")[: len(greys)]
    assert data.task.colours == tuple((grey,) * 3 for grey in greys)
    assert np.array_equal(masks(data)["images/2.png"], numbers(2, len(greys)))
    assert any("by the greys of class_dict.csv" in note for note in data.notes)


def test_255_among_numbers_is_not_guessed_at(tmp_path):
    mask_folder(tmp_path)
    values = numbers(0)
    values[:2] = 255
    save(tmp_path / "masks" / "0.png", values)
    with pytest.raises(DatasetError, match=r"numbers 0 to 2, and 255: if 255 marks .* ignore='255'"):
        open_dataset(tmp_path)
    data = open_dataset(tmp_path, ignore=["255"])
    assert data.task.labels == ("class 0", "class 1", "class 2") and data.task.ignored == "255"
    assert np.array_equal(masks(data)["images/0.jpg"], np.where(values == 255, IGNORED, values))


def test_smoothed_masks_are_refused(tmp_path):
    mask_folder(tmp_path, 0)
    for i in range(4):
        save(tmp_path / "images" / f"{i}.png", picture(i, (96, 64)))
        sharp = Image.fromarray(numbers(i, 2) * np.uint8(255))
        save(tmp_path / "masks" / f"{i}.png", sharp.resize((96, 64), Image.Resampling.BICUBIC))
    with pytest.raises(DatasetError, match=r"different numbers.*were they smoothed"):
        open_dataset(tmp_path)


def test_colours_go_by_classes_csv(tmp_path):
    colours = np.array([[10, 0, 0], [0, 200, 0], [0, 0, 90]], np.uint8)
    for i in range(4):
        save(tmp_path / "images" / f"{i}.png", picture(i))
        save(tmp_path / "masks" / f"{i}.png", colours[numbers(i)])
    with pytest.raises(DatasetError, match=r"in colour .*classes.csv .* Most frequent are \("):
        open_dataset(tmp_path)
    (tmp_path / "classes.csv").write_text("name,g,b,r\nground,0,0,10\ntree,200,0,0\nroof,0,90,0\n")
    data = open_dataset(tmp_path, ignore=["tree"])
    assert data.task.labels == ("ground", "roof")
    assert data.task.colours == ((10, 0, 0), (0, 0, 90))
    expected = np.array([0, IGNORED, 1], np.uint8)
    assert all(np.array_equal(found, expected[numbers(i)]) for i, found in enumerate(masks(data).values()))


def test_colours_without_a_table_are_refused_after_a_look_at_a_few_masks(tmp_path, monkeypatch):
    for i in range(50):
        save(tmp_path / "images" / f"{i}.png", picture(i))
        save(tmp_path / "masks" / f"{i}.png", picture(i))
    read, looked_at = mask_set.stored_mask, []
    monkeypatch.setattr(mask_set, "stored_mask", lambda *of: looked_at.append(of) or read(*of))
    with pytest.raises(DatasetError, match=r"in colour .*classes.csv"):
        open_dataset(tmp_path)
    assert len(looked_at) <= mask_set.PEEKED


def test_indexed_masks_whose_programs_sorted_the_colours_are_read_by_them(tmp_path):
    """Pillow's own palette of a picture with few colours has them in the order of their frequency."""
    colours = np.array([[10, 0, 0], [0, 200, 0], [0, 0, 90]], np.uint8)
    for i in range(4):
        save(tmp_path / "images" / f"{i}.png", picture(i))
        values = numbers(i)
        values[: i + 1] = 2  # another order in each
        indexed = Image.fromarray(colours[values]).quantize(16)
        save(tmp_path / "masks" / f"{i}.png", indexed)
    (tmp_path / "classes.csv").write_text("name,r,g,b\nground,10,0,0\ntree,0,200,0\nroof,0,0,90\n")
    data = open_dataset(tmp_path)
    assert any("are read by their colours" in note for note in data.notes)
    for i, found in enumerate(masks(data).values()):
        expected = numbers(i)
        expected[: i + 1] = 2
        assert np.array_equal(found, expected)


def voc(root, count=6):
    for i in range(count):
        save(root / "JPEGImages" / f"2007_{i}.jpg", picture(i))
        if i < 4:
            values = np.array([0, 15, 255], np.uint8)[numbers(i)]
            image = Image.fromarray(values)
            image.putpalette([0, 0, 0] * 15 + [192, 128, 128] + [0, 0, 0] * 239 + [224, 224, 192])
            save(root / "SegmentationClass" / f"2007_{i}.png", image)
    lists = root / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("2007_0\n2007_1\n2007_2\n")
    (lists / "val.txt").write_text("2007_3\n")
    (lists / "trainval.txt").write_text("2007_0\n2007_1\n2007_2\n2007_3\n")
    (root / "Annotations").mkdir()
    (root / "Annotations" / "2007_0.xml").write_text("<annotation/>")
    return root


@pytest.mark.parametrize("above", ["", "VOCdevkit/VOC2012"])
def test_voc_has_its_lists_its_names_and_its_outlines(tmp_path, above):
    voc(tmp_path / above)
    data = open_dataset(tmp_path)
    assert {split: len(rows) for split, rows in data.splits.items()} == {"train": 3, "val": 1}
    assert data.task.labels[15] == "person" and len(data.task.labels) == 21
    expected = np.array([0, 15, IGNORED], np.uint8)[numbers(3)]
    assert np.array_equal(masks(data, "val")["JPEGImages/2007_3.jpg"], expected)
    told = " ".join(data.notes)
    for part in ("its 21 are taken", "255, the outlines in VOC's masks, is ignored", "2 pictures in no list"):
        assert part in told


def test_masks_in_vocs_colours_are_read_by_them(tmp_path):
    voc(tmp_path)
    for path in (tmp_path / "SegmentationClass").iterdir():
        with Image.open(path) as image:
            rgb = image.convert("RGB")
        save(path, rgb)
    data = open_dataset(tmp_path)
    expected = np.array([0, 15, IGNORED], np.uint8)[numbers(3)]
    assert np.array_equal(masks(data, "val")["JPEGImages/2007_3.jpg"], expected)


def test_camvids_void_is_ignored_by_its_name_and_elsewhere_void_is_a_class(tmp_path):
    for split in ("train", "test"):
        for i in range(3):
            save(tmp_path / split / f"{i}.png", picture(i))
            save(tmp_path / f"{split}annot" / f"{i}.png", numbers(i))
    (tmp_path / "classes.txt").write_text("sky\nroad\nvoid\n")
    data = open_dataset(tmp_path)
    assert data.task.labels == ("sky", "road")
    assert "'void' is ignored, as it is in this format." in data.notes
    other = mask_folder(tmp_path / "other", table="sky\nroad\nvoid\n")
    data = open_dataset(other)
    assert data.task.labels == ("sky", "road", "void")
    assert any("'void' is a class here; ignore='void' leaves" in note for note in data.notes)


def instances(folder, seed):
    each = np.random.default_rng(seed).random((3, 16, 24)) < 0.1
    for i, one in enumerate(each):
        save(folder / f"{i}.png", one * np.uint8(255))
    return each.any(axis=0)


def test_instances_in_a_folder_of_their_pictures_name(tmp_path):
    expected = {}
    for i in range(3):
        save(tmp_path / "images" / f"{i}.png", picture(i))
        expected[f"images/{i}.png"] = instances(tmp_path / "masks" / f"{i}", i)
    found = masks(open_dataset(tmp_path))
    assert all(np.array_equal(found[name], mask) for name, mask in expected.items())


def test_instances_beside_their_picture_as_the_science_bowl_has_them(tmp_path):
    expected = {}
    for i in range(3):
        save(tmp_path / "train" / f"p{i}" / "images" / f"p{i}.png", picture(i))
        expected[f"train/p{i}/images/p{i}.png"] = instances(tmp_path / "train" / f"p{i}" / "masks", i)
    data = open_dataset(tmp_path)
    assert data.task.labels == ("background", "foreground")
    found = masks(data)
    assert all(np.array_equal(found[name], mask) for name, mask in expected.items())
    assert any("one mask an instance" in note for note in data.notes)


# --- What is no folder of masks, and what is wrong with one -------------------------------------------------


@pytest.mark.parametrize("classes", [("faces", "masks"), ("masks", "gloves"), ("label", "annotations", "x")])
def test_a_class_of_such_a_name_is_a_class(tmp_path, classes):
    for name in classes:
        for i in range(3):
            save(tmp_path / name / f"{i}.png", picture(i))
    data = open_dataset(tmp_path)
    assert data.task.name == "classification" and data.task.labels == tuple(sorted(classes))


def test_the_task_may_be_said(tmp_path):
    mask_folder(tmp_path)
    assert open_dataset(tmp_path, task="classification").task.labels == ("images", "masks")
    for name in ("cat", "dog"):
        save(tmp_path / "classes" / name / "1.png", picture(1))
    with pytest.raises(DatasetError, match="holds answers for classification, not for segmentation"):
        open_dataset(tmp_path / "classes", task="segmentation")


def test_links_that_go_round_end(tmp_path):
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "again").symlink_to(tmp_path / name)
    with pytest.raises(DatasetError, match="has no pictures"):
        open_dataset(tmp_path)


def test_names_that_never_meet_are_refused(tmp_path):
    for i in range(3):
        save(tmp_path / "images" / f"a{i}.png", picture(i))
        save(tmp_path / "masks" / f"b{i}.png", numbers(i))
    with pytest.raises(DatasetError, match=r"no mask has the name of a picture: 'images/a0.png'"):
        open_dataset(tmp_path)


def test_two_masks_of_one_picture_are_refused(tmp_path):
    mask_folder(tmp_path)
    save(tmp_path / "masks" / "0.tif", numbers(0))
    with pytest.raises(DatasetError, match=r"has 2 masks for 'images/0.jpg': 'masks/0.png', 'masks/0.tif'"):
        open_dataset(tmp_path)


def test_what_has_no_partner_is_told(tmp_path):
    mask_folder(tmp_path)
    (tmp_path / "images" / "0.jpg").unlink()
    (tmp_path / "masks" / "1.png").unlink()
    data = open_dataset(tmp_path)
    assert any(
        "1 mask without a picture of that name, left out: 'masks/0.png'" in note for note in data.notes
    )
    fault = data.task.fault(data.splits["train"].targets, 0)
    assert fault == "its mask 'masks/1.png': there is no mask of this name"


def test_a_split_without_masks_is_left_out(tmp_path):
    for split in ("train", "test"):
        for i in range(3):
            save(tmp_path / split / "images" / f"{i}.png", picture(i))
            save(tmp_path / split / "masks" / f"{i if split == 'train' else 'x'}.png", numbers(i))
    data = open_dataset(tmp_path)
    assert list(data.splits) == ["train"]
    assert any("there is no test split" in note for note in data.notes)


def test_only_masks_have_something_to_ignore(tmp_path):
    for name in ("cat", "dog"):
        save(tmp_path / name / "1.png", picture(1))
    with pytest.raises(DatasetError, match=r"ignore='void' is for masks, and data set .* has none"):
        open_dataset(tmp_path, ignore=["void"])
    data = open_dataset(mask_folder(tmp_path / "m"))
    with pytest.raises(DatasetError, match="is for data that are opened"):
        open_dataset(data, ignore=["0"])


# --- Tables -------------------------------------------------------------------------------------------------


def test_a_table_names_masks(tmp_path):
    mask_folder(tmp_path, table="ground\nvoid\nroof\n")
    lines = ["file_name,mask_name,split"]
    lines += [f"images/{i}.jpg,masks/{i}.png,{'val' if i == 5 else 'train'}" for i in range(6)]
    (tmp_path / "table.csv").write_text("\n".join(lines))
    data = open_dataset(tmp_path / "table.csv", ignore=["void"])
    assert data.task.labels == ("ground", "roof")
    expected = np.array([0, IGNORED, 1], np.uint8)
    assert np.array_equal(masks(data, "val")["images/5.jpg"], expected[numbers(5)])


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("images/0.jpg,masks/gone.png", "1 of 1 files that are not there: 'masks/gone.png' .line 2."),
        ("images/0.jpg,../m.png", "names '../m.png', which lies outside"),
        ("images/0.jpg,", "'mask_name' must name a file"),
        ("images/0.jpg,masks/0.png\nimages/0.jpg,masks/1.png", "give 'images/0.jpg' the mask_names"),
    ],
)
def test_a_table_that_names_no_masks_is_refused(tmp_path, row, message):
    mask_folder(tmp_path)
    Path(tmp_path / "table.csv").write_text("file_name,mask_name\n" + row)
    with pytest.raises(DatasetError, match=message):
        open_dataset(tmp_path / "table.csv")
