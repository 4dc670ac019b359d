"""Coloured shapes: outlines in a plane, drawn at any size with exact soft edges."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from foveate.dataset.sources.scenes.objects import Drawn

Points = NDArray[np.float64]  # (n, 2): x to the right, y down

_FINE = 4  # a pixel's coverage is counted on 4 x 4 points
_TURN_DEGREES = 20


def _circle(radius: float = 1.0, begin: float = 0.0, end: float = 360.0, count: int = 180) -> Points:
    angles = np.radians(np.linspace(begin, end, count, endpoint=end - begin < 360))
    return radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _star(inner: float = 0.45) -> Points:
    angles = np.radians(-90 + 36 * np.arange(10))
    radii = np.where(np.arange(10) % 2, inner, 1.0)
    return radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _cross(arm: float = 0.34) -> Points:
    a = arm
    corners = [(-a, -1), (a, -1), (a, -a), (1, -a), (1, a), (a, a)]
    return np.array(corners + [(-x, -y) for x, y in corners])


def _heart() -> Points:
    t = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    x = 16 * np.sin(t) ** 3
    y = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return np.stack([x, -y], axis=1) / 17


def _moon() -> Points:
    """A crescent: three quarters of a circle, and back along another."""
    outer = _circle(1.0, 45, 315, 140)  # it ends at x = sqrt(1/2), above and below the middle
    corner = np.sqrt(0.5)
    shift = 0.55
    radius = np.hypot(corner - shift, corner)
    opening = np.degrees(np.arctan2(corner, corner - shift))
    inner = _circle(radius, 360 - opening, opening, 100) + np.array([shift, 0.0])
    return np.concatenate([outer, inner])


_OUTLINES: dict[str, tuple[Points, Points | None]] = {  # name -> outline, and the hole in it
    "disc": (_circle(), None),
    "square": (np.array([(-1.0, -1.0), (1, -1), (1, 1), (-1, 1)]), None),
    "triangle": (_circle(1.0, -90, 270, 3), None),
    "ring": (_circle(), _circle(0.55)),
    "cross": (_cross(), None),
    "star": (_star(), None),
    "heart": (_heart(), None),
    "moon": (_moon(), None),
}


class Shapes:
    """Eight shapes, turned a little and lit from one side. Nothing needs to be fetched for them."""

    name = "shapes"
    classes = tuple(_OUTLINES)

    def draw(self, rng: np.random.Generator, number: int, longest_px: int) -> Drawn:
        """A shape whose longer side is ``longest_px``; see `Kind`."""
        outline, hole = _OUTLINES[self.classes[number]]
        if rng.random() < 0.5:
            outline = outline * (-1, 1)  # the one hole there is, a ring's, is its own mirror image
        angle = np.radians(rng.uniform(-_TURN_DEGREES, _TURN_DEGREES))
        turn = np.array([(np.cos(angle), np.sin(angle)), (-np.sin(angle), np.cos(angle))])
        points = outline @ turn
        low, extent = points.min(axis=0), np.ptp(points, axis=0)
        scale = longest_px * _FINE / extent.max()
        width, height = np.maximum(1, np.ceil(extent * scale / _FINE - 1e-6)).astype(int).tolist()
        canvas = Image.new("L", (width * _FINE, height * _FINE))
        pen = ImageDraw.Draw(canvas)
        for part, ink in ((outline, 255), (hole, 0)):
            if part is not None:
                # ImageDraw paints the pixels whose centre is inside, and counts from that of the first one.
                pen.polygon((((part @ turn) - low) * scale - 0.5).ravel().tolist(), fill=ink)
        return Drawn(np.asarray(canvas.reduce(_FINE)), _lit(height, width), None)


def _lit(height: int, width: int) -> NDArray[np.uint8]:
    """Light that falls from above on the left: uint8 ``(height, width)``."""
    down, right = np.linspace(0, 0.5, height)[:, None], np.linspace(0, 0.5, width)[None, :]
    return np.rint(250 - 90 * (down + right)).astype(np.uint8)
