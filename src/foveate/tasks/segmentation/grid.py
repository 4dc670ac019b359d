"""Class maps from one grid of pixels to another: by the nearest pixel centre, never between two classes.

Places are those of `foveate.geometry`: the centre of the pixel in row i and column j is (j + 0.5, i + 0.5).
OpenCV's nearest takes corners, which moves a map that is scaled by up to half a pixel.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from foveate.geometry import Affine
from foveate.tasks.segmentation.names import IGNORED


def placed(mask: NDArray[np.uint8], place: Affine, height: int, width: int) -> NDArray[np.uint8]:
    """A map (H, W) as it lies on another grid: (height, width); IGNORED where it does not reach.

    place: the map from pixels of ``mask`` to those of the grid; it neither turns nor shears.
    """
    back = place.inverse().matrix
    rows = _nearest(height, back[1, 1], back[1, 2])
    columns = _nearest(width, back[0, 0], back[0, 2])
    found = mask[rows.clip(0, mask.shape[0] - 1)[:, None], columns.clip(0, mask.shape[1] - 1)]
    found[(rows < 0) | (rows >= mask.shape[0])] = IGNORED
    found[:, (columns < 0) | (columns >= mask.shape[1])] = IGNORED
    return found


def _nearest(count: int, factor: float, offset: float) -> NDArray[np.int64]:
    """Which pixel holds each of so many centres, once they are moved along one axis."""
    return np.floor(factor * (np.arange(count) + 0.5) + offset + 1e-9).astype(np.int64)
