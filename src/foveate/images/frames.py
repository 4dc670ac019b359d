"""The frames of an animation, one after another: of an animated GIF, PNG or WebP, at moments a time apart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from foveate.images.formats import sniff
from foveate.images.pixels import to_rgb
from foveate.images.read import DEFAULT_MAX_PIXELS, WHITE, open_picture, read_bytes
from foveate.images.refusals import quiet, refusals_as_image_errors

MOST_FRAMES = 100_000
_USUAL_MS = 100.0  # of a frame that says nothing, or that it takes no time, as browsers have it
_LEAST_MS = 10.0


class Frame(NamedTuple):
    """What is seen at a moment: seconds since the start, and the pixels (H, W, 3)."""

    seconds: float
    pixels: NDArray[np.uint8]


def frames_of(source: str | Path, every_seconds: float = 1.0) -> Iterator[Frame]:
    """What an animation shows every so many seconds, from its start; of a single picture that picture.

    One frame is in memory at a time. Raises ImageError, also after frames that could be read.
    """
    data = read_bytes(source)
    with refusals_as_image_errors(str(source)), quiet():
        picture = open_picture(data, sniff(data), DEFAULT_MAX_PIXELS)
    due, now = 0.0, 0.0
    with picture:
        for number in range(MOST_FRAMES):
            with refusals_as_image_errors(str(source)), quiet():
                if number >= int(getattr(picture, "n_frames", 1)):
                    return
                picture.seek(number)
                picture.load()
                lasts = _seconds(picture)
            while due < now + lasts or number == 0 == due:
                with refusals_as_image_errors(str(source)):
                    pixels = to_rgb(picture, WHITE)
                yield Frame(due, pixels)
                due += every_seconds
            now += lasts


def _seconds(picture: Any) -> float:
    """How long the frame at hand is shown."""
    duration = float(picture.info.get("duration", 0) or 0)
    return (duration if duration >= _LEAST_MS else _USUAL_MS) / 1000
