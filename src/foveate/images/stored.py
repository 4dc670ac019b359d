"""The samples of a picture as they are stored: numbers that mean something, as in masks, not what is seen."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from foveate.images import png, tiff
from foveate.images.formats import RefusedError, sniff
from foveate.images.orientation import orientation_of, turned
from foveate.images.read import DEFAULT_MAX_PIXELS, open_picture
from foveate.images.refusals import quiet, refusals_as_image_errors

_LOSSY = frozenset(("JPEG", "WEBP", "AVIF"))
_PNG_GREY = 0  # colour type (PNG specification, 11.2.1)


class Stored(NamedTuple):
    """samples: (H, W) integers, or (H, W, 3) uint8 of a picture in colour, turned as EXIF wants it seen.

    Of one bit they are 0 and 255. palette: (K, 3) uint8 where the integers are places in it. lossy: whether
    the form does not promise to keep what was saved.
    """

    samples: NDArray[Any]
    form: str
    palette: NDArray[np.uint8] | None = None
    lossy: bool = False


def stored(data: bytes, *, name: str = "bytes", max_pixels: int = DEFAULT_MAX_PIXELS) -> Stored:
    """What the bytes of a picture file hold. Raises ImageError as `foveate.images.read.decode` does."""
    with refusals_as_image_errors(name), quiet():
        form = sniff(data)
        with open_picture(data, form, max_pixels) as picture:
            lossy = form in _LOSSY or picture.info.get("compression") in {"jpeg", "tiff_jpeg", "webp"}
            if lossy:  # nobody wants to know what is in it
                return Stored(np.zeros((picture.height, picture.width), np.uint8), form, lossy=True)
            if form == "TIFF":
                tiff.load(picture, data, max_pixels)
            elif form == "PNG":
                png.require_whole(data)
                picture.load()
            else:
                picture.load()
            samples, palette = _samples(picture)
            if form == "PNG" and picture.mode == "L" and data[25] == _PNG_GREY and data[24] < 8:
                samples = samples // (255 // (2 ** data[24] - 1))  # Pillow stretched them
            return Stored(_turned(samples, orientation_of(picture)), form, palette)


def _samples(picture: Any) -> tuple[NDArray[Any], NDArray[np.uint8] | None]:
    mode, pixels = picture.mode, np.array(picture)
    if mode in ("LA", "RGBA"):
        if (pixels[..., -1] != 255).any():
            raise RefusedError("parts of it are transparent, and what is there is not said: save it without")
        mode, pixels = mode[:-1], pixels[..., :-1]
        pixels = pixels[..., 0] if mode == "L" else pixels
    if mode == "1":
        return np.where(pixels, np.uint8(255), np.uint8(0)), None
    if mode == "P":
        colours = np.array(picture.getpalette("RGB"), np.uint8).reshape(-1, 3)
        return pixels, colours
    if mode in ("L", "RGB"):
        return np.ascontiguousarray(pixels), None
    if mode == "I" or mode.startswith("I;16"):
        return pixels.astype(np.int64), None
    raise RefusedError(f"its pixels are neither whole numbers nor RGB colours (mode {mode})")


def _turned(samples: NDArray[Any], orientation: int) -> NDArray[Any]:
    return (
        turned(samples, orientation) if samples.ndim == 3 else turned(samples[..., None], orientation)[..., 0]
    )
