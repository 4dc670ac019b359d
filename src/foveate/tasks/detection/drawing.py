"""Boxes drawn over a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from foveate.tasks.prediction import Colour

if TYPE_CHECKING:
    from PIL.Image import Image

Marked = tuple[Sequence[float], int, str]  # x1 y1 x2 y2, the colour's number, what is written above
_PER_LINE_PX = 400  # of the longer side, for each pixel of the line's width
_PER_LETTER_PX = 50
_LETTERS_PX = (11, 40)
_MARGIN_PX = 2


def drawn(pixels: NDArray[np.uint8], boxes: Sequence[Marked], colours: Sequence[Colour]) -> Image:
    """The picture, (H, W, 3) or with a fourth channel of how opaque it is, under boxes with their names.

    The first box is drawn last, so that the surest lies above.
    """
    from PIL import Image, ImageDraw, ImageFont

    image = Image.fromarray(pixels)
    draw = ImageDraw.Draw(image)
    longer = max(image.size)
    line = max(2, round(longer / _PER_LINE_PX))
    font = ImageFont.load_default(min(max(longer // _PER_LETTER_PX, _LETTERS_PX[0]), _LETTERS_PX[1]))
    opaque = () if pixels.shape[2] == 3 else (255,)
    for (x1, y1, x2, y2), number, text in reversed(boxes):
        colour = (*colours[number], *opaque)
        draw.rectangle((x1, y1, max(x2 - 1, x1), max(y2 - 1, y1)), outline=colour, width=line)
        left, top, right, bottom = draw.textbbox((0, 0), text, font=font)
        width, height = right - left + 2 * _MARGIN_PX, bottom - top + 2 * _MARGIN_PX
        x = min(max(x1, 0), max(image.width - width, 0))
        y = y1 - height if y1 >= height else y1
        draw.rectangle((x, y, x + width, y + height), fill=colour)
        ink = (0, 0, 0) if np.dot(colours[number], (0.299, 0.587, 0.114)) > 140 else (255, 255, 255)
        draw.text((x + _MARGIN_PX - left, y + _MARGIN_PX - top), text, fill=(*ink, *opaque), font=font)
    return image


def distinct_colours(count: int) -> tuple[Colour, ...]:
    """Bright colours that lie far apart: hues a golden angle from each other, in two lightnesses.

    >>> len(set(distinct_colours(80)))
    80
    """
    import colorsys

    found = []
    for number in range(count):
        hue = (0.02 + number * 0.618033988749895) % 1.0
        red, green, blue = colorsys.hls_to_rgb(hue, (0.5, 0.38, 0.62)[number // 8 % 3], 0.85)
        found.append((round(255 * red), round(255 * green), round(255 * blue)))
    return tuple(found)
