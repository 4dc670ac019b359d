"""CVAT's XML as people have it: shapes, subsets, and what is wrong with files."""

import numpy as np
import pytest

import annotated
from foveate.dataset.sources.annotated import read_annotated
from foveate.dataset.sources.annotated_masks import masks_of
from foveate.dataset.sources.cvat import read_cvat
from foveate.errors import DatasetError

POLYGON = '<polygon label="car" points="1,1;6,1;1,5"/>'
IMAGE = '<image id="0" name="a.png" width="8" height="6">{}</image>'


def write(folder, inner, name="annotations.xml", head=""):
    folder.mkdir(parents=True, exist_ok=True)
    labels = "<meta><task><labels><label><name>car</name></label></labels></task></meta>"
    text = f"<?xml version='1.0'?>{head}<annotations><version>1.1</version>{labels}{inner}</annotations>"
    (folder / name).write_text(text)
    return folder


def mask_of(folder):
    masks, _ = masks_of(read_annotated(folder))
    return masks["train"][0].read()


def test_a_file_a_split(tmp_path):
    for split in ("train", "test"):
        write(tmp_path, IMAGE.format(POLYGON), f"{split}.xml")
        annotated.save(tmp_path / "images" / split, "a.png", (8, 6))
    data = read_cvat(tmp_path)
    assert {key: one[0].file for key, one in data.splits.items()} == {
        "train": "images/train/a.png",
        "test": "images/test/a.png",
    }
    assert read_cvat(tmp_path / "test.xml").splits["train"][0].file == "images/test/a.png"


def test_masks_go_row_by_row_through_their_window(tmp_path):
    annotated.save(tmp_path, "a.png", (8, 6))
    shape = '<mask label="car" left="2" top="1" width="3" height="2" rle="1,2,2,1"/>'
    expected = np.zeros((6, 8), np.uint8)
    expected[1:3, 2:5] = [[0, 1, 1], [0, 0, 1]]
    assert np.array_equal(mask_of(write(tmp_path, IMAGE.format(shape))), expected)


def test_ellipses_are_drawn_by_the_centres_of_pixels(tmp_path):
    annotated.save(tmp_path, "a.png", (40, 30))
    shape = '<ellipse label="car" cx="20.3" cy="14.6" rx="15.2" ry="9.3"/>'
    image = IMAGE.replace("8", "40").replace("6", "30").format(shape)
    mask = mask_of(write(tmp_path, image))
    y, x = np.mgrid[:30, :40] + 0.5
    distance = np.hypot((x - 20.3) / 15.2, (y - 14.6) / 9.3)
    sure = abs(distance - 1) > 0.015
    assert np.array_equal(mask[sure], distance[sure] < 1) and sure.mean() > 0.95


def test_a_turned_box_is_the_upright_one_around_it(tmp_path):
    annotated.save(tmp_path, "a.png", (80, 60))
    box = '<box label="car" xtl="10" ytl="20" xbr="50" ybr="30" rotation="{}"/>'
    image = IMAGE.replace("8", "80").replace("6", "60")
    boxes = "".join(map(box.format, ("90.00", "45.00", "0.00")))
    (one,) = read_cvat(write(tmp_path, image.format(boxes))).splits["train"]
    upright, leaning, plain = one.annotations
    assert upright.box == pytest.approx((25, 5, 35, 45))  # its sides have changed places around (30, 25)
    half = (20 + 5) / 2**0.5  # of both sides of a rectangle of 40 x 10 that stands on a corner
    assert leaning.box == pytest.approx((30 - half, 25 - half, 30 + half, 25 + half))
    assert plain.box == (10, 20, 50, 30) and not upright.polygons


def test_ellipses_are_turned_clockwise(tmp_path):
    annotated.save(tmp_path, "a.png", (40, 30))
    shape = '<ellipse label="car" cx="20.3" cy="14.6" rx="13.2" ry="4.3" rotation="30.00"/>'
    image = IMAGE.replace("8", "40").replace("6", "30").format(shape)
    mask = mask_of(write(tmp_path, image))
    y, x = np.mgrid[:30, :40] + 0.5 - np.array([14.6, 20.3])[:, None, None]
    along, across = x * 3**0.5 / 2 + y / 2, y * 3**0.5 / 2 - x / 2  # y goes down: its right end comes down
    distance = np.hypot(along / 13.2, across / 4.3)
    sure = abs(distance - 1) > 0.04
    assert np.array_equal(mask[sure], distance[sure] < 1) and sure.mean() > 0.95
    assert mask[19, 29] == 1 and mask[9, 29] == 0


def test_lines_are_left_out_and_boxes_are_no_masks(tmp_path):
    annotated.save(tmp_path, "a.png", (8, 6))
    line = '<polyline label="car" points="1,1;2,2"/><tag label="car"/>'
    data = read_cvat(write(tmp_path, IMAGE.format(POLYGON + line)))
    assert data.notes == ("2 points, lines and tags have no area and were left out.",)
    box = '<box label="car" xtl="1" ytl="2" xbr="3" ybr="4.5"/>'
    data = read_cvat(write(tmp_path, IMAGE.format(POLYGON + box)))
    assert data.splits["train"][0].annotations[1].box == (1, 2, 3, 4.5)
    with pytest.raises(DatasetError, match=r"Shape 2 of image 'a\.png' of .* has no outline"):
        masks_of(data)


BOMB = '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("inner", "head", "says"),
    [
        ("&b;", BOMB, "has a DTD (<!DOCTYPE ...>), which annotations do without: take it out."),
        ("<image>", "", "is no valid XML: mismatched tag"),
        ("<track/>", "", "holds tracks of a video; export it as 'CVAT for images'."),
        ("<image/>", "", "has an image without a name."),
        ('<image name="a.png"/>', "", "has no width and height that a picture can have."),
        (IMAGE.replace('"8"', '"8000000"'), "", "has no width and height that a picture can have."),
        (
            IMAGE.replace("id=", 'subset="odd" id='),
            "",
            "has the subset 'odd'; train, val and test are known.",
        ),
        (IMAGE.replace("a.png", "b.png"), "", "names 1 of 1 pictures that are not there: 'b.png'"),
        (IMAGE.format("<polygon/>"), "", "has no label."),
        (
            IMAGE.format('<cuboid label="car"/>'),
            "",
            "is a cuboid; polygons, ellipses, masks and boxes are read.",
        ),
        (IMAGE.format('<polygon label="car" points="1,2;3,4"/>'), "", "has an outline of 2 points; expected"),
        (
            IMAGE.format('<polygon label="car" points="1;2;3"/>'),
            "",
            "has an outline of points with 1 numbers",
        ),
        (IMAGE.format('<polygon label="car" points="a,b"/>'), "", "has the points 'a,b'; expected x,y;x,y"),
        (
            IMAGE.format('<polygon label="car" z_order="x" points="1,1;2,2;3,1"/>'),
            "",
            "has a 'z_order' that is",
        ),
        (IMAGE.format('<box label="car" xtl="inf"/>'), "", "has no number 'xtl'."),
        (
            IMAGE.format('<mask label="car" left="6" top="1" width="3" height="2" rle="6"/>'),
            "",
            "is a mask that does not lie in its picture of 8 x 6 pixels.",
        ),
        (
            IMAGE.format('<mask label="car" left="0" top="0" width="3" height="2" rle="5"/>'),
            "",
            "has run lengths that are not 3 x 2 pixels in all.",
        ),
        (
            IMAGE.format('<mask label="car" left="0" top="0" width="3" height="2" rle="a"/>'),
            "",
            "has run lengths that are no whole numbers.",
        ),
    ],
)
def test_what_is_wrong_is_one_sentence_with_file_and_entry(tmp_path, inner, head, says):
    annotated.save(tmp_path, "a.png", (8, 6))
    write(tmp_path, inner, head=head)
    with pytest.raises(DatasetError) as info:
        read_cvat(tmp_path)
    assert says in str(info.value) and "annotations.xml" in str(info.value)
    assert str(info.value).endswith(".")
