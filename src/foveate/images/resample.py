"""Pictures scaled: Pillow's pixels, from a small library of our own where one was built (``resample.c``).

The library does Pillow's arithmetic in whole numbers, so its pixels are Pillow's to the byte, sooner, and
Python's lock is free meanwhile. Without it (another system, an installation without a C compiler) Pillow does
the same.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

if TYPE_CHECKING:
    from foveate.geometry import Box

Filter = Literal["nearest", "box", "bilinear", "bicubic"]
_OF_PILLOW = {
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}
_NUMBERS = {"box": 0, "bilinear": 1, "bicubic": 2}  # in resample.c
MOST_KEPT_BYTES = 2**24
_kept = threading.local()


def resized(
    picture: NDArray[np.uint8], size: tuple[int, int], how: Filter, box: Box | None = None
) -> NDArray[np.uint8]:
    """``(H, W, C)`` uint8, C of 1 or 3 -> ``(height, width, C)`` as Pillow's ``Image.resize`` gives it.

    size: (width, height). how: ``box``, ``bilinear`` and ``bicubic`` are antialiased when they shrink.
    box: the part that is scaled, (left, top, right, bottom) in pixels, fractions too; all of it by default.
    """
    height, width, channels = picture.shape
    corners = np.array(box or (0, 0, width, height), np.float32)  # as Pillow keeps them
    left, top, right, bottom = corners.tolist()
    inside = 0 <= left <= right <= width and 0 <= top <= bottom <= height
    if how == "nearest" or not inside or (resample := _library()) is None:
        return _by_pillow(picture, size, how, box)
    picture = np.ascontiguousarray(picture)
    result = np.empty((size[1], size[0], channels), np.uint8)
    given = (picture.ctypes.data, height, width, channels, corners.ctypes.data, _NUMBERS[how])
    wanted = (result.ctypes.data, size[1], size[0])
    resample(*given, *wanted, _scratch(resample(*given, *wanted, None)).ctypes.data)
    return result


def _scratch(size: int) -> NDArray[np.uint8]:
    """Memory of this thread's, kept: fetched anew from the system for each picture it costs as much again."""
    found: NDArray[np.uint8] | None = getattr(_kept, "scratch", None)
    if found is None or len(found) < size:
        found = np.empty(size, np.uint8)
        if size <= MOST_KEPT_BYTES:
            _kept.scratch = found
    return found


def is_fast() -> bool:
    """Whether this installation has the library."""
    return _library() is not None


@cache
def _library() -> Callable[..., int] | None:
    try:
        library = ctypes.CDLL(str(Path(__file__).with_name("_resample.so")))
        function: Any = library.foveate_resample
    except (OSError, AttributeError):  # none was built, or it is another machine's
        return None
    number, place = ctypes.c_int32, ctypes.c_void_p
    function.restype = ctypes.c_int64
    function.argtypes = [place, number, number, number, place, number, place, number, number, place]
    return function


def _by_pillow(
    picture: NDArray[np.uint8], size: tuple[int, int], how: Filter, box: Box | None
) -> NDArray[np.uint8]:
    source = Image.fromarray(picture[:, :, 0] if picture.shape[2] == 1 else picture)
    found = np.asarray(source.resize(size, _OF_PILLOW[how], box=box))
    return found.reshape(size[1], size[0], picture.shape[2])
