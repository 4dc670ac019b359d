"""Tables of classes, and the palette that VOC published."""

import pytest

from foveate.errors import DatasetError
from foveate.tasks.segmentation.colours import VOC, class_table, nearest, voc_colour

# The colours that the VOC development kit's page shows beside the names of its classes.
PUBLISHED = {
    "background": (0, 0, 0), "aeroplane": (128, 0, 0), "bicycle": (0, 128, 0), "bird": (128, 128, 0),
    "boat": (0, 0, 128), "bottle": (128, 0, 128), "bus": (0, 128, 128), "car": (128, 128, 128),
    "cat": (64, 0, 0), "chair": (192, 0, 0), "cow": (64, 128, 0), "diningtable": (192, 128, 0),
    "dog": (64, 0, 128), "horse": (192, 0, 128), "motorbike": (64, 128, 128), "person": (192, 128, 128),
    "pottedplant": (0, 64, 0), "sheep": (128, 64, 0), "sofa": (0, 192, 0), "train": (128, 192, 0),
    "tvmonitor": (0, 64, 128),
}  # fmt: skip


def test_vocs_palette_is_the_published_one():
    assert dict(zip(VOC.names, VOC.colours, strict=True)) == PUBLISHED
    assert voc_colour(255) == (224, 224, 192)


def read(tmp_path, text, name="classes.csv"):
    path = tmp_path / name
    path.write_text(text)
    return class_table(path, name)


@pytest.mark.parametrize(
    "text",
    [
        "name,r,g,b\nsky,1,2,3\nroad,4,5,6\n",
        "b,name,r,g\n3,sky,1,2\n6,road,4,5\n",
        "Name; R; G; B\nsky; 1; 2; 3\nroad; 4; 5; 6\n\n",
        "\ufeffclass,red,green,blue\r\nsky,1,2,3\r\nroad,4,5,6\r\n",
    ],
)
def test_columns_go_by_their_names(tmp_path, text):
    table = read(tmp_path, text)
    assert (table.names, table.colours, table.numbers) == (("sky", "road"), ((1, 2, 3), (4, 5, 6)), (0, 1))


def test_numbers_may_be_named(tmp_path):
    table = read(tmp_path, "number,name\n255,water\n7,land\n")
    assert (table.names, table.numbers, table.colours) == (("water", "land"), (255, 7), ())


@pytest.mark.parametrize(
    ("name", "text", "numbers", "colours"),
    [
        ("classes.txt", "sky\n\nroad works\n", (0, 1), ()),
        ("classes.txt", "3 sky\n5: road works\n", (3, 5), ()),
        ("label_colors.txt", "1 2 3\t\tsky\n4 5 6\t\troad works\n", (0, 1), ((1, 2, 3), (4, 5, 6))),
        (
            "labelmap.txt",
            "# label:color_rgb:parts:actions\nsky:1,2,3::\nroad works:4,5,6::\n",
            (0, 1),
            ((1, 2, 3), (4, 5, 6)),
        ),
    ],
)
def test_texts_as_programs_write_them(tmp_path, name, text, numbers, colours):
    table = read(tmp_path, text, name)
    assert (table.names, table.numbers, table.colours) == (("sky", "road works"), numbers, colours)


def test_names_may_be_numbers(tmp_path):
    table = read(tmp_path, "0:1,2,3::\n7:4,5,6::\n", "labelmap.txt")
    assert (table.names, table.colours) == (("0", "7"), ((1, 2, 3), (4, 5, 6)))
    table = read(tmp_path, "1 2 3 0\n4 5 6 7\n", "label_colors.txt")
    assert (table.names, table.colours) == (("0", "7"), ((1, 2, 3), (4, 5, 6)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "needs a first line with the columns name,r,g,b"),
        ("sky,1,2,3\n", "needs a first line with the columns name,r,g,b .*found: 'sky'"),
        ("name,r,g\nsky,1,2\n", "needs a first line"),
        ("name,r,g,b\n", "lists no class"),
        ("name,r,g,b\nsky,1,2\n", "Line 2 of 'classes.csv' has 3 columns; the first line has 4"),
        ("name,r,g,b\nsky,1,2,256\n", "'b' must be a whole number from 0 to 255, not '256'"),
        ("name,r,g,b\nsky,1,-2,3\n", "'g' must be a whole number"),
        ("name,r,g,b\n ,1,2,3\n", "has no name"),
        ("name,r,g,b\nsky,1,2,3\nroad,1,2,3\n", r"two classes the colour \(1, 2, 3\)"),
        ("name,r,g,b\nsky,1,2,3\nsky,1,2,4\n", "two classes the name 'sky'"),
        ("name,number\nsky,1\nroad,1\n", "two classes the number 1"),
        ("name\n" + "".join(f"c{i}\n" for i in range(256)), "lists 256 classes; at most 255"),
    ],
)
def test_what_is_wrong_with_a_table_is_said(tmp_path, text, message):
    with pytest.raises(DatasetError, match=message):
        read(tmp_path, text)


def test_a_table_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "classes.txt"
    path.write_bytes(b"\xff\xfe\0")
    with pytest.raises(DatasetError, match="no UTF-8 text"):
        class_table(path, "classes.txt")


def test_the_nearest_colour_has_the_least_distance():
    assert nearest((100, 0, 0), {(0, 0, 0): "black", (128, 0, 0): "red", (100, 90, 0): "olive"}) == "red"
