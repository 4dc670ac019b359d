"""Masks in files: what is read against what Pillow and NumPy read, and every way in which one is no mask."""

import numpy as np
import pytest
from PIL import Image

from foveate.errors import DatasetError, UnreadableImageError
from foveate.tasks.segmentation.colours import ClassTable
from foveate.tasks.segmentation.legend import STRAY, legend_of
from foveate.tasks.segmentation.mask_files import TURN_UNKNOWN, TURNED, FileMask, InstanceMask, NoMask
from foveate.tasks.segmentation.masks import MisreadMaskError, Oddity, look
from foveate.tasks.segmentation.names import IGNORED
from mask_sets import numbers, picture, save

COLOURS = ((0, 0, 0), (250, 10, 10), (10, 10, 250))
TABLE = ClassTable("classes.csv", ("ground", "void", "roof"), (0, 1, 2), COLOURS)
PLAIN = ClassTable("classes.txt", ("ground", "void", "roof"), (0, 1, 2))


def mask(path, table=PLAIN, ignore=(), picture="", **legend):
    return FileMask(str(path), path.name, legend_of(table, ignore, **legend), str(picture))


def test_numbers_are_places_and_what_is_ignored_is_left_out(tmp_path):
    values = numbers(0)
    path = save(tmp_path / "m.png", values)
    assert np.array_equal(mask(path).read(), values)
    found = mask(path, ignore=("void",))
    assert found.labelling.classes == ("ground", "roof") and found.labelling.ignored == "void"
    assert np.array_equal(found.read(), np.array([0, IGNORED, 1], np.uint8)[values])
    assert np.array_equal(mask(path, ignore=("1",)).read(), found.read())


def test_a_number_that_is_no_class_may_be_ignored(tmp_path):
    values = numbers(0)
    values[0, :3] = 255
    found = mask(save(tmp_path / "m.png", values), ignore=("255",))
    assert found.labelling.classes == PLAIN.names
    assert np.array_equal(found.read(), np.where(values == 255, IGNORED, values))


def test_sixteen_bits_are_looked_up_as_well(tmp_path):
    table = ClassTable("classes.csv", ("a", "b"), (7, 30_000))
    values = np.where(numbers(1, 2) == 1, 30_000, 7).astype(np.uint16)
    assert np.array_equal(mask(save(tmp_path / "m.png", values), table).read(), values == 30_000)


def test_colours_are_looked_up(tmp_path):
    values = numbers(2)
    path = save(tmp_path / "m.png", np.array(COLOURS, np.uint8)[values])
    assert np.array_equal(mask(path, TABLE).read(), values)


def test_an_indexed_mask_is_read_by_number_or_by_palette(tmp_path):
    values = numbers(3)
    image = Image.fromarray(values)
    image.putpalette([part for number in (2, 0, 1) for part in COLOURS[number]])
    path = save(tmp_path / "m.png", image)
    assert np.array_equal(mask(path, TABLE).read(), values)
    assert np.array_equal(mask(path, TABLE, by_palette=True).read(), np.array([2, 0, 1])[values])


def test_grey_saved_as_rgb_is_read_as_grey(tmp_path):
    values = numbers(4)
    path = save(tmp_path / "m.png", np.repeat(values[..., None], 3, axis=2))
    assert np.array_equal(mask(path).read(), values)


def test_colours_of_no_class_are_ignored_counted_and_their_neighbours_named(tmp_path):
    values = numbers(5)
    coloured = np.array(COLOURS, np.uint8)[values]
    coloured[3, 4] = (200, 10, 10)
    coloured[5, :2] = (10, 10, 200)
    found = look(mask(save(tmp_path / "m.png", coloured), TABLE))
    expected = values.copy()
    expected[3, 4] = expected[5, :2] = IGNORED
    assert np.array_equal(found.pixels, expected)
    what = "(10, 10, 200), nearest to 'roof', (200, 10, 10), nearest to 'void'"
    assert found.oddities == (Oddity(STRAY, 3, what),)


def test_numbers_beyond_the_list_condemn_the_set(tmp_path):
    values = numbers(6)
    values[0, :5] = 3
    with pytest.raises(
        MisreadMaskError, match=r"'m.png' has 3 in 5 pixels, and classes.txt goes from 0 to 2"
    ):
        mask(save(tmp_path / "m.png", values)).read()
    values[0, :5] = 255
    with pytest.raises(MisreadMaskError, match="255 marks what is to be left out, say ignore='255'"):
        mask(save(tmp_path / "m.png", values)).read()


def test_colours_without_a_table_condemn_it_too(tmp_path):
    path = save(tmp_path / "m.png", np.array(COLOURS, np.uint8)[numbers(7)])
    with pytest.raises(MisreadMaskError, match="no table says which colour is which class"):
        mask(path).read()


def test_a_jpeg_is_no_mask(tmp_path):
    with pytest.raises(MisreadMaskError, match="is a JPEG file, whose compression changes the numbers"):
        mask(save(tmp_path / "m.jpg", numbers(8))).read()


@pytest.mark.parametrize("ignore", [("viod",), ("roof", "ground", "void")])
def test_what_cannot_be_ignored_is_refused(ignore):
    with pytest.raises(
        DatasetError, match=r"no class 'viod' in classes.txt; did you mean 'void'|leaves no class"
    ):
        legend_of(PLAIN, ignore)


# --- Turned pictures ----------------------------------------------------------------------------------------

# What Pillow's ImageOps.exif_transpose does for each orientation, by hand on arrays (Exif 2.32, tag 0x0112).
TURNS = {
    5: lambda a: a.T, 6: lambda a: np.rot90(a, -1), 7: lambda a: a[::-1, ::-1].T, 8: np.rot90,
}  # fmt: skip


def turned_picture(path, orientation, size=(24, 16)):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return save(path, picture(0, size), exif=exif)


@pytest.mark.parametrize("orientation", TURNS)
def test_an_unturned_mask_under_a_turned_picture_is_turned(tmp_path, orientation):
    values = numbers(9)
    shown = turned_picture(tmp_path / "p.jpg", orientation)
    found = look(mask(save(tmp_path / "m.png", values), picture=shown))
    assert np.array_equal(found.pixels, TURNS[orientation](values))
    assert [oddity.kind for oddity in found.oddities] == [TURNED]
    again = look(mask(save(tmp_path / "m.png", found.pixels), picture=shown))
    assert np.array_equal(again.pixels, found.pixels) and again.oddities == ()


@pytest.mark.parametrize(("orientation", "size"), [(2, (24, 16)), (3, (24, 16)), (6, (16, 16))])
def test_where_the_size_does_not_tell_that_is_said(tmp_path, orientation, size):
    values = numbers(9, size=size)
    shown = turned_picture(tmp_path / "p.jpg", orientation, size)
    found = look(mask(save(tmp_path / "m.png", values), picture=shown))
    assert np.array_equal(found.pixels, values)
    assert [oddity.kind for oddity in found.oddities] == [TURN_UNKNOWN]


def test_a_mask_of_another_size_is_refused(tmp_path):
    shown = save(tmp_path / "p.png", picture(0))
    with pytest.raises(UnreadableImageError, match="it is 16 x 24, and its picture 24 x 16"):
        mask(save(tmp_path / "m.png", numbers(0).T.copy()), picture=shown).read()


# --- Instances and missing files ---------------------------------------------------------------------------

BINARY = legend_of(ClassTable("the masks", ("background", "foreground"), (0, 255)), ())


def test_instances_are_merged(tmp_path):
    random = np.random.default_rng(0)
    each = random.random((4, 16, 24)) < 0.2
    forms = [each[0], each[1] * np.uint8(255), each[2] * np.uint8(1), np.dstack([each[3] * np.uint8(9)] * 3)]
    paths = tuple(str(save(tmp_path / f"{i}.png", one)) for i, one in enumerate(forms))
    found = InstanceMask(paths, "masks/a", BINARY).read()
    assert np.array_equal(found, each.any(axis=0))


def test_instances_of_two_sizes_and_none_are_refused(tmp_path):
    paths = tuple(str(save(tmp_path / f"{i}.png", np.zeros((4, 5 + i), np.uint8))) for i in range(2))
    with pytest.raises(UnreadableImageError, match=r"'masks/a/1.png': it is 6 x 4, and others 5 x 4"):
        InstanceMask(paths, "masks/a", BINARY).read()
    with pytest.raises(UnreadableImageError, match="the folder holds no mask"):
        InstanceMask((), "masks/a", BINARY).read()
    jpeg = (str(save(tmp_path / "j.jpg", np.zeros((4, 5), np.uint8))),)
    with pytest.raises(MisreadMaskError, match=r"masks/a/j.jpg' is a JPEG"):
        InstanceMask(jpeg, "masks/a", BINARY).read()


@pytest.mark.parametrize("data", [b"", b"no picture", b"\x89PNG\r\n\x1a\n\0\0"])
def test_what_cannot_be_read_is_named(tmp_path, data):
    path = tmp_path / "m.png"
    path.write_bytes(data)
    with pytest.raises(UnreadableImageError, match=r"Cannot read mask 'm.png': "):
        mask(path).read()
    with pytest.raises(UnreadableImageError, match="there is no mask of this name"):
        NoMask("masks/m.png", BINARY.labelling).read()
