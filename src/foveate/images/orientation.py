"""How a stored picture is turned to be seen: EXIF orientation 1-8 (Exif 2.32, tag 0x0112)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from foveate.geometry import Affine


_FLIPPED_ACROSS, _FLIPPED_DOWN = (2, 3, 7, 8), (3, 4, 6, 7)  # before the sides change places
_SIDES_CHANGED = 5  # and above
_LAST, _TAG, _SHORT = 8, 0x0112, 3
EXIF = b"Exif\0\0"
_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}  # TIFF 6.0, page 15


def orientation_of(picture: Any) -> int:
    """The EXIF orientation still to be applied, 1 where there is none or it cannot be read."""
    for key in ("xmp", "XML:com.adobe.xmp"):  # Pillow would take one from there, which no browser does
        picture.info.pop(key, None)
    try:
        orientation = picture.getexif().get(_TAG, 1)
    except Exception:  # good pixels with damaged metadata are a good picture
        return 1
    return orientation if isinstance(orientation, int) and 1 <= orientation <= _LAST else 1


def plain_orientation(block: bytes) -> int | None:
    """The same from a JPEG file's EXIF block alone, without Pillow; None where anything in it is unusual."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(block[6:10])
    if not block.startswith(EXIF) or order is None or len(block) < 16:
        return None
    tiff = memoryview(block)[6:]
    (start,) = struct.unpack_from(f"{order}I", tiff, 4)
    if not 8 <= start <= len(tiff) - 2:
        return None
    (count,) = struct.unpack_from(f"{order}H", tiff, start)
    if start + 2 + 12 * count > len(tiff):
        return None
    found = 1
    for entry in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind, values, place = struct.unpack_from(f"{order}HHII", tiff, entry)
        size = _TYPE_BYTES.get(kind, len(tiff)) * values
        if size > 4 and place + size > len(tiff):
            return None
        if tag == _TAG:
            (value,) = struct.unpack_from(f"{order}H", tiff, entry + 8)
            if (kind, values) != (_SHORT, 1) or not 1 <= value <= _LAST:
                return None
            found = value
    return found


def seen_size(stored: tuple[int, int], orientation: int) -> tuple[int, int]:
    """(height, width) as people see a picture that is stored with this (width, height)."""
    width, height = stored
    return (width, height) if orientation >= _SIDES_CHANGED else (height, width)


def turned(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """The pixels ``(H, W, C)`` as the orientation wants them seen."""
    if orientation == 1:
        return pixels
    down, across = (-1 if orientation in flipped else 1 for flipped in (_FLIPPED_DOWN, _FLIPPED_ACROSS))
    channels = pixels.shape[2]  # one of a mask
    # Pixels are moved whole, which takes half as long as moving their three bytes.
    seen = np.ascontiguousarray(pixels).view(f"V{channels}")[::down, ::across, 0]
    seen = np.ascontiguousarray(seen.T if orientation >= _SIDES_CHANGED else seen)
    return seen.view(np.uint8).reshape(*seen.shape, channels)


def turn(stored: tuple[int, int], orientation: int) -> Affine:
    """The map from stored pixels of this (width, height) to the picture as people see it."""
    width, height = stored
    x = [-1, 0, width] if orientation in _FLIPPED_ACROSS else [1, 0, 0]
    y = [0, -1, height] if orientation in _FLIPPED_DOWN else [0, 1, 0]
    from foveate.geometry import Affine  # not needed to read a picture

    return Affine(np.array([y, x] if orientation >= _SIDES_CHANGED else [x, y], np.float64))
