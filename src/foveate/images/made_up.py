"""Pictures that are made up, to compare two ways of running a network where there are no others."""

from __future__ import annotations

import numpy as np

COUNT = 8


def made_up_pictures(height: int, width: int) -> np.ndarray:
    """Shapes of all sizes, fine and coarse: (COUNT, height, width, 3) uint8, the same each time."""
    random = np.random.Generator(np.random.PCG64(0))
    pictures = np.zeros((COUNT, height, width, 3))
    for cells in (2, 4, 8, 16, 32, 64, 128):
        coarse = random.normal(size=(COUNT, cells, cells, 3))
        rows, columns = np.arange(height) * cells // height, np.arange(width) * cells // width
        pictures += coarse[:, rows][:, :, columns] * 40
    return np.clip(pictures + 128, 0, 255).astype(np.uint8)
