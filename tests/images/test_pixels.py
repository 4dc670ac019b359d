import numpy as np
import pytest
from PIL import Image, ImageCms

from foveate.images import is_grey, read_image, to_grey

WHITE, RED = (255, 255, 255), (255, 0, 0)


def test_grey_is_pillows_grey():
    levels = np.array([0, 1, 2, 63, 127, 128, 200, 254, 255], np.uint8)
    colours = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(1, -1, 3)
    expected = np.asarray(Image.fromarray(colours).convert("L"))
    np.testing.assert_array_equal(to_grey(colours)[..., 0], expected)


def test_grey_pictures_are_left_unchanged():
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    assert is_grey(ramp)
    np.testing.assert_array_equal(to_grey(ramp)[..., 0], ramp[..., 0])
    assert to_grey(ramp[None]).shape == (1, 1, 256, 1)
    ramp[0, 9, 2] ^= 1
    assert not is_grey(ramp)
    assert is_grey(ramp[..., :1])


def grey16(values) -> Image.Image:
    return Image.fromarray(np.array([values], np.uint16))


@pytest.mark.parametrize("form", ["PNG", "TIFF", "PPM"])
def test_16_bit_grey_is_scaled_and_not_clipped(encoded, form):
    # 65535 = 255 * 257, so 257 steps of 16 bits are one step of 8; 128/257 rounds down, 129/257 up.
    stored = [0, 128, 129, 257, 256 * 128, 40000, 65535 - 129, 65535 - 128, 65535]
    expected = [0, 0, 1, 1, 128, 156, 254, 255, 255]
    pixels = read_image(encoded(grey16(stored), form))
    np.testing.assert_array_equal(pixels[0], np.repeat(np.array(expected)[:, None], 3, axis=1))


def test_dark_16_bit_grey_of_ppm_is_not_taken_for_8_bit(encoded):
    np.testing.assert_array_equal(read_image(encoded(grey16([0, 255]), "PPM"))[0, :, 0], [0, 1])


def test_16_bit_colour_keeps_the_high_byte(handmade_png):
    rows = b"\0" + bytes([10, 99, 20, 0, 30, 255])
    np.testing.assert_array_equal(read_image(handmade_png(1, 1, 16, 2, rows)), [[[10, 20, 30]]])


@pytest.mark.parametrize(
    ("stored", "expected"),
    [([0, 7, 255], [0, 7, 255]), ([0, 257, 65535], [0, 1, 255])],
)
def test_32_bit_integers_are_8_or_16_bits_by_their_range(encoded, stored, expected):
    picture = Image.fromarray(np.array([stored], np.int32))
    np.testing.assert_array_equal(read_image(encoded(picture, "TIFF"))[0, :, 0], expected)


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ([0.0, 0.5, 1.0], [0, 128, 255]),
        ([0.0, 1.5, 254.6], [0, 2, 255]),
        ([0.0, 257.0, 65535.0], [0, 1, 255]),
    ],
)
def test_floats_take_the_narrowest_range_that_holds_them(encoded, stored, expected):
    picture = Image.fromarray(np.array([stored], np.float32))
    np.testing.assert_array_equal(read_image(encoded(picture, "TIFF"))[0, :, 0], expected)


def test_numbers_without_an_agreed_brightness_are_refused(encoded):
    for values in ([-1.0, 5.0], [0.0, 1e6], [float("nan"), 1.0], [1.0, float("nan")], [0.0, float("inf")]):
        picture = Image.fromarray(np.array([values], np.float32))
        with pytest.raises(ValueError, match="grey values"):
            read_image(encoded(picture, "TIFF"))
    with pytest.raises(ValueError, match="from -3 to 9"):
        read_image(encoded(Image.fromarray(np.array([[-3, 9]], np.int32)), "TIFF"))


def test_alpha_is_laid_on_white_or_on_the_colour_asked_for(encoded):
    pixels = np.array([[[255, 0, 0, 255], [255, 0, 0, 0], [255, 0, 0, 128], [10, 20, 30, 51]]], np.uint8)
    # by hand: round((a * colour + (255 - a) * white) / 255)
    on_white = [[255, 0, 0], [255, 255, 255], [255, 127, 127], [206, 208, 210]]
    on_black = [[255, 0, 0], [0, 0, 0], [128, 0, 0], [2, 4, 6]]
    for form in ("PNG", "WEBP", "TIFF"):
        options = {"lossless": True, "exact": True} if form == "WEBP" else {}
        data = encoded(Image.fromarray(pixels), form, **options)
        np.testing.assert_array_equal(read_image(data)[0], on_white)
        np.testing.assert_array_equal(read_image(data, background=(0, 0, 0))[0], on_black)


def test_grey_with_alpha(encoded):
    picture = Image.fromarray(np.array([[[100, 255], [100, 0], [0, 128]]], np.uint8), "LA")
    np.testing.assert_array_equal(read_image(encoded(picture, "PNG"))[0, :, 0], [100, 255, 127])


def test_palettes_with_and_without_transparency(encoded):
    picture = Image.new("P", (3, 1))
    picture.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    picture.putdata([0, 1, 2])
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    for form in ("PNG", "GIF", "BMP", "TIFF"):
        assert [tuple(p) for p in read_image(encoded(picture, form))[0].tolist()] == colours
    for form in ("PNG", "GIF"):
        shown = read_image(encoded(picture, form, transparency=1))[0].tolist()
        assert [tuple(p) for p in shown] == [RED, WHITE, (0, 0, 255)]
    halves = read_image(encoded(picture, "PNG", transparency=bytes([255, 128, 0])))[0].tolist()
    assert [tuple(p) for p in halves] == [RED, (127, 255, 127), WHITE]


def test_a_colour_named_transparent(handmade_png):
    grey8 = handmade_png(2, 1, 8, 0, b"\0" + bytes([5, 6]), tRNS=b"\0\5")
    np.testing.assert_array_equal(read_image(grey8)[0, :, 0], [255, 6])
    rgb = handmade_png(2, 1, 8, 2, b"\0" + bytes([1, 2, 3, 4, 5, 6]), tRNS=b"\0\1\0\2\0\3")
    np.testing.assert_array_equal(read_image(rgb)[0], [[255, 255, 255], [4, 5, 6]])
    grey16 = handmade_png(2, 1, 16, 0, b"\0" + b"\1\1\2\2", tRNS=b"\1\1")
    np.testing.assert_array_equal(read_image(grey16, background=RED)[0], [[255, 0, 0], [2, 2, 2]])
    bits = handmade_png(2, 1, 1, 0, b"\0\x40", tRNS=b"\0\0")  # black, white; black is transparent
    np.testing.assert_array_equal(read_image(bits, background=RED)[0], [[255, 0, 0], [255, 255, 255]])


@pytest.mark.parametrize("depth", [2, 4])
def test_a_transparent_grey_of_few_bits(handmade_png, depth):
    """Pillow stretches the pixels to 8 bits, and compared them with the number as it stands in the file."""
    most = 2**depth - 1
    row = 1 << 8 - depth | most << 8 - 2 * depth  # the levels 1 and `most`
    data = handmade_png(2, 1, depth, 0, bytes([0, row]), tRNS=b"\0\1")
    np.testing.assert_array_equal(read_image(data, background=RED)[0], [[255, 0, 0], [255, 255, 255]])
    other = handmade_png(2, 1, depth, 0, bytes([0, row]), tRNS=b"\0" + bytes([most]))
    level = 255 // most
    np.testing.assert_array_equal(read_image(other, background=RED)[0], [[level] * 3, [255, 0, 0]])


def test_a_transparent_colour_of_16_bits(handmade_png):
    """All sixteen bits name it: a colour that differs in the low byte alone is not it."""
    it, near, far = b"\x12\x34\xab\xcd\x00\x07", b"\x12\x35\xab\xcd\x00\x07", b"\x99\x34\xab\xcd\x00\x07"
    data = handmade_png(3, 1, 16, 2, b"\0" + it + near + far, tRNS=it)
    shown = read_image(data)[0].tolist()
    assert shown == [[255, 255, 255], [0x12, 0xAB, 0], [0x99, 0xAB, 0]]
    assert read_image(data, background=RED)[0, 0].tolist() == [255, 0, 0]


def test_one_bit_pictures_are_black_and_white(encoded):
    picture = Image.fromarray(np.array([[True, False, True]]))
    for form in ("PNG", "TIFF", "BMP", "PPM"):
        np.testing.assert_array_equal(read_image(encoded(picture, form))[0, :, 1], [255, 0, 255])


def test_cmyk(encoded):
    # no ink is white, full cyan leaves green and blue, black ink is black
    inks = np.array([[[0, 0, 0, 0], [255, 0, 0, 0], [0, 255, 0, 0], [0, 0, 0, 255]]], np.uint8)
    expected = [[255, 255, 255], [0, 255, 255], [255, 0, 255], [0, 0, 0]]
    picture = Image.fromarray(inks, "CMYK")
    np.testing.assert_array_equal(read_image(encoded(picture, "TIFF"))[0], expected)
    wide = picture.resize((32, 8), Image.Resampling.NEAREST)  # blocks of 8, so that JPEG keeps flat colours
    jpeg = encoded(wide, "JPEG", quality=100)
    assert b"Adobe" in jpeg  # the writer says so, and stores the inks inverted, as Photoshop does
    shown = read_image(jpeg)[4, 4::8].astype(int)
    assert np.abs(shown - expected).max() <= 3


def test_lab_is_what_littlecms_makes_of_srgb_undone(encoded):
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    levels = np.array([40, 90, 128, 180, 255], np.uint8)
    colours = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(5, 25, 3)
    picture = ImageCms.applyTransform(
        Image.fromarray(colours), ImageCms.buildTransform(srgb, lab, "RGB", "LAB")
    )
    difference = np.abs(read_image(encoded(picture, "TIFF")).astype(int) - colours)
    assert difference.max() <= 6 and difference.mean() < 1.5  # what a byte for each of L*, a*, b* costs


def test_ycbcr_inside_tiff(encoded):
    flat = np.full((16, 16, 3), (200, 40, 90), np.uint8)
    shown = read_image(encoded(Image.fromarray(flat).convert("YCbCr"), "TIFF", compression="raw"))
    assert np.abs(shown.astype(int) - flat).max() <= 2


def test_strips_of_a_large_picture_join_without_a_seam(encoded, monkeypatch):
    rng = np.random.default_rng(1)
    pictures = {
        "RGBA": Image.fromarray(rng.integers(0, 256, (50, 40, 4), np.uint8)),
        "I;16": Image.fromarray(rng.integers(0, 65536, (50, 40), np.uint16)),
        "P": Image.fromarray(rng.integers(0, 256, (50, 40, 3), np.uint8)).quantize(16),
        "F": Image.fromarray(rng.random((50, 40), np.float32)),
    }
    for mode, picture in pictures.items():
        data = encoded(picture, "TIFF" if mode == "F" else "PNG")
        whole = read_image(data)
        with monkeypatch.context() as patch:
            patch.setattr("foveate.images.pixels._STRIP_PX", 40 * 7)
            np.testing.assert_array_equal(read_image(data), whole)
