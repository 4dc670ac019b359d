"""What stands behind the objects: gradients, stripes, checks, dots, clouds and grain between two colours.

All is computed in double precision: processors round sines and powers differently in the last bits, and in
single precision that would now and then change a byte of a picture.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Field = NDArray[np.float64]  # (size, size), 0 to 1: how much of the second colour there is


def background(rng: np.random.Generator, size: int, colours: NDArray[np.float64]) -> NDArray[np.uint8]:
    """A texture of two colours ``(2, 3)`` under slowly changing light: uint8 ``(size, size, 3)``."""
    field = _FIELDS[rng.integers(len(_FIELDS))](rng, size)
    first, second = colours
    picture = first + (second - first) * field[..., None]  # (size, size, 3)
    light = 0.94 + 0.12 * _slope(rng, size)
    return np.rint(picture * light[..., None]).clip(0, 255).astype(np.uint8)


def _slope(rng: np.random.Generator, size: int, power: float = 1.0) -> Field:
    """From 0 to 1 across the picture, in any direction."""
    _, columns = _turned(rng, size)
    low, high = columns.min(), columns.max()
    return ((columns - low) / (high - low)) ** power


def _turned(rng: np.random.Generator, size: int) -> tuple[Field, Field]:
    """Each pixel's place along two axes at right angles that are turned by any angle; the side is 1."""
    angle = rng.uniform(0, 2 * np.pi)
    cosine, sine = np.cos(angle), np.sin(angle)
    along = np.arange(size) / size
    y, x = along[:, None], along[None, :]
    return cosine * y - sine * x, sine * y + cosine * x


def _gradient(rng: np.random.Generator, size: int) -> Field:
    return _slope(rng, size, power=rng.uniform(0.7, 1.4))


def _glow(rng: np.random.Generator, size: int) -> Field:
    """A gradient around a point."""
    y, x = rng.uniform(0.1, 0.9, 2)
    along = np.arange(size) / size
    return np.hypot(along[:, None] - y, along[None, :] - x).clip(0, 1)


def _wave(place: Field, size: int, periods: float, sharpness: float) -> Field:
    """Bands along an axis; a sharp one is as soft at its edges as a pixel is wide."""
    steepness = sharpness * size / periods / 4
    return (0.5 + steepness * np.sin(2 * np.pi * periods * place)).clip(0, 1)


def _stripes(rng: np.random.Generator, size: int) -> Field:
    _, place = _turned(rng, size)
    return _wave(place, size, rng.uniform(3, 9), rng.choice((0.1, 0.6)))


def _checks(rng: np.random.Generator, size: int) -> Field:
    rows, columns = _turned(rng, size)
    periods = rng.uniform(2, 6)
    return (_wave(rows, size, periods, 0.6) + _wave(columns, size, periods, 0.6)) / 2


def _dots(rng: np.random.Generator, size: int) -> Field:
    rows, columns = _turned(rng, size)
    periods = rng.uniform(4, 9)
    height = np.sin(2 * np.pi * periods * rows) * np.sin(2 * np.pi * periods * columns)
    return ((height - 0.35) * size / periods / 5).clip(0, 1)


def _clouds(rng: np.random.Generator, size: int) -> Field:
    """Noise at four scales, each twice as fine and half as strong as the one before (Perlin's idea)."""
    field = np.zeros((size, size))
    cells = int(rng.integers(2, 5))
    for octave in range(4):
        points = rng.random((cells << octave, cells << octave), np.float32)
        smooth = Image.fromarray(points).resize((size, size), Image.Resampling.BICUBIC)
        field += np.asarray(smooth) / 2**octave
    low, high = field.min(), field.max()
    return (field - low) / (high - low)


def _grain(rng: np.random.Generator, size: int) -> Field:
    """A rough surface: noise that is stretched along one axis."""
    stretch = int(rng.integers(2, 9))
    points = rng.random((size, -(-size // stretch)), np.float32)
    smooth = Image.fromarray(points).resize((size, size), Image.Resampling.BICUBIC)
    field = 0.25 + 0.5 * np.asarray(smooth, np.float64).clip(0, 1)
    return field if rng.random() < 0.5 else field.T


_FIELDS: tuple[Callable[[np.random.Generator, int], Field], ...] = (
    _gradient,
    _glow,
    _stripes,
    _checks,
    _dots,
    _clouds,
    _grain,
)
