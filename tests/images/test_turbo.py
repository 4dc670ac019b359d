"""simplejpeg gives Pillow's pixels; what it is not given, or refuses, is Pillow's to read and to refuse."""

import io
import random

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageFile

from foveate.errors import ImageError
from foveate.images import decode, turbo

pytest.importorskip("simplejpeg")


@pytest.fixture
def by_pillow(monkeypatch):
    """The outcome of decoding without simplejpeg: pixels and facts, or the sentence."""

    def outcome(data, divisor=1):
        with monkeypatch.context() as patch:
            patch.setattr(turbo, "_simplejpeg", lambda: None)
            return attempt(data, divisor)

    return outcome


def attempt(data, divisor=1):
    try:
        pixels, info = decode(data, divisor_for=lambda height, width: divisor)
    except ImageError as error:
        return str(error), None
    return pixels, info


def same(one, other):
    boxes = [info and info.box for _, info in (one, other)]  # which is no part of equality
    return one[1] == other[1] and boxes[0] == boxes[1] and np.array_equal(one[0], other[0])


def picture(width=45, height=31):
    """Smooth colours with sharp edges and some noise: what coders of pictures find easy and hard."""
    rng = np.random.default_rng(width * height)
    y, x = np.mgrid[:height, :width]
    waves = np.stack([np.sin(x / 5), np.cos(y / 7), np.sin((x + y) / 3)], -1) * 90 + 128
    waves[height // 3 :, width // 2 :] = (250, 20, 130)
    return Image.fromarray((waves + rng.normal(0, 8, waves.shape)).clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0", "4:1:1"])
@pytest.mark.parametrize("progressive", [False, True])
def test_the_pixels_are_pillows(encoded, by_pillow, monkeypatch, subsampling, progressive):
    monkeypatch.setattr(ImageFile, "MAXBLOCK", 1 << 20)  # Pillow's encoder asks too little for noise
    for width, height in ((45, 31), (1, 1), (2, 9), (17, 16), (64, 48), (301, 203)):
        for quality in (20, 75, 95, 100):
            data = encoded(
                picture(width, height),
                "JPEG",
                subsampling=subsampling,
                quality=quality,
                progressive=progressive,
                optimize=quality == 75,
                restart_marker_blocks=3 if quality == 95 else 0,
            )
            assert turbo.plain_header(data) == ("RGB", width, height, 1)
            found = turbo.pixels(data, "RGB", width, height)
            np.testing.assert_array_equal(found, np.asarray(Image.open(io.BytesIO(data))))
            assert found.flags.writeable and found.flags.c_contiguous and found.dtype == np.uint8
            assert same(attempt(data), by_pillow(data))


def kinds(encoded):
    grey, colour = picture().convert("L"), picture()
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    yield "grey", encoded(grey, "JPEG")
    yield "turned by EXIF", encoded(colour, "JPEG", exif=exif)
    yield "CMYK", encoded(colour.convert("CMYK"), "JPEG")
    yield "RGB, as it is", encoded(colour, "JPEG", keep_rgb=True)
    yield "with a profile", encoded(colour, "JPEG", icc_profile=b"x" * 100)
    yield "with a comment", encoded(colour, "JPEG", comment=b"\xff\xda" * 9)
    yield "several", encoded(colour, "MPO", save_all=True, append_images=[grey])
    data = encoded(colour, "JPEG")
    yield "something behind it", data + b"\0" * 50
    yield "without an end", data[:-2]
    yield "half", data[: len(data) // 2]
    yield "header only", data[: data.index(b"\xff\xda")]
    yield "garbage between markers", data.replace(b"\xff\xdb", b"\xff\xff\xff\xdb", 1)
    yield "sixteen bits", data.replace(b"\xff\xc0\x00\x11\x08", b"\xff\xc0\x00\x11\x10")
    yield "many scans", data + b"\xff\xda" * 200
    yield "too large", data.replace(b"\x00\x1f\x00\x2d", b"\xff\xff\xff\xff")


def test_what_is_unusual_is_read_or_refused_as_without(encoded, by_pillow):
    for name, data in kinds(encoded):
        for divisor in (1, 2):
            assert same(attempt(data, divisor), by_pillow(data, divisor)), (name, divisor)


@pytest.mark.parametrize("divisor", [2, 4, 8])
def test_pictures_decoded_smaller_are_pillows_too(encoded, by_pillow, divisor):
    for width, height in ((301, 203), (64, 65), (71, 200), (63, 300), (9, 8)):
        data = encoded(picture(width, height), "JPEG", quality=90)
        assert same(attempt(data, divisor), by_pillow(data, divisor)), (width, height)


def test_damaged_files_are_read_as_without_or_refused(encoded, by_pillow):
    rng = random.Random(4)
    whole = encoded(picture(), "JPEG", quality=80)
    refused = []
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(rng.choice((1, 1, 4))):
            data[rng.randrange(2, len(data))] = rng.randrange(256)
        found, without = attempt(bytes(data)), by_pillow(bytes(data))
        refused.append((found[1] is None, without[1] is None))
        assert found[1] is None or same(found, without)
    assert refused.count((True, True)) > 20


def exif_block(orientation=6, order="<"):
    """As cameras write it: texts and fractions that lie behind the table, and the turn among them."""
    exif = Image.Exif()
    exif.endian = order
    exif[ExifTags.Base.Make] = "Some maker of cameras"
    exif[ExifTags.Base.Orientation] = orientation
    exif[ExifTags.Base.XResolution] = 72.0
    exif[ExifTags.Base.DateTime] = "2026:01:02 03:04:05"
    return exif.tobytes()


def with_blocks(jpeg, *blocks):
    """The file with segments, (marker, body) each, behind its first marker."""
    segments = (bytes((0xFF, marker)) + (2 + len(body)).to_bytes(2, "big") + body for marker, body in blocks)
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("orientation", range(10))
def test_a_picture_of_a_camera_is_plain(encoded, by_pillow, orientation, order):
    xmp = (0xE1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta/>")
    profile = (0xE2, b"ICC_PROFILE\0\1\1" + b"p" * 200)
    adobe = (0xEE, b"Adobe\0\x64\0\0\0\0\1")
    block = (0xE1, exif_block(orientation, order))
    data = with_blocks(encoded(picture(), "JPEG"), block, xmp, profile, adobe)
    assert (turbo.plain_header(data) is not None) == (1 <= orientation <= 8)
    for divisor in (1, 2):
        assert same(attempt(data, divisor), by_pillow(data, divisor))
    if 1 <= orientation <= 8:
        assert turbo.plain_header(data) == ("RGB", 45, 31, orientation)


def test_damaged_notes_of_a_camera_turn_a_picture_as_pillow_does(encoded, by_pillow):
    rng, plain = random.Random(5), 0
    jpeg = encoded(picture(), "JPEG")
    for _ in range(400):
        block = bytearray(exif_block(rng.randrange(1, 9), rng.choice("<>")))
        for _ in range(rng.choice((1, 2, 8))):
            block[rng.randrange(len(block))] = rng.choice((0, 1, 3, 6, 255, rng.randrange(256)))
        cut = rng.choice((len(block), rng.randrange(len(block))))
        blocks = [(0xE1, bytes(block[:cut]))] * rng.choice((1, 1, 1, 2))
        data = with_blocks(jpeg, *blocks)
        plain += turbo.plain_header(data) is not None
        assert same(attempt(data), by_pillow(data)), bytes(block[:cut])
    assert 50 < plain < 350


@pytest.mark.parametrize("marker, body", [(0xE2, b"ICC_PROFILE\0\1"), (0xEE, b"Adobe\0"), (0xE2, b"MPF\0")])
def test_short_and_other_blocks_are_left_to_pillow(encoded, by_pillow, marker, body):
    data = with_blocks(encoded(picture(), "JPEG"), (marker, body))
    assert turbo.plain_header(data) is None
    assert same(attempt(data), by_pillow(data))
