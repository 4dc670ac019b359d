"""PNG's transparent colour (tRNS) where Pillow compares it with pixels that it has scaled."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_GREY, _RGB = 0, 2  # colour types (PNG specification, 11.2.1)


def load(picture: Any, data: bytes, again: Any) -> NDArray[np.bool_] | None:
    """Decode Pillow's opened picture, and give (H, W) which pixels are transparent, where Pillow cannot tell.

    data: the file. again: a function that opens it once more.
    """
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
