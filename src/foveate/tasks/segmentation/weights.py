"""What a pixel of each class counts, so that small things are learnt as large ones are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def median_frequency(pixels: NDArray[np.int64]) -> tuple[float, ...]:
    """Median frequency balancing (Eigen, Fergus 2015, arXiv 1411.4734, section 4.3.2).

    pixels: (N, K) of each picture and class. A class's frequency is its share of the pixels of the pictures
    that show it; its weight is the median of all frequencies over its own, and 0 where it is nowhere.
    """
    shown = pixels > 0
    of_pictures = np.where(shown, pixels.sum(axis=1, keepdims=True), 0).sum(axis=0)
    frequency = pixels.sum(axis=0) / np.maximum(of_pictures, 1)
    middle = np.median(frequency[frequency > 0]) if (frequency > 0).any() else 1.0
    return tuple(np.where(frequency > 0, middle / np.maximum(frequency, 1e-12), 0.0).tolist())
