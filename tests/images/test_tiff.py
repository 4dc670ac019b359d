"""TIFF files whose damage libtiff lets pass, or writes to the process's standard error."""

import ctypes
import io
import struct
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from foveate.errors import ImageError
from foveate.images import libtiff, read_image, tiff

BILEVEL = ("group3", "group4", "tiff_ccitt")
COMPRESSIONS = (*BILEVEL, "jpeg", "tiff_adobe_deflate", "tiff_deflate", "tiff_lzw", "lzma", "packbits")


def photograph():
    rough = Image.fromarray(np.random.default_rng(0).integers(60, 190, (30, 40, 3), np.uint8))
    return rough.resize((320, 240), Image.Resampling.BICUBIC)


def first_strip(data):
    """(where its length is stored, its offset, its length) in a little-endian TIFF (TIFF 6.0, section 2)."""
    (directory,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, directory)
    found = {}
    for entry in range(directory + 2, directory + 2 + 12 * count, 12):
        tag, kind, values, value = struct.unpack_from("<HHII", data, entry)
        place = entry + 8 if values == 1 else value
        found[tag] = place, struct.unpack_from("<H" if kind == 3 else "<I", data, place)[0]
    return found[279][0], found[273][1], found[279][1]


def damaged(data):
    """Its first strip ended at half, and half of it zeroed."""
    place, offset, length = first_strip(data)
    half, zeros = bytearray(data), bytearray(data)
    struct.pack_into("<H" if length < 2**16 else "<I", half, place, length // 2)
    zeros[offset + length // 2 : offset + length] = bytes(length - length // 2)
    return bytes(half), bytes(zeros)


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_damage_is_refused_and_nothing_printed(capfd, encoded, compression):
    picture = photograph().convert("1" if compression in BILEVEL else "RGB")
    data = encoded(picture, "TIFF", compression=compression)
    assert read_image(data).shape == (240, 320, 3)
    for bad in damaged(data):
        with pytest.raises(ImageError, match="damaged"):
            read_image(bad)
    assert capfd.readouterr().err == ""


def hostile_fax(rows=65_000):
    noise = np.random.default_rng(1).bytes(28_000)
    tags = {256: 64, 257: rows, 258: 1, 259: 3, 262: 0, 273: 122, 278: rows, 279: len(noise)}
    directory = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    data = b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + directory + bytes(4)
    return data.ljust(122, b"\0") + noise


def test_a_hostile_fax_is_one_sentence(capfd):
    with pytest.raises(ImageError, match="it is damaged: its compressed data make no whole picture"):
        read_image(hostile_fax())
    assert capfd.readouterr().err == ""


def test_a_bomb_of_strips_is_not_inflated(encoded, monkeypatch):
    monkeypatch.setattr(tiff, "_MOST_PIXEL_BYTES", 0)  # room for one chunk
    data = encoded(Image.new("RGB", (400, 400)), "TIFF", compression="tiff_adobe_deflate")
    with pytest.raises(ImageError, match="damaged"):
        read_image(data)


def test_errors_of_others_are_not_swallowed(capfd, encoded):
    """Whoever uses Pillow beside this package in the same process still sees libtiff's words."""
    half, _ = damaged(encoded(photograph(), "TIFF", compression="tiff_lzw"))
    with pytest.raises(ImageError):
        read_image(half)
    assert capfd.readouterr().err == ""
    with pytest.raises(OSError, match="decoder error"):
        Image.open(io.BytesIO(half)).load()
    assert "LZWDecode" in capfd.readouterr().err


def test_complaints_belong_to_the_thread_that_decodes(encoded):
    good = encoded(photograph(), "TIFF", compression="tiff_lzw")
    bad, _ = damaged(good)
    wrong = []

    def work(data, expected):
        for _ in range(40):
            try:
                found = read_image(data).shape
            except ImageError:
                found = None
            if found != expected:
                wrong.append(found)

    threads = [threading.Thread(target=work, args=a) for a in ((good, (240, 320, 3)), (bad, None)) * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_without_libtiff_in_reach_fax_is_refused(encoded, monkeypatch):
    monkeypatch.setattr(libtiff, "_library", lambda: None)
    with pytest.raises(ImageError, match="cannot tell whether it is whole: save it as PNG"):
        read_image(encoded(photograph().convert("1"), "TIFF", compression="group4"))
    assert read_image(encoded(photograph(), "TIFF", compression="tiff_lzw")).shape == (240, 320, 3)


def test_no_descriptor_is_left_open(encoded):
    data = encoded(photograph(), "TIFF", compression="jpeg")
    bad, _ = damaged(data)
    before = len(list(Path("/dev/fd").iterdir()))
    for _ in range(5):
        read_image(data)
        with pytest.raises(ImageError):
            read_image(bad)
    assert len(list(Path("/dev/fd").iterdir())) == before
    assert isinstance(libtiff._library(), ctypes.CDLL)
