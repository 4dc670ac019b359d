"""JPEG pixels through simplejpeg, where it is installed: Pillow's own pixels, without Pillow's detours.

Both call libjpeg-turbo with the same inverse transform (the exact integer one) and the same smooth
upsampling of colour, and give the same bytes; a test holds them to it. Pillow keeps pixels four bytes apart
and unpacks them at half the speed of decoding, and its headers are parsed in Python, which for a thumbnail
takes four times as long as decoding it. Whatever is unusual or damaged is left to Pillow, so that what is
read, and what is refused, is the same with simplejpeg and without.
"""

from __future__ import annotations

import importlib
import struct
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Markers after which a picture's pixels are as they seem: JFIF, tables, restart interval, comments.
_HARMLESS = frozenset((0xE0, 0xDB, 0xC4, 0xDD, 0xFE))
_FRAMES = frozenset((0xC0, 0xC1, 0xC2))  # baseline, extended, progressive
_SCAN = 0xDA
_MODES = {1: "L", 3: "RGB"}
_COLOURS = {"L": "Gray", "RGB": "YCbCr"}


@cache
def _simplejpeg() -> Any:
    try:
        return importlib.import_module("simplejpeg")
    except ImportError:
        return None


def plain_header(data: bytes) -> tuple[str, int, int] | None:
    """(mode, width, height) of a JPEG that holds nothing but a picture, upright; None for any other.

    None as well without simplejpeg: then the header is Pillow's to read.
    """
    if _simplejpeg() is None:
        return None
    found, place = None, 2
    while place + 4 <= len(data):
        start, marker, length = struct.unpack_from(">BBH", data, place)
        if start == 0xFF and marker == _SCAN:
            return found
        if marker in _FRAMES and found is None and place + 10 <= len(data):
            bits, height, width, parts = struct.unpack_from(">BHHB", data, place + 4)
            found = (_MODES[parts], width, height) if bits == 8 and parts in _MODES else None
        elif marker not in _HARMLESS:  # EXIF may turn it, Adobe may say that it is no YCbCr
            break
        if start != 0xFF or length < 2:
            break
        place += 2 + length
    return None


def pixels(data: bytes, mode: str, width: int, height: int, divisor: int = 1) -> NDArray[np.uint8] | None:
    """``(height, width, 3)`` uint8 RGB as Pillow decodes them; None where Pillow is to try, and to complain.

    mode: Pillow's, ``L`` or ``RGB``; width, height: as its header says, already found small enough.
    divisor: 1, 2, 4 or 8, of the result's sides, which are rounded up.
    """
    decoder = _simplejpeg()
    if decoder is None or mode not in _COLOURS:
        return None
    try:
        rows, columns, colours, _ = decoder.decode_jpeg_header(data)
        if (rows, columns, colours) != (height, width, _COLOURS[mode]):
            return None
        least = {}
        if divisor > 1:
            least = {"min_height": -(-height // divisor), "min_width": -(-width // divisor)}
        # strict: a warning of libjpeg-turbo's, such as of a file that ends too early, is an error here
        found = decoder.decode_jpeg(data, "RGB", fastdct=False, fastupsample=False, strict=True, **least)
    except (ValueError, RuntimeError):
        return None
    return np.asarray(found)
