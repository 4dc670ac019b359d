"""The colours that objects have names for, and the muted ones behind them."""

from __future__ import annotations

import colorsys

import numpy as np
from numpy.typing import NDArray

# Far enough from each other that a shaded one is still nearest to its own name.
COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (216, 38, 44),
    "orange": (246, 132, 26),
    "yellow": (250, 216, 48),
    "green": (46, 160, 72),
    "blue": (44, 98, 214),
    "purple": (132, 58, 172),
    "pink": (246, 142, 190),
    "white": (246, 246, 244),
    "black": (36, 36, 42),
}
CONTRAST = 100  # the least distance in RGB of an object's colour from every colour of the background
_DARKEST = 0.5  # of a colour, where no light falls on it
_JITTER = 10  # no two reds are quite the same


def behind(rng: np.random.Generator) -> NDArray[np.float64]:
    """Two muted colours for a background: float64 ``(2, 3)``, 0 to 255, alike enough to be one surface."""
    hue, saturation = rng.random(), rng.uniform(0.06, 0.38)
    value = rng.choice((rng.uniform(0.22, 0.5), rng.uniform(0.6, 0.95)))
    step = rng.uniform(0.1, 0.28) * (1 if value < 0.55 else -1)
    other = (hue + rng.uniform(-0.12, 0.12)) % 1, saturation * rng.uniform(0.6, 1.4), value + step
    return np.array([colorsys.hsv_to_rgb(hue, saturation, value), colorsys.hsv_to_rgb(*other)]) * 255


def visible_on(background: NDArray[np.float64]) -> list[str]:
    """The names of the colours that stand out from all of ``(n, 3)`` colours."""
    return [
        name
        for name, colour in COLOURS.items()
        if (np.linalg.norm(background - np.array(colour), axis=1) >= CONTRAST).all()
    ]


def shades(rng: np.random.Generator, name: str) -> NDArray[np.uint8]:
    """A colour under light 0 to 255: uint8 ``(256, 3)``."""
    colour = np.array(COLOURS[name]) + rng.integers(-_JITTER, _JITTER + 1, 3)
    light = np.linspace(_DARKEST, 1.06, 256)[:, None]
    return (colour * light).clip(0, 255).astype(np.uint8)
