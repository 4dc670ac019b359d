"""How a stored picture is turned to be seen: EXIF orientation 1-8 (Exif 2.32, tag 0x0112)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Box = tuple[float, float, float, float]  # left, top, right, bottom in pixels

_TURNS: dict[int, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: a[::-1].transpose(1, 0, 2),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: a[:, ::-1].transpose(1, 0, 2),
}
_FLIPPED_ACROSS, _FLIPPED_DOWN = (2, 3, 7, 8), (3, 4, 6, 7)  # before the sides change places
_SIDES_CHANGED = 5  # and above


def orientation_of(picture: Any) -> int:
    """The EXIF orientation still to be applied, 1 where there is none or it cannot be read."""
    for key in ("xmp", "XML:com.adobe.xmp"):  # Pillow would take one from there, which no browser does
        picture.info.pop(key, None)
    try:
        orientation = picture.getexif().get(0x0112, 1)
    except Exception:  # good pixels with damaged metadata are a good picture
        return 1
    return orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 1


def seen_size(stored: tuple[int, int], orientation: int) -> tuple[int, int]:
    """(height, width) as people see a picture that is stored with this (width, height)."""
    width, height = stored
    return (width, height) if orientation >= _SIDES_CHANGED else (height, width)


def turned(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """The pixels ``(H, W, 3)`` as the orientation wants them seen."""
    turn = _TURNS.get(orientation)
    return pixels if turn is None else np.ascontiguousarray(turn(pixels))


def turned_box(box: Box, size: tuple[int, int], orientation: int) -> Box:
    """Where a part of stored pixels of this size (width, height) lies when they are turned."""
    (left, top, right, bottom), (width, height) = box, size
    if orientation in _FLIPPED_ACROSS:
        left, right = width - right, width - left
    if orientation in _FLIPPED_DOWN:
        top, bottom = height - bottom, height - top
    return (top, left, bottom, right) if orientation >= _SIDES_CHANGED else (left, top, right, bottom)
