"""JPEG files through Pillow, and whether they are whole.

libjpeg makes a picture of half a file too: where the compressed data of a scan end early, it fills up with
grey and gives a warning that Pillow does not pass on. But it waits where data may still come. So the marker
that ends a scan is held back from it: whatever it still waits for then is missing from the file. (It may not
wait for the last few bytes, which it reads ahead; simplejpeg, see ``turbo.py``, tells those as well.)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from PIL import Image

from foveate.images.formats import TRUNCATED, RefusedError

SPARE_BYTES = 16  # so many may stand between the last pixel's code and the marker
LOOK_AHEAD_BYTES = 8  # libjpeg reads so far ahead

_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")  # but for those that stand inside a scan
_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_PROGRESSIVE = frozenset((0xC2, 0xC6, 0xCA, 0xCE))
_SCAN, _END = 0xDA, 0xD9
_FILLER = b"\xff\x00"  # inside a scan eight ones, which begin no short code; behind it, nothing
_FINISHED = b"finished"


class _Scan(NamedTuple):
    start: int  # of the compressed data
    end: int
    alone: bool  # the whole picture in one scan, decoded while it is read
    header: bytes  # number of components, two bytes a component, first and last coefficient, bit positions


def load(picture: Any, data: bytes) -> None:
    """Decode Pillow's opened picture from the bytes of its file, in place of ``picture.load()``.

    Raises RefusedError for a file that is not whole.
    """
    kind, extents, _, settings = picture.tile[0]
    picture.load_prepare()
    decoder = Image._getdecoder(picture.mode, kind, settings, picture.decoderconfig)
    try:
        decoder.setimage(picture.im, extents)
        _feed(decoder, data)
    finally:
        decoder.cleanup()
    picture.tile = []


def require_all_scans(data: bytes) -> None:
    """Of a progressive file: every coefficient of every component to its last bit, over all scans.

    A file that is cut between two scans decodes without complaint, coarsely. Raises RefusedError.
    """
    if not _is_progressive(data):
        return
    left: dict[int, set[int]] = {}  # component -> coefficients whose last bit has not come
    for scan in _scans(data):
        count, *header = scan.header
        if scan.alone or len(header) < 2 * count + 3:
            return
        first, last, bits = header[2 * count : 2 * count + 3]
        for component in header[: 2 * count : 2]:
            missing = left.setdefault(component, set(range(64)))
            if bits & 15 == 0:
                missing -= set(range(first, last + 1))
    if any(left.values()):
        raise RefusedError(TRUNCATED)


def _is_progressive(data: bytes) -> bool:
    """By the first frame's marker: the compressed data behind it, most of the file, are not searched."""
    place = 2
    while found := _MARKER.search(data, place):
        marker, place = data[found.end() - 1], found.end()
        if marker in _FRAMES or marker in (_SCAN, _END):
            return marker in _PROGRESSIVE
        place += max(2, int.from_bytes(data[place : place + 2], "big"))
    return False


def is_padding(spare: bytes) -> bool:
    """Whether what stands behind the last pixel's code may be without meaning: few bytes, or all the same."""
    return len(spare) <= SPARE_BYTES or len(set(spare)) == 1


def _feed(decoder: Any, data: bytes) -> None:
    fed, left = 0, b""
    for scan in _scans(data):
        if scan.alone:
            _feed_alone(decoder, data, scan)
            return
        left = _decode(decoder, left + data[fed : scan.end] + _FILLER * LOOK_AHEAD_BYTES)
        for _ in range(8):  # a finished scan takes what follows byte by byte, an unfinished one by the block
            if left:
                raise RefusedError(TRUNCATED)
            left = _decode(decoder, _FILLER)
        fed = scan.end
    if _decode(decoder, data[fed:]) is not _FINISHED:
        raise RefusedError(TRUNCATED)


def _feed_alone(decoder: Any, data: bytes, scan: _Scan) -> None:
    last = data[scan.end - 1 : scan.end]
    end = scan.start + len(data[scan.start : scan.end].rstrip(last))
    most = max(scan.start, end - SPARE_BYTES - LOOK_AHEAD_BYTES)
    left = _decode(decoder, data[:most])
    if left is _FINISHED:
        raise RefusedError("it is damaged: its data do not end where its pixels do")
    if _decode(decoder, left + data[most : scan.end] + _FILLER * LOOK_AHEAD_BYTES) is not _FINISHED:
        raise RefusedError(TRUNCATED)


def _decode(decoder: Any, data: bytes) -> bytes:
    """What the decoder could not use yet, or ``_FINISHED``."""
    used, fault = decoder.decode(data)
    if fault < 0:
        raise OSError("damaged data")
    return _FINISHED if used < 0 else data[used:]


def _scans(data: bytes) -> Iterator[_Scan]:
    """The scans of the file's first picture. Raises RefusedError where it ends without an end marker."""
    place, parts, progressive = 2, 0, False
    while found := _MARKER.search(data, place):
        marker, place = data[found.end() - 1], found.end()
        if marker == _END:
            return
        body = place
        place += max(2, int.from_bytes(data[body : body + 2], "big"))
        if marker in _FRAMES:
            parts, progressive = data[body + 7] if body + 7 < len(data) else 0, marker in _PROGRESSIVE
        elif marker == _SCAN:
            behind = _MARKER.search(data, place)
            if behind is None:
                break
            start, place = place, behind.start()
            alone = not progressive and data[body + 2] == parts
            yield _Scan(start, place, alone, data[body + 2 : start])
    raise RefusedError(TRUNCATED)
