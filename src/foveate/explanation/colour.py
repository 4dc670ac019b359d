"""Two colour maps, computed: one for heat, one for signed values.

Both are paths through Ottosson's OKLab (*A perceptual color space for image processing*, 2020) cut into steps
of equal length, so that equal differences of value look equally large; they stay inside what sRGB holds.
Heat grows lighter all the way, and the signed map goes from blue over white to orange: both can be read
without telling red from green, heat also in a grey copy.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

# OKLab -> cube roots of cone responses -> linear sRGB.
_TO_CONES = np.array(
    [
        [1.0, 0.3963377774, 0.2158037573],
        [1.0, -0.1055613458, -0.0638541728],
        [1.0, -0.0894841775, -1.2914855480],
    ]
)
_TO_RGB = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
)
_FINE = 2048  # points on a path before it is cut into equal steps
STEPS = 256


@cache
def heat_colours() -> NDArray[np.uint8]:
    """(256, 3): from near black over violet, rose and orange to pale yellow."""
    t = np.linspace(0, 1, _FINE)
    lightness = 0.16 + 0.80 * t
    hue = np.radians(280 + 190 * t**0.9)  # blue-violet (280°), red (15°), yellow (110°)
    chroma = 0.175 * np.sin(np.pi * (0.10 + 0.77 * t))
    return _frozen(_even(lightness, chroma, hue))


@cache
def signed_colours() -> NDArray[np.uint8]:
    """(256, 3): from blue over near white in the middle to orange; both ends are equally dark."""
    t = np.linspace(0, 1, _FINE)
    halves = []
    for degrees in (255, 55):
        hue = np.full(_FINE, np.radians(degrees))
        lightness = 0.97 - 0.39 * t
        halves.append(_even(lightness, 0.138 * t, hue, STEPS // 2))
    return _frozen(np.concatenate([halves[0][::-1], halves[1]]))


def coloured(values: ArrayLike, colours: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Numbers from 0 to 1, of any shape, as colours: ``(..., 3)`` uint8. What lies outside is cut."""
    index = np.rint(np.clip(np.nan_to_num(np.asarray(values)), 0, 1) * (len(colours) - 1)).astype(np.int64)
    return colours[index]


def _even(
    lightness: NDArray[np.float64], chroma: NDArray[np.float64], hue: NDArray[np.float64], steps: int = STEPS
) -> NDArray[np.uint8]:
    """The path in ``steps`` colours that are equally far apart."""
    lab = np.stack([lightness, chroma * np.cos(hue), chroma * np.sin(hue)], axis=-1)
    way = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(lab, axis=0), axis=1))])
    at = np.linspace(0, way[-1], steps)
    lab = np.stack([np.interp(at, way, lab[:, i]) for i in range(3)], axis=-1)
    linear = np.clip(_linear_rgb(lab), 0, 1)
    srgb = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.rint(srgb * 255).astype(np.uint8)


def _linear_rgb(lab: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((lab @ _TO_CONES.T) ** 3 @ _TO_RGB.T)


def _frozen(colours: NDArray[np.uint8]) -> NDArray[np.uint8]:
    colours.flags.writeable = False  # it is shared by all callers
    return colours
