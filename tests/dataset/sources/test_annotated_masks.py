"""The same annotations in every form make the same masks, to the pixel those of the COCO API."""

import numpy as np
import pytest
from PIL import Image

import annotated
from foveate.dataset import open_dataset
from foveate.dataset.sources.annotated import read_annotated
from foveate.dataset.sources.annotated_masks import masks_of
from foveate.dataset.sources.scenes import SceneSettings, kinds, make_scenes
from foveate.errors import DatasetError, ImageError
from foveate.images.read import read_image

# pycocotools 2.0 hands out its arrays as NumPy 1 wanted them
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

FORMS = {
    "COCO polygons": annotated.write_coco,
    "COCO run lengths": lambda root, pictures: annotated.write_coco(root, pictures, runs="string"),
    "COCO run lengths in a list": lambda root, pictures: annotated.write_coco(root, pictures, runs="list"),
    "LabelMe": annotated.write_labelme,
    "YOLO, six digits": annotated.write_yolo,
    "YOLO, four digits": lambda root, pictures: annotated.write_yolo(root, pictures, digits=4),
    "CVAT": annotated.write_cvat,
}


def masks_in(path):
    """By split and file name: class names, and the mask."""
    found = {}
    masks, notes = masks_of(read_annotated(path))
    for split, own in masks.items():
        for mask in own:
            found[split, mask.picture.file.rpartition("/")[2]] = (mask.labelling.classes, mask.read())
    return found, notes


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("seed", range(4))
def test_every_form_holds_the_same_masks_to_the_pixel(form, seed, tmp_path):
    """Whole pixels survive YOLO's fractions where these are exact to a tenth of a pixel."""
    pictures = annotated.made(seed)
    FORMS[form](tmp_path, pictures)
    found, notes = masks_in(tmp_path)
    assert notes == []
    assert len(found) == sum(map(len, pictures.values()))
    for split, images in pictures.items():
        for name, (size, things) in images.items():
            classes, mask = found[split, name]
            assert classes[0] == "background" and set(classes[1:]) == set(annotated.LABELS)
            numbers = np.array([0, *map(classes.index, annotated.LABELS)])
            assert np.array_equal(mask, numbers[annotated.drawn(size, things)])


def test_a_mask_is_as_large_as_its_picture_is_seen(tmp_path):
    """A picture turned by EXIF, annotated as it is stored and as it is seen; the sizes tell which."""
    for orientation in range(1, 9):
        stored, seen = tmp_path / f"stored{orientation}", tmp_path / f"seen{orientation}"
        things = [("car", [[2, 1, 9, 1, 9, 4, 2, 6]])]
        for folder, size in ((stored, (24, 16)), (seen, (16, 24))):
            annotated.write_labelme(folder, {"train": {"a.png": (size, things)}})
            exif = Image.Exif()
            exif[0x0112] = orientation
            Image.new("RGB", (24, 16)).save(folder / "train" / "a.png", exif=exif)
        mask = annotated.drawn((24, 16), things)
        found, notes = masks_in(stored)
        ((_, drawn),) = found.values()
        if orientation >= 5:  # the sides change places
            flipped = Image.fromarray(mask).transpose(
                {5: 5, 6: 4, 7: 6, 8: 2}[orientation]  # transpose, rotate 270, transverse, rotate 90
            )
            assert np.array_equal(drawn, np.asarray(flipped))
            assert "annotated as they are stored, by their sizes" in notes[0]
            found, notes = masks_in(seen)
            ((_, drawn),) = found.values()
            assert np.array_equal(drawn, annotated.drawn((16, 24), things)) and notes == []
        else:
            assert np.array_equal(drawn, mask)
            assert len(notes) == (orientation != 1)
            with pytest.raises(
                DatasetError, match=r"'train/a\.png' as 16 x 24 pixels and the file is 24 x 16"
            ):
                masks_in(seen)


def test_a_turn_that_is_told_behind_the_pixels_counts(tmp_path):
    """Of a file so long that its size would be known from the beginning alone."""
    annotated.write_labelme(tmp_path, {"train": {"a.png": ((300, 200), [("car", [[0, 0, 9, 0, 9, 9]])])}})
    exif = Image.Exif()
    exif[0x0112] = 6
    file = tmp_path / "train" / "a.png"
    noise = np.random.default_rng(0).integers(0, 256, (200, 300, 3), np.uint8)
    Image.fromarray(noise).save(file, exif=exif)
    data = file.read_bytes()
    start = data.index(b"eXIf") - 4
    end = start + 12 + int.from_bytes(data[start : start + 4], "big")
    last = data.index(b"IEND") - 4
    file.write_bytes(data[:start] + data[end:last] + data[start:end] + data[last:])
    assert read_image(file).shape == (300, 200, 3)
    ((_, mask),) = masks_in(tmp_path)[0].values()
    assert mask.shape == (300, 200)


def test_outlines_beyond_the_picture_are_cut_and_counted(tmp_path):
    things = [
        ("car", [[-20, 2, 5, 2, 5, 8, -20, 8]]),
        ("tree", [[30, 40, 50, 40, 50, 60]]),
        ("tree", [[0, 0, 20, 0, 20, 10]]),
    ]
    annotated.write_labelme(tmp_path, {"train": {"a.png": ((20, 10), things)}})
    found, notes = masks_in(tmp_path)
    ((_, mask),) = found.values()
    expected = np.array([0, 1, 2])[annotated.drawn((20, 10), things)]
    assert np.array_equal(mask, expected)
    source = str(tmp_path / "train" / "a.json")
    assert notes == [
        f"1 outlines reach beyond their pictures and are cut at the edge: Shape 1 of {source!r}.",
        f"1 outlines lie wholly outside their pictures: Shape 2 of {source!r}.",
    ]


def test_a_class_background_of_the_data_is_the_one(tmp_path):
    things = [("car", [[0, 0, 8, 0, 8, 4, 0, 4]]), ("Background", [[0, 0, 4, 0, 4, 4, 0, 4]])]
    annotated.write_labelme(tmp_path, {"train": {"a.png": ((8, 8), things)}})
    found, _ = masks_in(tmp_path)
    ((classes, mask),) = found.values()
    assert classes == ("Background", "car")
    assert mask.tolist() == [[0] * 4 + [1] * 4] * 4 + [[0] * 8] * 4


def test_classes_that_are_to_be_ignored(tmp_path):
    things = [("car", [[0, 0, 4, 0, 4, 1, 0, 1]]), ("void", [[1, 0, 3, 0, 3, 1, 1, 1]])]
    annotated.write_labelme(tmp_path, {"train": {"a.png": ((5, 1), things)}})
    data = read_annotated(tmp_path)
    for ignore, classes, expected in (
        ([], ("background", "car", "void"), [1, 2, 2, 1, 0]),
        (["void"], ("background", "car"), [1, 255, 255, 1, 0]),
        (["background", "void"], ("car",), [0, 255, 255, 0, 255]),
    ):
        (mask,) = masks_of(data, ignore)[0]["train"]
        assert mask.labelling.classes == classes and mask.labelling.ignored == ", ".join(ignore)
        assert mask.read().tolist() == [expected]
    with pytest.raises(DatasetError, match=r"has no class '255' to ignore; it has 'background', 'car'"):
        masks_of(data, ["255"])


def test_a_picture_that_cannot_be_read_is_left_to_the_scan(tmp_path):
    annotated.write_labelme(tmp_path, annotated.made(0))
    (tmp_path / "train" / "train1.png").write_bytes(b"none")
    masks, _ = masks_of(read_annotated(tmp_path))
    with pytest.raises(ImageError, match=r"train/train1\.png"):
        masks["train"][1].read()
    assert masks["train"][2].read().ndim == 2


def test_equal_masks_have_equal_data_whatever_their_form(tmp_path):
    pictures = annotated.made(1)
    annotated.write_coco(tmp_path / "a", pictures)
    annotated.write_cvat(tmp_path / "b", pictures)
    first, second = (masks_of(read_annotated(tmp_path / name))[0]["train"] for name in "ab")
    assert all(np.array_equal(one.read(), other.read()) for one, other in zip(first, second, strict=True))
    assert not np.array_equal(first[1].read(), first[2].read())


def test_folders_of_other_forms_are_left_to_others(tmp_path):
    for name in ("cat/1.png", "dog/2.png"):
        annotated.save(tmp_path / "classes" / name[:3], name[4:], (4, 4))
    (tmp_path / "classes" / "cat" / "info.json").write_text('{"images": 2}')
    (tmp_path / "classes" / "README.yaml").write_text("about: cats")
    (tmp_path / "empty").mkdir()
    for name in ("classes", "empty", "gone", "classes/cat/1.png"):
        assert read_annotated(tmp_path / name) is None


def test_drawn_scenes_have_the_masks_of_their_annotations(tmp_path):
    """Run lengths of what can be seen, beside indexed PNG masks that another part of the program wrote."""
    make_scenes(tmp_path / "scenes", kinds("shapes"), SceneSettings(count=12, size=64))
    masks, notes = masks_of(read_annotated(tmp_path / "scenes"))
    assert notes == [] and sum(map(len, masks.values())) == 12
    lines = (tmp_path / "scenes" / "classes.csv").read_text().splitlines()[1:]
    names = [line.partition(",")[0] for line in lines]
    for mask in [mask for split in masks.values() for mask in split]:
        file = tmp_path / "scenes" / mask.picture.file.replace("/images/", "/masks/")
        numbers = np.array([names.index(name) for name in mask.labelling.classes])
        assert np.array_equal(numbers[mask.read()], np.asarray(Image.open(file)))


@pytest.mark.parametrize("form", [*FORMS, "indexed PNG masks"])
def test_targets_are_identical_whatever_the_form(form, tmp_path):
    pictures = annotated.made(0, 4)
    (FORMS | {"indexed PNG masks": annotated.write_masks})[form](tmp_path, pictures)
    data = open_dataset(tmp_path)
    assert data.task.name == "segmentation" and set(data.task.labels) == {"background", *annotated.LABELS}
    numbers = np.array([0, *map(data.task.labels.index, annotated.LABELS)])
    for split, images in pictures.items():
        rows = data.splits[split]
        names = [rows.images.name(row).rpartition("/")[2] for row in range(len(rows))]
        assert sorted(names) == sorted(images)
        for row, name in enumerate(names):
            size, things = images[name]
            assert np.array_equal(rows.targets.mask(row), numbers[annotated.drawn(size, things)])
            assert rows.images.read(row).shape == (size[1], size[0], 3)
    without = open_dataset(tmp_path, task="segmentation", ignore=["car"])
    assert "car" not in without.task.labels


def test_a_file_of_annotations_is_a_data_set_and_another_its_validation(tmp_path):
    annotated.write_coco(tmp_path, annotated.made(2, 5))
    folder = tmp_path / "annotations"
    data = open_dataset(folder / "instances_train2017.json", val=folder / "instances_val2017.json")
    assert {key: split.images.name(0) for key, split in data.splits.items()} == {
        "train": "train2017/train0.png",
        "val": "val2017/val0.png",
    }
    assert open_dataset(tmp_path, task="classification", min_classes=1).task.name == "classification"
