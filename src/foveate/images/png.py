"""PNG files through Pillow: whether they are whole, and the transparent colour (tRNS).

Pillow reads a chunk of pixels without its checksum, and of compressed data that end early it gives what there
was. It compares a transparent colour with pixels that it has scaled.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foveate.images.formats import TRUNCATED, RefusedError

_SIGNATURE_BYTES = 8
_GREY, _RGB = 0, 2  # colour types (PNG specification, 11.2.1)


def require_whole(data: bytes) -> None:
    """Every chunk of pixels (IDAT) as long as it says and with the checksum that it brings, as browsers ask.

    Raises RefusedError for a file that ends before its pixels do, or whose pixels were changed on the way.
    """
    view, at, seen = memoryview(data), _SIGNATURE_BYTES, False
    while at + 8 <= len(data):
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        end = at + 8 + length
        if kind == b"IDAT":
            seen = True
            if end + 4 > len(data):
                raise RefusedError(TRUNCATED)
            if zlib.crc32(view[at + 4 : end]) != int.from_bytes(data[end : end + 4], "big"):
                raise RefusedError("it is damaged or truncated: the checksum of its pixels is wrong")
        elif seen:
            return  # what follows the pixels says nothing of them
        at = end + 4


def load(picture: Any, data: bytes, again: Any) -> NDArray[np.bool_] | None:
    """Decode Pillow's opened picture, and give (H, W) which pixels are transparent, where Pillow cannot tell.

    data: the file. again: a function that opens it once more. Raises RefusedError as `require_whole` does.
    """
    require_whole(data)
    depth, colour = data[24], data[25]
    named = picture.info.get("transparency")
    if colour == _GREY and depth < 8 and isinstance(named, int) and depth > 1:
        most = 2**depth - 1
        picture.info["transparency"] = (named & most) * 255 // most  # as its pixels are scaled
    if colour != _RGB or depth != 16 or not isinstance(named, tuple):
        picture.load()
        return None
    high, low = (np.array([value >> shift & 255 for value in named], np.uint8) for shift in (8, 0))
    with again() as second:
        kind, extents, offset, _ = second.tile[0]
        second.tile = [(kind, extents, offset, "RGB;16L")]  # the low bytes, where Pillow takes the high ones
        second.load()
        below = (np.asarray(second) == low).all(axis=-1)
    picture.load()
    del picture.info["transparency"]
    hidden: NDArray[np.bool_] = below & (np.asarray(picture) == high).all(axis=-1)
    return hidden
