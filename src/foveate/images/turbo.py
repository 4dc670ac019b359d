"""JPEG pixels through simplejpeg, where it is installed: Pillow's own pixels, without Pillow's detours.

Both call libjpeg-turbo with the same inverse transform (the exact integer one) and the same smooth
upsampling of colour, and give the same bytes; a test holds them to it. Pillow keeps pixels four bytes apart
and unpacks them at half the speed of decoding, and its headers are parsed in Python, which for a thumbnail
takes four times as long as decoding it. Whatever is unusual is left to Pillow, and read the same with
simplejpeg and without. Damage is told here, from libjpeg-turbo's own warnings, which Pillow does not pass on;
what ``jpeg.py`` finds without them is truncation alone.
"""

from __future__ import annotations

import importlib
import re
import struct
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from foveate.images.formats import TRUNCATED, RefusedError
from foveate.images.jpeg import is_padding, require_all_scans
from foveate.images.orientation import EXIF, plain_orientation

# Markers after which a picture's pixels are as they seem: JFIF, tables, restart interval, comments.
_HARMLESS = frozenset((0xE0, 0xDB, 0xC4, 0xDD, 0xFE))
# So are these, if they are long enough and begin so: a colour profile, and Adobe's, by which libjpeg-turbo
# tells whether it is YCbCr.
_HARMLESS_IF = {0xE2: (b"ICC_PROFILE\0", 16), 0xEE: (b"Adobe", 14)}
_EXIF_OR_XMP = 0xE1
_FRAMES = frozenset((0xC0, 0xC1, 0xC2))  # baseline, extended, progressive
_PROGRESSIVE, _SCAN = 0xC2, 0xDA
_MODES = {1: "L", 3: "RGB"}
_COLOURS = {"L": "Gray", "RGB": "YCbCr"}
_INKS = ("CMYK", "YCCK")
_END, _RESTARTS = 0xD9, range(0xD0, 0xD8)
# libjpeg's words for data that no picture is made of; others, of odd metadata say, cost no pixel.
_SIGNS = ("bad Huffman code", "bad arithmetic code", "instead of RST")
_SPARE = re.compile(r"(\d+) extraneous bytes before marker 0x(\w\w)")


@cache
def _simplejpeg() -> Any:
    try:
        return importlib.import_module("simplejpeg")
    except ImportError:
        return None


class PlainHeader(NamedTuple):
    """mode: Pillow's, ``L`` or ``RGB``; width, height: as stored, before orientation turns them."""

    mode: str
    width: int
    height: int
    orientation: int


def plain_header(data: bytes) -> PlainHeader | None:
    """What the header of a JPEG says that holds one picture and nothing odd; None for any other.

    None as well without simplejpeg: then the header is Pillow's to read. Raises RefusedError for a
    progressive file that lacks scans, which only a walk through all of it tells.
    """
    if _simplejpeg() is None:
        return None
    found, exif, place = None, b"", 2
    while place + 4 <= len(data):
        start, marker, length = struct.unpack_from(">BBH", data, place)
        body = place + 4
        if start == 0xFF and marker == _SCAN:
            orientation = plain_orientation(exif) if exif else 1
            return PlainHeader(*found, orientation) if found and orientation else None
        if marker in _FRAMES and found is None and body + 6 <= len(data):
            if marker == _PROGRESSIVE:
                require_all_scans(data)
            bits, height, width, parts = struct.unpack_from(">BHHB", data, body)
            found = (_MODES[parts], width, height) if bits == 8 and parts in _MODES else None
        elif marker == _EXIF_OR_XMP:
            if data.startswith(EXIF, body):  # another block of it goes on where the first ends
                exif += data[body + (len(EXIF) if exif else 0) : place + 2 + length]
        elif marker not in _HARMLESS:
            begins, least = _HARMLESS_IF.get(marker, (b"", len(data)))
            if length < least or not data.startswith(begins, body):
                break
        if start != 0xFF or length < 2:
            break
        place += 2 + length
    return None


def pixels(data: bytes, mode: str, width: int, height: int, divisor: int = 1) -> NDArray[np.uint8] | None:
    """``(height, width, 3)`` uint8 RGB as Pillow decodes them; None where Pillow is to try, and to complain.

    mode: Pillow's, ``L`` or ``RGB``; width, height: as its header says, already found small enough.
    divisor: 1, 2, 4 or 8, of the result's sides, which are rounded up.

    Raises RefusedError for damage to the pixels, of any kind of JPEG file: Pillow would not notice it.
    """
    decoder = _simplejpeg()
    if decoder is None:
        return None
    try:
        rows, columns, colours, _ = decoder.decode_jpeg_header(data, strict=False)
    except (ValueError, RuntimeError):
        return None
    usual = (rows, columns, colours) == (height, width, _COLOURS.get(mode))
    least = {}
    if not usual or divisor > 1:  # what is decoded to be judged alone is decoded as small as can be
        smaller = divisor if usual else 8
        least = {"min_height": -(-height // smaller), "min_width": -(-width // smaller)}
    wanted = "CMYK" if colours in _INKS else "RGB"
    try:
        # strict: a warning of libjpeg-turbo's, such as of a file that ends too early, is an error here
        found = decoder.decode_jpeg(data, wanted, fastdct=False, fastupsample=False, strict=True, **least)
    except (ValueError, RuntimeError) as error:
        if damage := _damage(str(error), data):
            raise RefusedError(damage) from None
        return None
    return np.asarray(found) if usual else None


def _damage(warning: str, data: bytes) -> str | None:
    """Why a picture with this warning of libjpeg-turbo's is refused; None if its pixels need not suffer."""
    if "remature end" in warning:
        return TRUNCATED
    if spare := _SPARE.search(warning):
        count, marker = int(spare[1]), int(spare[2], 16)
        if marker == _END:
            end = data.rfind(b"\xff\xd9")
            return None if is_padding(data[max(0, end - count) : end]) else f"it is damaged ({warning})"
        return f"it is damaged ({warning})" if marker in _RESTARTS else None
    return f"it is damaged ({warning})" if any(sign in warning for sign in _SIGNS) else None
