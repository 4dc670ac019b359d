"""TIFF files through Pillow and libtiff: whether all of their pixels are there."""

from __future__ import annotations

import zlib
from typing import Any

from foveate.images import libtiff
from foveate.images.formats import RefusedError

# Compression (TIFF 6.0, tag 259; Technical Note 2) whose damage libtiff only warns of: fax and JPEG.
_LENIENT = frozenset(("tiff_ccitt", "group3", "group4", "tiff_jpeg", "jpeg"))
_DEFLATE = frozenset(("tiff_adobe_deflate", "tiff_deflate"))
_CHUNK_BYTES = 2**14  # a thousand times as much when it is inflated
_MOST_PIXEL_BYTES = 16


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
