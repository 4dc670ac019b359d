"""Samples as they are stored: every kind of file against what was put into it."""

import io

import numpy as np
import pytest
from PIL import Image

from foveate.errors import UnreadableImageError
from foveate.images.stored import stored

NUMBERS = np.arange(6 * 9).reshape(6, 9) % 12


def encoded(image, form, **how):
    target = io.BytesIO()
    image.save(target, form, **how)
    return target.getvalue()


@pytest.mark.parametrize("form", ["PNG", "TIFF", "BMP", "GIF"])
def test_grey_and_indexed_numbers_come_as_they_are(form):
    grey = Image.fromarray(NUMBERS.astype(np.uint8))
    indexed = grey.copy()
    indexed.putpalette(np.random.default_rng(0).integers(0, 256, 768, dtype=np.uint8).tobytes())
    for image in (grey, indexed):
        found = stored(encoded(image, form))
        assert np.array_equal(found.samples, NUMBERS)
        assert found.form == form and not found.lossy


@pytest.mark.parametrize("bits", [2, 4])
def test_grey_of_few_bits_is_not_stretched(bits):
    """Pillow gives a grey PNG of 4 bits as 0, 17, 34 ...; made by hand, for Pillow writes none."""
    values = NUMBERS[:, :8] % 2**bits
    data = grey_png(values, bits)
    assert np.asarray(Image.open(io.BytesIO(data))).max() > 2**bits - 1
    assert np.array_equal(stored(data).samples, values)


def grey_png(values, bits):
    import struct
    import zlib

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    height, width = values.shape
    shifts = bits * np.arange(8 // bits)[::-1]
    packed = (values.reshape(height, -1, 8 // bits) << shifts).sum(axis=2).astype(np.uint8)
    rows = b"".join(b"\0" + row.tobytes() for row in packed)
    head = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_sixteen_bits_keep_all_of_them(form):
    values = (NUMBERS * 1001).astype(np.uint16)
    assert np.array_equal(stored(encoded(Image.fromarray(values), form)).samples, values)


def test_wide_integers_of_a_tiff_are_kept():
    values = (NUMBERS * 70_000).astype(np.int32)
    assert np.array_equal(stored(encoded(Image.fromarray(values), "TIFF")).samples, values)


def test_one_bit_is_black_and_white():
    found = stored(encoded(Image.fromarray(NUMBERS > 5), "PNG"))
    assert np.array_equal(found.samples, np.where(NUMBERS > 5, 255, 0))


def test_colours_and_palettes_are_kept():
    colours = np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)
    assert np.array_equal(stored(encoded(Image.fromarray(colours), "PNG")).samples, colours)
    opaque = np.dstack([colours, np.full((6, 9), 255, np.uint8)])
    assert np.array_equal(stored(encoded(Image.fromarray(opaque), "PNG")).samples, colours)
    indexed = Image.fromarray(NUMBERS.astype(np.uint8))
    indexed.putpalette([1, 2, 3, 4, 5, 6] + [0] * 762)
    palette = stored(encoded(indexed, "PNG")).palette
    assert palette[:2].tolist() == [[1, 2, 3], [4, 5, 6]]


def test_a_transparent_entry_of_a_palette_changes_no_number():
    indexed = Image.fromarray(NUMBERS.astype(np.uint8))
    indexed.putpalette([0] * 768)
    found = stored(encoded(indexed, "PNG", transparency=3))
    assert np.array_equal(found.samples, NUMBERS)


def test_it_is_turned_as_its_exif_says():
    exif = Image.Exif()
    exif[0x0112] = 6
    found = stored(encoded(Image.fromarray(NUMBERS.astype(np.uint8)), "PNG", exif=exif))
    assert np.array_equal(found.samples, np.rot90(NUMBERS, -1))


@pytest.mark.parametrize(("form", "how"), [("JPEG", {}), ("WEBP", {}), ("TIFF", {"compression": "jpeg"})])
def test_forms_that_lose_something_are_told(form, how):
    assert stored(encoded(Image.fromarray(NUMBERS.astype(np.uint8)), form, **how)).lossy


@pytest.mark.parametrize(
    ("image", "form", "reason"),
    [
        (Image.fromarray(np.zeros((4, 4), np.float32)), "TIFF", "neither whole numbers nor RGB"),
        (Image.new("CMYK", (4, 4)), "TIFF", "neither whole numbers nor RGB"),
        (Image.new("RGBA", (4, 4), (1, 2, 3, 4)), "PNG", "parts of it are transparent"),
        (Image.new("LA", (4, 4), (1, 4)), "PNG", "parts of it are transparent"),
    ],
)
def test_what_holds_no_numbers_is_refused(image, form, reason):
    with pytest.raises(UnreadableImageError, match=reason):
        stored(encoded(image, form))


def test_what_is_damaged_is_refused():
    whole = encoded(Image.fromarray(NUMBERS.astype(np.uint8)), "PNG")
    with pytest.raises(UnreadableImageError, match="truncated"):
        stored(whole[:-30], name="m.png")
