import io
import logging
import os
import socket
import stat
import struct
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, PngImagePlugin

from foveate.errors import ImageError, UnreadableImageError
from foveate.images import ImageInfo, decode, is_image_name, probe, read_bytes, read_image

LOSSLESS = {
    "PNG": {},
    "GIF": None,
    "BMP": {},
    "WEBP": {"lossless": True},
    "TIFF": {},
    "PPM": {},
}


def test_every_lossless_format_gives_the_very_pixels(encoded, noise):
    for form, options in LOSSLESS.items():
        if options is None:
            continue
        pixels = read_image(encoded(Image.fromarray(noise), form, **options))
        np.testing.assert_array_equal(pixels, noise)
        assert pixels.dtype == np.uint8
        assert pixels.flags.writeable and pixels.flags.c_contiguous


def run_lengths(width: int, height: int) -> bytes:
    """A BMP of 8 bits in run lengths: in each row one pixel of colour 1, and the row's end."""
    rows = b"\x01\x01\x00\x00" * height + b"\x00\x01"
    colours = bytes(4) + b"\x10\x20\x30\x00" + bytes(4 * 254)
    start = 14 + 40 + len(colours)
    file = struct.pack("<2sIHHI", b"BM", start + len(rows), 0, 0, start)
    return file + struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, 0, 0, 0, 256, 0) + colours + rows


def test_run_lengths_are_few_for_python_decodes_them():
    found = read_image(run_lengths(5, 3))
    assert found[:, 0].tolist() == [[0x30, 0x20, 0x10]] * 3 and not found[:, 1:].any()
    with pytest.raises(ImageError, match="at most 10,000,000 in all are allowed"):
        read_image(run_lengths(5000, 2001))  # 9 kB, for which others would wait a second


@pytest.mark.parametrize("form", ["JPEG", "AVIF", "GIF"])
def test_lossy_formats_are_read(encoded, form):
    flat = Image.new("RGB", (40, 24), (200, 100, 50))
    pixels, info = decode(encoded(flat, form))
    assert pixels.shape == (24, 40, 3)
    assert np.abs(pixels.astype(int) - (200, 100, 50)).max() <= 6
    assert (info.format, info.width, info.height, info.animated) == (form, 40, 24, False)


def test_the_content_decides_and_not_the_suffix(tmp_path, encoded, noise):
    path = tmp_path / "really-a-png.jpg"
    path.write_bytes(encoded(Image.fromarray(noise), "PNG"))
    np.testing.assert_array_equal(read_image(path), noise)
    np.testing.assert_array_equal(read_image(str(path)), noise)
    assert probe(path).format == "PNG"


# What each orientation (Exif 2.32, 4.6.4 A) does to F as it is stored, so that it is seen upright.
UPRIGHT = ["XXX", "X..", "XX.", "X..", "X.."]
STORED = {
    1: UPRIGHT,
    2: ["XXX", "..X", ".XX", "..X", "..X"],
    3: ["..X", "..X", ".XX", "..X", "XXX"],
    4: ["X..", "X..", "XX.", "X..", "XXX"],
    5: ["XXXXX", "X.X..", "X...."],
    6: ["X....", "X.X..", "XXXXX"],
    7: ["....X", "..X.X", "XXXXX"],
    8: ["XXXXX", "..X.X", "....X"],
}


def drawing(rows: list[str]) -> np.ndarray:
    return np.array([[255 * (c == "X") for c in row] for row in rows], np.uint8)[..., None].repeat(3, axis=2)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["PNG", "TIFF", "WEBP", "JPEG", "AVIF"])
def test_exif_orientation(encoded, orientation, form):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    size = 8 if form in ("JPEG", "AVIF") else 1  # whole blocks, so that lossy formats keep the drawing
    stored = drawing(STORED[orientation]).repeat(size, axis=0).repeat(size, axis=1)
    options = {"lossless": True} if form == "WEBP" else {"quality": 100} if form in ("JPEG", "AVIF") else {}
    data = encoded(Image.fromarray(stored), form, exif=exif, **options)
    pixels, info = decode(data)
    np.testing.assert_array_equal(pixels[size // 2 :: size, size // 2 :: size] > 127, drawing(UPRIGHT) > 127)
    assert pixels.flags.c_contiguous
    assert (info.height, info.width, info.orientation) == (5 * size, 3 * size, orientation)
    assert probe(data) == info


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"nonsense", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"]
)
def test_damaged_exif_does_not_cost_the_picture(encoded, noise, exif):
    for form in ("PNG", "JPEG"):
        assert read_image(encoded(Image.fromarray(noise), form, exif=exif)).shape == noise.shape


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_jpeg_decoded_smaller_looks_the_same(encoded, orientation):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    y, x = np.mgrid[:203, :301]
    smooth = np.stack([x * 255 / 300, y * 255 / 202, (x + y) * 255 / 502], -1).astype(np.uint8)
    data = encoded(Image.fromarray(smooth), "JPEG", quality=95, exif=exif)
    whole, info = decode(data)
    asked = []

    def divisor_for(height, width):
        asked.append((height, width))
        return 4

    small, told = decode(data, divisor_for=divisor_for)
    assert told == info  # it is the picture's size that is told
    assert set(asked) == {whole.shape[:2]}  # as it is seen
    assert small.shape == (-(-whole.shape[0] // 4), -(-whole.shape[1] // 4), 3)
    wanted = np.asarray(Image.fromarray(whole).resize(small.shape[1::-1], Image.Resampling.BOX))
    assert np.abs(small.astype(int) - wanted).max() <= 8


def test_only_jpeg_pictures_are_decoded_smaller(encoded, noise):
    data = encoded(Image.fromarray(noise), "PNG")
    np.testing.assert_array_equal(read_image(data, divisor_for=lambda height, width: 8), noise)


def test_a_sliver_is_decoded_whole(encoded):
    data = encoded(Image.new("RGB", (4000, 15)), "JPEG")
    assert read_image(data, divisor_for=lambda height, width: 2).shape == (15, 4000, 3)


XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF>'
    b"</x:xmpmeta>"
)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_an_orientation_in_xmp_alone_is_ignored_as_browsers_do(encoded, noise, form):
    options = {"tiffinfo": {700: XMP}} if form == "TIFF" else {"xmp": XMP}
    if form == "PNG":
        options = {"pnginfo": PngImagePlugin.PngInfo()}
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", XMP.decode())
    data = encoded(Image.fromarray(noise), form, **options)
    assert b"tiff:Orientation" in data
    pixels, info = decode(data)
    assert pixels.shape == noise.shape
    assert (info.orientation, info.width, info.height) == (1, noise.shape[1], noise.shape[0])
    assert probe(data) == info


def test_avif_under_a_general_brand(encoded, noise):
    """Its major brand says no more than that it holds a picture; among the compatible ones stands avif."""
    data = bytearray(encoded(Image.fromarray(noise), "AVIF"))
    whole = read_image(bytes(data))
    for brand in (b"mif1", b"miaf"):
        data[8:12] = brand
        np.testing.assert_array_equal(read_image(bytes(data)), whole)
        assert probe(bytes(data)).format == "AVIF"
    heic = b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic"
    with pytest.raises(ImageError, match="a HEIC photograph"):
        read_image(heic)


def test_an_orientation_that_is_none_is_ignored(encoded, noise):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 9
    np.testing.assert_array_equal(read_image(encoded(Image.fromarray(noise), "PNG", exif=exif)), noise)


def test_the_first_frame_of_an_animation(encoded, noise):
    for form, options in (("WEBP", {"lossless": True}), ("PNG", {}), ("TIFF", {})):
        data = encoded(
            Image.fromarray(noise),
            form,
            save_all=True,
            append_images=[Image.fromarray(255 - noise)],
            **options,
        )
        pixels, info = decode(data)
        np.testing.assert_array_equal(pixels, noise)
        assert info.animated
    first, second = (Image.new("RGB", (4, 4), colour) for colour in ("red", "blue"))
    pixels, info = decode(encoded(first, "GIF", save_all=True, append_images=[second]))
    assert info.animated
    np.testing.assert_array_equal(pixels[0, 0], [255, 0, 0])


def test_around_a_small_first_frame_of_a_gif_is_nothing(encoded):
    """Pillow paints it in the file's background colour, which browsers ignore."""
    picture = Image.new("P", (8, 8), 1)
    picture.putpalette([255, 255, 0, 200, 30, 40] + [0] * 762)
    data = bytearray(encoded(picture, "GIF", optimize=False))
    data[6:10] = struct.pack("<HH", 16, 16)  # the canvas; the frame says itself that it is 8 x 8
    pixels = read_image(bytes(data))
    assert pixels.shape == (16, 16, 3)
    assert pixels[4, 4].tolist() == [200, 30, 40]
    assert pixels[12, 12].tolist() == pixels[12, 4].tolist() == [255, 255, 255]
    assert read_image(bytes(data), background=(1, 2, 3))[12, 12].tolist() == [1, 2, 3]


def every_format(encoded: Callable[..., bytes], noise: np.ndarray) -> dict[str, bytes]:
    rgb = Image.fromarray(noise)
    files = {form: encoded(rgb, form, **(options or {})) for form, options in LOSSLESS.items()}
    files |= {"JPEG": encoded(rgb, "JPEG"), "progressive": encoded(rgb, "JPEG", progressive=True)}
    files |= {"AVIF": encoded(rgb, "AVIF"), "WEBP lossy": encoded(rgb, "WEBP")}
    files |= {
        "palette": encoded(rgb.quantize(32), "PNG"),
        "16-bit": encoded(Image.new("I;16", (7, 9), 999), "PNG"),
    }
    files |= {"GIF frames": encoded(rgb, "GIF", save_all=True, append_images=[Image.fromarray(255 - noise)])}
    return files


def test_no_truncation_goes_unnoticed(encoded, noise):
    """At every offset: an error with a reason, or (only bytes after the pixels are gone) the very picture."""
    for form, data in every_format(encoded, noise).items():
        whole = read_image(data)
        refused = 0
        for length in range(len(data)):
            try:
                pixels = read_image(data[:length], name="cut.bin")
            except UnreadableImageError as error:
                refused += 1
                assert error.name == "cut.bin"
                assert error.reason and error.reason in str(error) and "\n" not in str(error)
            else:
                assert np.array_equal(pixels, whole), f"{form} cut to {length} of {len(data)} bytes"
        assert refused > len(data) * 0.45, form


@pytest.mark.parametrize("kind", ["RGB", "P", "I;16"])
def test_a_png_cut_in_its_pixels_and_closed_is_no_picture(encoded, noise, kind):
    """What a copy that broke off leaves, with an end marker as an uploader may put there: at every offset."""
    end = b"\0\0\0\0IEND\xaeB`\x82"
    grey = np.asarray(Image.fromarray(noise).convert("L")).astype(np.uint16) * 257
    pictures = {
        "RGB": Image.fromarray(noise),
        "P": Image.fromarray(noise).quantize(16),
        "I;16": Image.fromarray(grey),
    }
    data = encoded(pictures[kind], "PNG")
    for cut in range(data.index(b"IDAT") + 8, len(data) - len(end)):
        with pytest.raises(ImageError, match=r"truncated|damaged|not a picture"):
            read_image(data[:cut] + end)


def test_pixels_of_a_png_that_were_changed_on_the_way_are_refused(encoded, noise):
    data = bytearray(encoded(Image.fromarray(noise), "PNG"))
    data[data.index(b"IDAT") + 9] ^= 1
    with pytest.raises(ImageError, match="damaged"):
        read_image(bytes(data))


def test_a_truncated_file_says_so(encoded, noise):
    for form in ("JPEG", "PNG"):
        data = encoded(Image.fromarray(noise), form)
        with pytest.raises(ImageError, match="truncated"):
            read_image(data[: len(data) * 3 // 4])


STARTS = [
    b"",
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"GIF89a",
    b"BM",
    b"RIFF\0\0\0\0WEBP",
    b"P6 ",
    b"P1\n",
    b"\0\0\0\x20ftypavif",
]


@settings(max_examples=150, deadline=None, derandomize=True)
@given(start=st.sampled_from(STARTS), rest=st.binary(max_size=300))
def test_any_bytes_are_a_picture_or_an_image_error(start, rest):
    for read in (read_image, probe):
        try:
            result = read(start + rest)
        except ImageError as error:
            assert "\n" not in str(error)
        else:
            assert isinstance(result, np.ndarray | ImageInfo)


@settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_any_damage_is_a_picture_or_an_image_error(encoded, noise, data):
    files = _FILES or every_format(encoded, noise)
    _FILES.update(files)
    form = data.draw(st.sampled_from(sorted(files)))
    damaged = bytearray(files[form])
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        pixels = read_image(bytes(damaged), max_pixels=10**6)
    except ImageError as error:
        assert "\n" not in str(error)
    else:
        assert pixels.ndim == 3 and pixels.shape[2] == 3 and pixels.dtype == np.uint8


_FILES: dict[str, bytes] = {}


def test_damaged_tiff_is_a_picture_or_an_image_error(capfd, encoded, noise):
    rng = np.random.default_rng(5)
    for options in ({}, {"compression": "tiff_lzw"}, {"compression": "jpeg"}):
        whole = encoded(Image.fromarray(noise), "TIFF", **options)
        for _ in range(60):
            damaged = bytearray(whole)
            for position in rng.integers(0, len(whole), 4):
                damaged[position] = rng.integers(0, 256)
            try:
                read_image(bytes(damaged), max_pixels=10**6)
            except ImageError as error:
                assert "\n" not in str(error)
    assert capfd.readouterr().err == ""


BOUNDED = """
import resource, sys
from foveate.errors import ImageError
from foveate.images import read_image
import PIL.PngImagePlugin, PIL.WebPImagePlugin
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 64 * 2**20, used + 64 * 2**20))
try:
    read_image(sys.argv[1])
except ImageError as error:
    print(error.reason)
"""


@pytest.mark.skipif(
    not sys.platform.startswith("linux"),
    reason="this machine is no Linux",
)
def test_a_decompression_bomb_is_refused_from_its_header(tmp_path, handmade_png):
    side = 13_000  # 169 Mpx of zeros: 1 bit a pixel, 20 KB as a file, 500 MB as RGB
    bomb = tmp_path / "bomb.png"
    bomb.write_bytes(handmade_png(side, side, 1, 0, bytes((side // 8 + 1) * side)))
    assert bomb.stat().st_size < 30_000
    done = subprocess.run([sys.executable, "-c", BOUNDED, bomb], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("it is 13,000 x 13,000 pixels; at most 89,478,485")
    lying = bytearray(b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xffVP8L\0\0\0\0")
    bomb.write_bytes(lying)
    done = subprocess.run([sys.executable, "-c", BOUNDED, bomb], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("it is 16,777,216 x 16,777,216 pixels")


def test_limits_come_before_the_pixels(encoded, handmade_png):
    data = encoded(Image.new("RGB", (30, 40)), "PNG")
    assert read_image(data, max_pixels=1200).shape == (40, 30, 3)
    for read in (read_image, probe):
        with pytest.raises(ImageError, match="it is 30 x 40 pixels; at most 1,199 in all are allowed"):
            read(data, max_pixels=1199)
        with pytest.raises(ImageError, match="70,000 x 1 pixels; the longest side allowed is 65,535"):
            read(handmade_png(70_000, 1, 8, 0, bytes(70_001)))
    with pytest.raises(ImageError):
        read_image(handmade_png(0, 5, 8, 0, b"\0"))


def test_a_tiff_with_a_lying_tile_is_refused():
    # TIFF 6.0, sections 2 and 15: size, bits, compression, photometric; tile size, offset, byte count
    fields = {256: 4, 257: 4, 258: 8, 259: 1, 262: 1, 322: 60_000, 323: 60_000, 324: 8, 325: 16}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in fields.items())
    data = b"II*\0\x08\0\0\0" + struct.pack("<H", len(fields)) + entries + bytes(4 + 16)
    with pytest.raises(ImageError, match="it is 60,000 x 60,000 pixels"):
        read_image(data)


def test_a_jpeg_with_endless_scans_is_refused(encoded, noise):
    data = encoded(Image.fromarray(noise), "JPEG", progressive=True)
    start = data.rindex(b"\xff\xda")
    scan = data[start:-2]
    with pytest.raises(ImageError, match=r"it has \d\d\d scans; the limit is 100"):
        read_image(data[:start] + scan * 200 + b"\xff\xd9")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b"hello, this is text", "it is not a picture"),
        (b"\0" * 4000, "a run of zero bytes"),
        (b"<!DOCTYPE html><html>not found", "a web page"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG drawing"),
        (b"%PDF-1.7", "a PDF document"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "a PostScript document"),
        (b"PK\x03\x04aaaa", "an archive"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "a HEIC photograph: save it as JPEG"),
        (b"\0\0\0\x18ftypisom\0\0\0\0", "a video"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000 picture"),
        (b"\0\0\x01\0\x01\0", "a Windows icon"),
        (b"8BPS\0\x01", "a Photoshop document"),
    ],
)
def test_what_is_no_picture_is_named(content, reason):
    for read in (read_image, probe):
        with pytest.raises(ImageError, match=reason):
            read(content)


def test_files_that_are_none(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "empty.png").touch()
    (tmp_path / "dangling.png").symlink_to(tmp_path / "gone")
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    cases = {
        tmp_path / "pipe.png": "it is a pipe, not a file",
        tmp_path / "folder.png": "it is a folder",
        tmp_path / "empty.png": "the file is empty",
        tmp_path / "dangling.png": "there is no such file",
        tmp_path / "loop.png": "symbolic links",
        tmp_path / ("n" * 300): "[Nn]ame too long",
        "/dev/zero": "it is a device, not a file",
        "nul\0byte": "null byte",
    }
    for path, reason in cases.items():
        with pytest.raises(ImageError, match=reason) as caught:
            read_image(path)
        assert repr(os.fspath(path)) in str(caught.value)


def test_a_socket_and_a_file_without_permission(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the path of a socket must be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s.png")
        with pytest.raises(ImageError, match="it is a socket"):
            read_bytes("s.png")
    closed = tmp_path / "closed.png"
    closed.write_bytes(b"x")
    closed.chmod(0)
    if os.access(closed, os.R_OK):  # root reads everything: let the system refuse by other means
        monkeypatch.setattr("foveate.images.read.os.open", _refuse)
    with pytest.raises(ImageError, match="permission to read it is denied"):
        read_image(closed)
    closed.chmod(stat.S_IRUSR)


def _refuse(*_: object) -> int:
    raise PermissionError(13, "Permission denied")


def test_a_file_larger_than_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr("foveate.images.read.MAX_FILE_BYTES", 10)
    (tmp_path / "large.png").write_bytes(bytes(11))
    with pytest.raises(ImageError, match="the file has 11 bytes; the limit is 10"):
        read_bytes(tmp_path / "large.png")


def test_names_are_shown_on_one_line_and_kept_whole(tmp_path):
    name = os.fsdecode(b"caf\xe9\n\x1b[31m.png")
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(UnreadableImageError) as caught:
        read_image(tmp_path / name)
    str(caught.value).encode("utf-8")
    assert str(caught.value).isprintable()
    assert caught.value.name == os.fspath(tmp_path / name)
    with pytest.raises(ImageError, match="Cannot read picture 'upload': the file is empty"):
        read_image(b"", name="upload")


def test_no_memory_is_an_image_error(encoded, noise, monkeypatch):
    def starve(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("foveate.images.read.to_rgb", starve)
    with pytest.raises(ImageError, match="not enough memory"):
        read_image(encoded(Image.fromarray(noise), "PNG"))


def test_no_warning_leaks_and_the_filters_stay_as_they_were(encoded, noise, caplog):
    # one field whose value lies past the end of the block
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x00\x01\x02\0\xff\xff\0\0\xff\xff\xff\x7f\0\0\0\0"
    data = encoded(Image.fromarray(noise), "JPEG", exif=exif)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        before = list(warnings.filters)
        threads = [threading.Thread(target=lambda: [read_image(data) for _ in range(20)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert read_image(data).shape == noise.shape
        assert list(warnings.filters) == before
    with pytest.warns(UserWarning):  # the same picture does make Pillow warn
        Image.open(io.BytesIO(data)).getexif()
    assert not [r for r in caplog.records if r.levelno >= logging.WARNING]


def test_image_names():
    assert all(is_image_name(f"a/b.{s}") for s in ("jpg", "JPEG", "png", "webp", "tif", "avif", "pgm"))
    assert not any(is_image_name(s) for s in ("a.txt", "jpg", ".jpg", "a.jpg.zip", "a.heic", ""))
