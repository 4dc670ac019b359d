"""TIFF files through Pillow and libtiff: whether all of their pixels are there, and what white is in them."""

from __future__ import annotations

import io
import zlib
from functools import cache
from typing import Any

from foveate.images import libtiff
from foveate.images.formats import RefusedError

# Compression (TIFF 6.0, tag 259; Technical Note 2) whose damage libtiff only warns of: fax and JPEG.
_LENIENT = frozenset(("tiff_ccitt", "group3", "group4", "tiff_jpeg", "jpeg"))
_DEFLATE = frozenset(("tiff_adobe_deflate", "tiff_deflate"))
_BITS, _PHOTOMETRIC = 258, 262
_CHUNK_BYTES = 2**14  # a thousand times as much when it is inflated
_MOST_PIXEL_BYTES = 16


def opened(data: bytes) -> Any:
    """Pillow's opened picture. Deep grey is opened as if black were zero, and says in ``info`` what is true:
    ``white_is_zero``, and ``white``, the largest number that its bits hold where they are fewer than 16."""
    return _reader()(io.BytesIO(data), "")


@cache
def _reader() -> Any:
    from PIL.TiffImagePlugin import TiffImageFile

    class Reader(TiffImageFile):
        def _setup(self) -> None:
            tags = self.tag_v2
            (bits, *more) = tags.get(_BITS, (1,))
            if bits > 8 and not more and tags.get(_PHOTOMETRIC) in (0, 1):
                inverted = tags[_PHOTOMETRIC] == 0
                tags[_PHOTOMETRIC] = 1  # of the others Pillow knows some, and inverts none
                super()._setup()
                self.info["white_is_zero"] = inverted
                if bits < 16:
                    self.info["white"] = 2**bits - 1
            else:
                super()._setup()

    return Reader


def load(picture: Any, data: bytes, max_pixels: int) -> None:
    """Decode Pillow's opened picture from the bytes of its file, in place of ``picture.load()``.

    Raises RefusedError for damaged data, and lets nothing be printed.
    """
    compression = picture.info.get("compression", "raw")
    if compression in _LENIENT:
        libtiff.require_whole(data, max_bytes=4 * max_pixels)
    elif compression in _DEFLATE:
        _require_checksums(picture, data)
    with libtiff.errors_refused():
        picture.load()


def _require_checksums(picture: Any, data: bytes) -> None:
    """Inflate each strip or tile to its checksum (RFC 1950), before which libtiff stops."""
    tags = picture.tag_v2
    offsets, counts = (tags.get(strip, tags.get(tile, ())) for strip, tile in ((273, 324), (279, 325)))
    room = picture.width * picture.height * _MOST_PIXEL_BYTES + _CHUNK_BYTES
    for start, count in zip(offsets, counts, strict=False):
        room -= _inflated_bytes(memoryview(data)[start : start + count], room)


def _inflated_bytes(stored: memoryview, room: int) -> int:
    """How many bytes a strip or tile becomes. Raises RefusedError for more than ``room``, or damage."""
    inflating, found = zlib.decompressobj(), 0
    try:
        for at in range(0, len(stored), _CHUNK_BYTES):
            found += len(inflating.decompress(stored[at : at + _CHUNK_BYTES]))
            if found > room or inflating.eof:
                break
    except zlib.error:
        raise RefusedError(libtiff.DAMAGED) from None
    if found > room or not inflating.eof:
        raise RefusedError(libtiff.DAMAGED)
    return found
