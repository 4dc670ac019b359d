import io
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from foveate.errors import InputError
from foveate.images import Preprocessing, read_image, to_grey
from foveate.images.orientation import turn

IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}


def triangle_resize(line: np.ndarray, size: int, start: float, stop: float) -> np.ndarray:
    """Antialiased linear interpolation of the part start..stop of a line, straight from its definition."""
    scale = (stop - start) / size
    support = max(scale, 1.0)
    pixels = np.arange(len(line)) + 0.5
    out = np.empty(size)
    for i in range(size):
        weights = np.clip(1 - np.abs(pixels - (start + (i + 0.5) * scale)) / support, 0, None)
        out[i] = weights @ line / weights.sum()
    return out


def resized(image: np.ndarray, height: int, width: int, box: tuple[float, float, float, float]) -> np.ndarray:
    left, top, right, bottom = box
    rows = np.apply_along_axis(triangle_resize, 1, image.astype(float), width, left, right)
    return np.apply_along_axis(triangle_resize, 0, rows, height, top, bottom)


@pytest.mark.parametrize(
    ("size", "target", "settings_", "box"),
    [
        ((30, 60), (20, 20), {}, (15, 0, 45, 30)),  # the middle square
        ((60, 30), (20, 20), {}, (0, 15, 30, 45)),
        ((40, 40), (20, 20), {"crop_fraction": 0.5}, (10, 10, 30, 30)),  # the middle quarter
        ((30, 70), (10, 20), {}, (5, 0, 65, 30)),
        ((10, 14), (40, 40), {"crop_fraction": 0.875}, (2.625, 0.625, 11.375, 9.375)),  # enlarged
        ((30, 60), (20, 20), {"fit": "stretch"}, (0, 0, 60, 30)),
    ],
)
def test_crop_and_stretch_against_the_definition(size, target, settings_, box):
    image = np.random.default_rng(3).integers(0, 256, (*size, 3), np.uint8)
    out = Preprocessing(*target, **settings_).apply(image)
    expected = resized(image, *target, box)
    assert out.shape == (*target, 3) and out.dtype == np.uint8 and out.flags.c_contiguous
    assert np.abs(out - expected).max() <= 1.01  # Pillow rounds between its two passes


def test_pad_keeps_the_shape_and_fills_the_rest():
    image = np.random.default_rng(3).integers(0, 256, (30, 60, 3), np.uint8)
    out = Preprocessing(20, 20, fit="pad", fill=(1, 2, 3)).apply(image)
    assert np.abs(out[5:15] - resized(image, 10, 20, (0, 0, 60, 30))).max() <= 1.01
    assert (out[:5] == (1, 2, 3)).all() and (out[15:] == (1, 2, 3)).all()
    grey = Preprocessing(20, 20, channels=1, fit="pad", fill=(255, 0, 0)).apply(image)
    assert grey.shape == (20, 20, 1)
    assert (grey[:5] == 76).all()  # 0.299 * 255


def test_nothing_is_done_where_nothing_is_needed():
    image = np.random.default_rng(3).integers(0, 256, (20, 24, 3), np.uint8)
    for fit in ("crop", "pad", "stretch"):
        for interpolation in ("nearest", "bilinear", "bicubic"):
            same = Preprocessing(20, 24, fit=fit, interpolation=interpolation)
            assert same.keeps(20, 24) and not same.keeps(24, 20)
            np.testing.assert_array_equal(same.apply(image), image)
    assert not Preprocessing(20, 24, crop_fraction=0.9).keeps(20, 24)
    assert Preprocessing(20, 24, fit="pad", crop_fraction=0.9).keeps(20, 24)


def test_nearest_takes_pixels_as_they_are():
    image = np.arange(12, dtype=np.uint8).reshape(2, 6, 1).repeat(3, axis=2)
    out = Preprocessing(4, 12, fit="stretch", interpolation="nearest").apply(image)
    np.testing.assert_array_equal(out, image.repeat(2, axis=0).repeat(2, axis=1))


def test_grey_and_colour():
    colour = np.random.default_rng(3).integers(0, 256, (9, 9, 3), np.uint8)
    grey = to_grey(colour)
    np.testing.assert_array_equal(Preprocessing(9, 9, channels=1).apply(colour), grey)
    np.testing.assert_array_equal(Preprocessing(9, 9, channels=1).apply(grey), grey)
    np.testing.assert_array_equal(Preprocessing(9, 9).apply(grey), grey.repeat(3, axis=2))
    same = grey.repeat(3, axis=2)
    for size in (5, 20):  # a grey picture stays grey whichever way it goes
        one, three = (Preprocessing(size, size, channels=c).apply(same) for c in (1, 3))
        np.testing.assert_array_equal(one.repeat(3, axis=2), three)


@pytest.mark.parametrize("size", [(1, 5000), (5000, 1), (1, 1), (3, 2), (65_535, 1)])
@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic"])
def test_extreme_shapes(size, fit, interpolation):
    image = np.full((*size, 3), 77, np.uint8)
    for channels in (1, 3):
        pre = Preprocessing(
            224, 160, channels, fit, crop_fraction=0.875, interpolation=interpolation, fill=(77, 77, 77)
        )
        out = pre.apply(image)
        assert out.shape == (224, 160, channels)
        assert (out == 77).all()


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    height=st.integers(1, 300),
    width=st.integers(1, 300),
    target=st.tuples(st.integers(1, 64), st.integers(1, 64)),
    fit=st.sampled_from(["crop", "pad", "stretch"]),
    fraction=st.floats(0.01, 1.0),
)
def test_any_size_goes_into_any_other_and_a_flat_picture_stays_flat(height, width, target, fit, fraction):
    pre = Preprocessing(*target, fit=fit, crop_fraction=fraction, fill=(9, 99, 199))
    out = pre.apply(np.full((height, width, 3), (9, 99, 199), np.uint8))
    assert (out == (9, 99, 199)).all()


@pytest.mark.parametrize(
    ("size", "settings_", "divisor"),
    [
        ((375, 500), {}, 1),  # to 224: 1.7 pixels become one
        ((896, 896), {}, 2),  # exactly four: two are left to filter
        ((895, 2000), {}, 1),
        ((3000, 4000), {"crop_fraction": 0.875}, 4),
        ((3000, 4000), {"fit": "pad"}, 8),  # the longer side is the one that fits
        ((3000, 4000), {"fit": "stretch"}, 4),
        ((9000, 9000), {}, 8),
        ((9000, 9000), {"interpolation": "nearest"}, 1),
    ],
)
def test_how_much_smaller_a_jpeg_may_be_decoded(size, settings_, divisor):
    assert Preprocessing(224, 224, **settings_).jpeg_divisor(*size) == divisor


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
def test_a_picture_decoded_smaller_becomes_nearly_the_same_input(fit):
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (30, 40, 3), np.uint8)
    photograph = Image.fromarray(small).resize((1600, 1200), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    photograph.save(file, "JPEG", quality=95)
    shape = Preprocessing(96, 96, fit=fit)
    assert shape.jpeg_divisor(1200, 1600) > 1
    whole, less = shape.apply(read_image(file.getvalue())), shape.read(file.getvalue())
    assert 0 < np.abs(whole.astype(int) - less.astype(int)).mean() < 0.5


def test_mirrored_pictures_give_mirrored_results():
    image = np.random.default_rng(3).integers(0, 256, (37, 53, 3), np.uint8)
    pre = Preprocessing(16, 16, crop_fraction=0.9)
    np.testing.assert_allclose(pre.apply(image[:, ::-1]).astype(int), pre.apply(image)[:, ::-1], atol=1)


def test_a_batch_is_its_pictures_one_by_one():
    batch = np.random.default_rng(3).integers(0, 256, (4, 12, 10, 3), np.uint8)
    for pre in (Preprocessing(12, 10), Preprocessing(12, 10, channels=1), Preprocessing(7, 9, fit="pad")):
        np.testing.assert_array_equal(pre.apply_batch(batch), np.stack([pre.apply(i) for i in batch]))
        one = pre.apply_batch(batch[..., :1])
        np.testing.assert_array_equal(one, np.stack([pre.apply(i) for i in batch[..., :1]]))
        assert pre.apply_batch(batch[:0]).shape == (0, pre.height, pre.width, pre.channels)


def test_normalise_is_torchvisions():
    pre = Preprocessing(2, 2, **IMAGENET)
    batch = np.random.default_rng(3).integers(0, 256, (5, 2, 2, 3), np.uint8)
    out = pre.normalise(batch)
    expected = (batch / 255.0 - IMAGENET["mean"]) / IMAGENET["std"]
    assert out.dtype == np.float32 and out.shape == (5, 3, 2, 2) and out.flags.c_contiguous
    np.testing.assert_allclose(out, expected.transpose(0, 3, 1, 2), atol=2e-6)
    by_hand = (
        batch.transpose(0, 3, 1, 2).astype(np.float32) * pre.scale[:, None, None] + pre.shift[:, None, None]
    )
    np.testing.assert_array_equal(out, by_hand)
    assert pre.scale.dtype == pre.shift.dtype == np.float32


def test_without_mean_and_std_pixels_become_0_to_1():
    pre = Preprocessing(1, 2, channels=1)
    assert pre.mean == (0.0,) and pre.std == (1.0,)
    np.testing.assert_array_equal(pre.normalise(np.array([[[[0], [255]]]], np.uint8)), [[[[0.0, 1.0]]]])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"height": 0}, "height must be 1 to 8192, not 0"),
        ({"width": 2.5}, "width must be"),
        ({"width": True}, "width must be"),
        ({"height": 9000}, "height must be"),
        ({"channels": 2}, r"channels must be 1 \(grey\) or 3 \(RGB\), not 2"),
        ({"fit": "squash"}, "fit must be crop, pad or stretch, not 'squash'"),
        ({"fit": ["crop"]}, "fit must be"),
        ({"interpolation": "lanczos"}, "interpolation must be"),
        ({"interpolation": []}, "interpolation must be"),
        ({"crop_fraction": 0}, "crop_fraction must be above 0, at most 1"),
        ({"crop_fraction": float("nan")}, "crop_fraction must be"),
        ({"crop_fraction": "1"}, "crop_fraction must be"),
        ({"fill": (1, 2)}, "fill must be three whole numbers"),
        ({"fill": (1, 2, 256)}, "fill must be"),
        ({"mean": (0.5,)}, "mean must be 3 numbers, one a channel"),
        ({"std": (1, 1, float("inf"))}, "std must be"),
        ({"std": (1, 0, 1)}, "std must be above 0"),
        ({"std": 1.0}, "std must be"),
        ({"mean": (10**400, 0, 0)}, "mean must be"),
    ],
)
def test_impossible_settings_are_refused_when_made(arguments, message):
    with pytest.raises(InputError, match=message):
        Preprocessing(**({"height": 8, "width": 8} | arguments))


def test_wrong_arrays_are_refused():
    pre = Preprocessing(4, 4)
    for wrong in (
        np.zeros((4, 4)),
        np.zeros((4, 4, 3)),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
    ):
        with pytest.raises(InputError, match="A picture is uint8"):
            pre.apply(wrong)
    with pytest.raises(InputError, match="A batch is uint8"):
        pre.normalise(np.zeros((1, 4, 4, 1), np.uint8))


def test_round_trip_through_json():
    pre = Preprocessing(224, 192, 3, "pad", 0.875, "bicubic", (0, 1, 2), **IMAGENET)
    again = Preprocessing.from_dict(json.loads(json.dumps(pre.to_dict(), allow_nan=False)))
    assert again == pre and hash(again) == hash(pre)
    json.dumps(Preprocessing(np.int64(4), np.int32(4), mean=np.ones(3, np.float32).tolist()).to_dict())


def test_from_dict_is_strict():
    good = Preprocessing(8, 8).to_dict()
    with pytest.raises(InputError, match="has no setting 'sharpen'"):
        Preprocessing.from_dict(good | {"sharpen": True})
    for key in good.keys() - {"sample_range"}:  # older models' config.json has none
        with pytest.raises(InputError, match=f"lacks the setting '{key}'"):
            Preprocessing.from_dict({k: v for k, v in good.items() if k != key})
    for wrong in (None, [], "crop", 3):
        with pytest.raises(InputError, match="must be a mapping"):
            Preprocessing.from_dict(wrong)
    with pytest.raises(InputError, match="mean must be"):
        Preprocessing.from_dict(good | {"mean": [[0.5], 0, 0]})


def test_describe():
    assert Preprocessing(224, 224, crop_fraction=0.875).describe() == (
        "Each picture is cut to 87.5% of the largest centred part of that shape and scaled to 224 x 224 "
        "pixels (bilinear), RGB, then (pixel/255 - [0.0, 0.0, 0.0]) / [1.0, 1.0, 1.0]."
    )
    assert "padded with RGB (0, 0, 0)" in Preprocessing(8, 8, fit="pad", fill=(0, 0, 0)).describe()
    assert "stretched to 8 x 9 pixels (bilinear), grey" in Preprocessing(8, 9, 1, "stretch").describe()


def test_a_config_without_a_sample_range_loads_as_it_was():
    made_before = Preprocessing(8, 8).to_dict()
    del made_before["sample_range"]
    assert Preprocessing.from_dict(made_before) == Preprocessing(8, 8)
    assert Preprocessing.from_dict(made_before).sample_range is None
    assert "8 bits" not in Preprocessing.from_dict(made_before).describe()


def test_a_sample_range_is_kept_and_told():
    made = Preprocessing(8, 8, sample_range=(-1024, 3071))
    assert Preprocessing.from_dict(json.loads(json.dumps(made.to_dict()))) == made
    assert "-1024 is black and 3071 white" in made.describe()
    for wrong in ((1, 1), (2, 1), (1,), "01", (0, float("nan")), (0, float("inf")), 5):
        with pytest.raises(InputError, match="sample_range must be None or two numbers"):
            Preprocessing(8, 8, sample_range=wrong)


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("size", [(1025, 769), (1031, 1033), (2041, 520)])
def test_a_picture_decoded_smaller_keeps_its_size(encoded, fit, orientation, size):
    """Rounding its sides up made it as much as a pixel of eight larger: bands shifted against each other."""
    width, height = size
    y, x = np.mgrid[:height, :width]
    bands = np.stack([np.sin(x / 80), np.sin(y / 80), np.sin((x + y) / 120)], -1) * 120 + 128
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(Image.fromarray(bands.astype(np.uint8)), "JPEG", quality=98, subsampling=0, exif=exif)
    shape = Preprocessing(48, 40, fit=fit)
    assert shape.jpeg_divisor(height, width) > 1
    whole, smaller = shape.apply(read_image(data)), shape.read(data)
    assert np.abs(whole.astype(int) - smaller).max() <= 3


FITS = [
    {"fit": "crop"},
    {"fit": "crop", "crop_fraction": 0.875},
    {"fit": "pad", "fill": (0, 0, 0)},
    {"fit": "stretch"},
]


def disc(width, height, x, y, radius):
    rows, columns = np.mgrid[:height, :width] + 0.5
    inside = (columns - x) ** 2 + (rows - y) ** 2 < radius**2
    return np.repeat(np.uint8(255) * inside[..., None], 3, axis=2).astype(np.uint8)


def centre_of(pixels):
    """Where what is bright lies, (x, y): the mean of the pixels' centres."""
    light = pixels[..., 0].astype(float)
    rows, columns = np.mgrid[: light.shape[0], : light.shape[1]] + 0.5
    return np.array([(columns * light).sum(), (rows * light).sum()]) / light.sum()


@pytest.mark.parametrize("settings_", FITS, ids=str)
@pytest.mark.parametrize("size", [(300, 201), (97, 150), (30, 21)])
def test_place_tells_where_a_disc_goes_and_where_it_came_from(settings_, size):
    width, height = size
    x, y, radius = 0.55 * width, 0.4 * height, 0.15 * min(size)
    shape = Preprocessing(56, 72, **settings_)
    place = shape.place(width, height)
    drawn = disc(width, height, x, y, radius)
    found = centre_of(shape.apply(drawn))
    np.testing.assert_allclose(found, place.points(centre_of(drawn)), atol=0.1)
    np.testing.assert_allclose(place.inverse().points(found), (x, y), atol=0.03 * max(size))
    seen = shape.apply(drawn)[..., 0] > 127
    rows, columns = np.nonzero(seen)
    box = place.boxes((x - radius, y - radius, x + radius, y + radius))
    hull = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    np.testing.assert_allclose(box, hull, atol=0.5 + max(place.matrix[0, 0], place.matrix[1, 1]) / 2)


def test_place_of_a_picture_that_fits_moves_nothing():
    for settings_ in ({"fit": "crop"}, {"fit": "pad"}, {"fit": "stretch"}):
        place = Preprocessing(20, 24, **settings_).place(24, 20)
        np.testing.assert_array_equal(place.matrix, [[1, 0, 0], [0, 1, 0]])


@pytest.mark.parametrize("settings_", FITS, ids=str)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_place_holds_for_a_turned_file_decoded_smaller(encoded, settings_, orientation):
    """What is known of the stored pixels goes to the picture as it is seen, and on to the network's input."""
    stored, mark = (1025, 769), (400.0, 500.0)
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(Image.fromarray(disc(*stored, *mark, 120)), "JPEG", quality=98, exif=exif)
    shape = Preprocessing(48, 60, **settings_)
    _, info = shape.decode(data)
    assert info.box is not None
    place = shape.place(info.width, info.height) @ turn(stored, orientation)
    np.testing.assert_allclose(centre_of(shape.read(data)), place.points(mark), atol=0.1)
