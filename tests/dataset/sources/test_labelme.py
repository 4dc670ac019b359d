"""LabelMe's JSON as people have it: shapes, layouts, and what is wrong with files."""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

import annotated
from foveate.dataset.sources.annotated import read_annotated
from foveate.dataset.sources.annotated_masks import masks_of
from foveate.dataset.sources.labelme import read_labelme
from foveate.errors import DatasetError


def shape(points, label="car", kind="polygon"):
    return {"label": label, "points": points, "shape_type": kind}


TRIANGLE = shape([[1, 1], [6, 1], [1, 5]])


PNG = io.BytesIO()
Image.fromarray(np.array([[0, 1, 1], [0, 0, 1]], bool)).save(PNG, "PNG")
MASK = shape([[2, 1], [4, 2]], kind="mask") | {"mask": base64.b64encode(PNG.getvalue()).decode()}


def write(folder, given=(TRIANGLE,), name="a", size=(8, 6), **changes):
    folder.mkdir(parents=True, exist_ok=True)
    sides = {"imageWidth": size[0], "imageHeight": size[1]}
    document = {"shapes": list(given), "imagePath": f"{name}.png", **sides, **changes}
    (folder / f"{name}.json").write_text(json.dumps(document))


def mask_of(folder):
    masks, _ = masks_of(read_annotated(folder))
    return masks["train"][0].read(), masks["train"][0].labelling


@pytest.mark.parametrize(
    ("file", "pictures"),
    [
        ("", ""),
        ("train", "train"),
        ("training_set/annotations", "training_set/images"),
        ("annotations", "images"),
        ("images", "images"),
        ("train/labels", "train/images"),
    ],
)
def test_files_lie_beside_pictures_or_in_a_folder_beside_theirs(tmp_path, file, pictures):
    write(tmp_path / file, imagePath="C:\\Users\\somebody\\a.png")
    annotated.save(tmp_path / pictures, "a.png", (8, 6))
    data = read_labelme(tmp_path)
    (picture,) = data.splits["train"]
    assert picture.file == f"{pictures}/a.png".lstrip("/") and picture.size == (8, 6)
    assert picture.annotations[0].label == "car" and data.labels == ("car",) and data.notes == ()


def test_names_that_begin_as_other_forms_do(tmp_path):
    annotated.save(tmp_path, "coconut.png", (8, 6))
    write(tmp_path, name="coconut")
    assert read_annotated(tmp_path).splits["train"][0].file == "coconut.png"


def test_a_picture_of_another_stem_is_found_by_what_its_file_says(tmp_path):
    write(tmp_path / "annotations", imagePath="../pictures/b.png")
    annotated.save(tmp_path / "pictures", "b.png", (8, 6))
    assert read_labelme(tmp_path).splits["train"][0].file == "pictures/b.png"


def test_rectangles_and_circles_are_drawn_by_the_centres_of_pixels(tmp_path):
    annotated.save(tmp_path, "a.png", (40, 30))
    circle = shape([[20.3, 14.6], [20.3, 4.4]], "ball", "circle")
    write(tmp_path, [circle, shape([[9, 20], [3, 25]], "box", "rectangle")], size=(40, 30))
    mask, labelling = mask_of(tmp_path)
    assert labelling.classes == ("background", "ball", "box")
    y, x = np.mgrid[:30, :40] + 0.5
    distance = np.hypot(x - 20.3, y - 14.6)
    sure = abs(distance - 10.2) > 0.15  # corners are rounded to a fifth of a pixel
    expected = np.where(distance < 10.2, 1, 0)
    expected[20:25, 3:9] = 2
    assert np.array_equal(mask[sure], expected[sure]) and sure.mean() > 0.95


def test_masks_lie_between_two_pixels_and_hold_both(tmp_path):
    annotated.save(tmp_path, "a.png", (8, 6))
    write(tmp_path, [MASK])
    expected = np.zeros((6, 8), np.uint8)
    expected[1:3, 2:5] = [[0, 1, 1], [0, 0, 1]]
    assert np.array_equal(mask_of(tmp_path)[0], expected)


def test_later_shapes_lie_over_earlier_ones(tmp_path):
    annotated.save(tmp_path, "a.png", (4, 1))
    spans = [("a", 0, 4), ("b", 1, 3), ("_background_", 2, 3), ("__ignore__", 3, 4)]
    shapes = [shape([[left, 0], [right, 1]], label, "rectangle") for label, left, right in spans]
    write(tmp_path, shapes, size=(4, 1))
    mask, labelling = mask_of(tmp_path)
    assert labelling.classes == ("a", "b", "background") and labelling.ignored == "__ignore__"
    assert mask.tolist() == [[0, 1, 2, 255]]


def test_what_is_remarkable_is_told(tmp_path):
    for name in "abc":
        annotated.save(tmp_path, f"{name}.png", (8, 6))
    write(tmp_path, [TRIANGLE, shape([[1, 1]], kind="point"), shape([[1, 1], [2, 2]], kind="line")])
    data = read_labelme(tmp_path)
    assert data.notes == (
        "2 points and lines have no area and were left out.",
        "2 pictures have no annotation file and were left out, as still to be annotated: 'b.png', 'c.png'.",
    )
    assert [len(picture.annotations) for picture in data.splits["train"]] == [1]


@pytest.mark.parametrize(
    ("shapes", "changes", "says"),
    [
        ([3], {}, "Shape 1 of {} is 3; expected an object."),
        ([TRIANGLE, shape([[1, 1], [2, 2]])], {}, "Shape 2 of {} has an outline of 2 points; expected three"),
        (
            [shape([[1, 1, 1]] * 3)],
            {},
            "Shape 1 of {} has an outline of points with 3 numbers; expected x and y",
        ),
        ([shape([[1, 1], [2]])], {}, "Shape 1 of {} has an outline of something else than numbers."),
        ([shape("abc")], {}, "Shape 1 of {} has 'abc' where an outline is expected: a list of numbers."),
        (
            [shape([[1, 1]] * 3, label=None)],
            {},
            "Shape 1 of {} has the label None; expected the name of a class.",
        ),
        (
            [shape([[1, 1]] * 3, kind="cuboid")],
            {},
            "Shape 1 of {} has the shape_type 'cuboid'; known are polygon, mask, circle",
        ),
        (
            [shape([[1, 1]] * 3, kind=["circle"])],
            {},
            "Shape 1 of {} has the shape_type a list of 1; known are polygon",
        ),
        ([shape([[1, 1]] * 3, kind="circle")], {}, "Shape 1 of {} is a circle of 3 points; expected two."),
        (
            [shape([[1, 1]] * 2, kind="circle")],
            {},
            "Shape 1 of {} has the radius 0; expected more than 0 pixels.",
        ),
        (
            [shape([[1, 1], [2, 2]], kind="mask")],
            {},
            "Shape 1 of {} is a mask without its picture's size, two",
        ),
        ([MASK | {"mask": "!"}], {}, "Shape 1 of {} is a mask whose 'mask' is no picture in base 64."),
        (
            [MASK | {"points": [[7, 1], [9, 2]]}],
            {},
            "Shape 1 of {} is a mask that does not lie in its picture",
        ),
        ((), {"imageWidth": 10**9}, "{} is of a picture of 1000000000 x 6 pixels, which is too many."),
        ((), {"shapes": {}}, "{} has no list 'shapes', which LabelMe's files have."),
        ((), {"imagePath": 3}, "{} has the 'imagePath' 3; expected a file's name."),
        (
            (),
            {"imagePath": "b.png"},
            "{} is named as 'a.png' is and says that it is of 'b.png'; rename one of",
        ),
        ((), {"imageWidth": 8.5}, "{} has the width 8.5 and the height 6; expected whole numbers of pixels."),
    ],
)
def test_what_is_wrong_is_one_sentence_with_file_and_entry(tmp_path, shapes, changes, says):
    for name in "ab":
        annotated.save(tmp_path, f"{name}.png", (8, 6))
    write(tmp_path, shapes, **changes)
    with pytest.raises(DatasetError) as info:
        read_labelme(tmp_path)
    assert says.format(repr(str(tmp_path / "a.json"))) in str(info.value) and str(info.value).endswith(".")


def test_a_picture_that_is_not_there(tmp_path):
    write(tmp_path, imageData="iVBOR")
    with pytest.raises(DatasetError, match=r"'a\.png', which is not there; its pixels are in 'imageData'"):
        read_labelme(tmp_path)
    write(tmp_path, imagePath="../../etc/b.png")
    with pytest.raises(
        DatasetError, match=r"names '../../etc/b\.png', which lies outside the data set's folder"
    ):
        read_labelme(tmp_path)


def test_two_files_of_one_picture_and_two_pictures_of_one_file(tmp_path):
    annotated.save(tmp_path, "a.png", (8, 6))
    write(tmp_path)
    write(tmp_path, name="b", imagePath="a.png")
    with pytest.raises(DatasetError, match=r"b\.json' are both of 'a\.png'; keep one\."):
        read_labelme(tmp_path)
    (tmp_path / "b.json").unlink()
    (tmp_path / "a.png").rename(tmp_path / "a.bmp")
    (tmp_path / "a.jpg").write_bytes(b"")
    with pytest.raises(DatasetError, match=r"lies beside 'a\.bmp', 'a\.jpg' and is of 'a\.png'; keep one"):
        read_labelme(tmp_path)
