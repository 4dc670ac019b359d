"""What stands in a scene: an object as it is drawn, and as it is placed and seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

SOLID = 128  # coverage of one half: from here on a pixel belongs to the object


class Drawn(NamedTuple):
    """An object before it has a place and a colour."""

    coverage: NDArray[np.uint8]  # (h, w): 255 where the pixel is all the object's
    light: NDArray[np.uint8]  # (h, w): 255 where the colour is brightest
    source: str | None  # the picture that it was cut out of


class Kind(Protocol):
    """A kind of objects. Another one needs these three and nothing else."""

    name: str
    classes: tuple[str, ...]  # the words for them; class ``i`` has the number ``i + 1`` in masks

    def draw(self, rng: np.random.Generator, number: int, longest_px: int) -> Drawn:
        """An object of class ``classes[number]``, whose longer side is at most ``longest_px``."""
        ...


@dataclass(frozen=True, eq=False)
class Placed:
    """An object of a scene: what it is, where it stands, and what can be seen of it."""

    name: str
    number: int  # its class in masks; 0 is the background
    colour: str
    coverage: NDArray[np.uint8]  # (h, w), its own, as if nothing stood before it
    left: int
    top: int
    visible: NDArray[np.bool_]  # (H, W), of the whole picture
    source: str | None

    @property
    def solid(self) -> NDArray[np.bool_]:
        """(H, W): what would be seen of it if nothing stood before it."""
        whole = np.zeros_like(self.visible)
        height, width = self.coverage.shape
        whole[self.top : self.top + height, self.left : self.left + width] = self.coverage >= SOLID
        return whole

    @property
    def box(self) -> tuple[int, int, int, int]:
        """x1, y1, x2, y2 of what can be seen, in pixels; x2 and y2 lie beyond it."""
        rows, columns = (np.flatnonzero(self.visible.any(axis=axis)) for axis in (1, 0))
        return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1

    @property
    def area(self) -> int:
        """Pixels that can be seen."""
        return int(np.count_nonzero(self.visible))
