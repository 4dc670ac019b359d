"""Pixels of any kind -> 8-bit RGB, and RGB -> grey. The rules are stated in ``read.py``'s head."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from foveate.images import deep
from foveate.images.deep import Range

_STRIP_PX = 2**20  # converted at a time


def is_grey(image: NDArray[np.uint8]) -> bool:
    """Whether an ``(..., 3)`` picture has R = G = B everywhere; one of a single channel is grey."""
    if image.shape[-1] == 1:
        return True
    some = image.reshape(-1, 3)[::1009]  # a picture in colour nearly always shows it here, at no cost
    if (some != some[:, :1]).any():
        return False
    red = image[..., 0]
    return bool(np.array_equal(red, image[..., 1]) and np.array_equal(red, image[..., 2]))


def to_grey(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """``(..., 3)`` uint8 -> ``(..., 1)`` uint8 luma, by Pillow's rule for ITU-R BT.601 weights.

    ``(19595 R + 38470 G + 7471 B + 32768) >> 16``; the weights sum to 65536, so R = G = B is left unchanged.
    """
    luma = image[..., 0].astype(np.uint32) * 19595
    luma += image[..., 1].astype(np.uint32) * 38470
    luma += image[..., 2].astype(np.uint32) * 7471
    luma += 32768
    return (luma >> 16).astype(np.uint8)[..., None]


def to_rgb(
    picture: Image.Image, background: tuple[int, int, int], black_white: Range | None = None
) -> NDArray[np.uint8]:
    """A loaded Pillow picture of any mode -> ``(H, W, 3)`` uint8 RGB, writable, C-contiguous.

    black_white: what is black and white in grey of more than 8 bits, which needs it. Large pictures are
    converted in strips, so that besides the result little memory is needed.
    """
    width, height = picture.size
    rows = max(1, _STRIP_PX // width)
    if rows >= height:
        return _strip_to_rgb(picture, background, black_white)
    pixels = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, rows):
        bottom = min(height, top + rows)
        strip = picture.crop((0, top, width, bottom))
        pixels[top:bottom] = _strip_to_rgb(strip, background, black_white)
    return pixels


def _strip_to_rgb(
    picture: Image.Image, background: tuple[int, int, int], black_white: Range | None
) -> NDArray[np.uint8]:
    if black_white is not None:
        return _deep_grey_to_rgb(picture, background, black_white)
    if picture.mode == "LAB":
        return _lab_to_srgb(np.asarray(picture))
    if picture.has_transparency_data:
        layered = picture.convert("RGBA")
        canvas = Image.new("RGB", picture.size, background)
        canvas.paste(layered.convert("RGB"), mask=layered.getchannel("A"))
        return np.array(canvas)
    return _unpacked(picture if picture.mode == "RGB" else picture.convert("RGB"))


def _unpacked(picture: Image.Image) -> NDArray[np.uint8]:
    """An RGB picture's pixels. Pillow keeps them four bytes apart, and packs them slower than it decodes."""
    pixels = np.empty((picture.height, picture.width, 3), np.uint8)
    stored = np.frombuffer(picture.tobytes("raw", "RGBX"), np.uint8).reshape(*pixels.shape[:2], 4)
    for channel in range(3):  # NumPy is slow to copy threes
        pixels[..., channel] = stored[..., channel]
    return pixels


def _deep_grey_to_rgb(
    picture: Image.Image, background: tuple[int, int, int], black_white: Range
) -> NDArray[np.uint8]:
    grey = deep.to_levels(
        deep.samples(picture), black_white, inverted=picture.info.get("white_is_zero", False)
    )
    rgb = np.repeat(grey[..., None], 3, axis=-1)
    transparent = picture.info.get("transparency")
    if isinstance(transparent, int):  # PNG's tRNS names one grey value that is not there
        rgb[np.asarray(picture) == transparent] = background
    return rgb


# CIE L*a*b* (D50, as in TIFF and ICC) -> XYZ -> linear sRGB; the matrix is the inverse of the sRGB primaries
# adapted to D50 by Bradford's method (IEC 61966-2-1; ICC.1:2022 annex E).
_D50 = np.array([0.9642, 1.0, 0.8249], np.float32)
_XYZ_TO_SRGB = np.array(
    [
        [3.1338561, -1.6168667, -0.4906146],
        [-0.9787684, 1.9161415, 0.0334540],
        [0.0719453, -0.2289914, 1.4052427],
    ],
    np.float32,
)


def _lab_to_srgb(lab: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """``(H, W, 3)`` of Pillow's 8-bit L*a*b* -> sRGB; row by row, for float32 takes four times the memory."""
    out = np.empty_like(lab)
    for row, stored in enumerate(lab):
        lightness = stored[:, 0] * np.float32(100 / 255)
        a, b = (stored[:, 1:].view(np.int8).astype(np.float32)).T
        fy = (lightness + 16) / 116
        f = np.stack([fy + a / 500, fy, fy - b / 200], axis=-1)  # (W, 3)
        xyz = np.where(f > 6 / 29, f**3, (f - 4 / 29) * (3 * (6 / 29) ** 2)) * _D50
        linear = np.clip(xyz @ _XYZ_TO_SRGB.T, 0, 1)
        srgb = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
        out[row] = np.floor(srgb * 255 + 0.5)
    return out
