"""Decoded pictures: each file is read once; its pixels stay in memory, or on disk if they must."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable

import numpy as np

from foveate.dataset.quality.scan import Fault, ScanResult, scan
from foveate.dataset.samples import ArrayImages, Images
from foveate.errors import StorageError
from foveate.images.preprocess import Preprocessing
from foveate.memory import free_memory_bytes
from foveate.words import bytes_text, setting

# Decoded pictures may take this share of the memory that is free; beyond it they go to a memory-mapped file.
MEMORY_FRACTION = 0.4


def decode(
    images: Images,
    preprocessing: Preprocessing,
    *,
    fault: Fault | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[np.ndarray, ScanResult]:
    """Read, check and preprocess every picture in one pass.

    Args:
        images: where the pictures come from.
        preprocessing: its size is the size of the result.
        fault: why a readable picture cannot be used, see `scan`.
        progress: called with (done, all).

    Returns:
        pixels (N, height, width, channels) uint8 and the scan's result; pictures that cannot be read are
        zeros and stand in the result with their reason.

    Raises:
        StorageError: the memory-mapped file could not be made.
    """
    ready = _ready_array(images, preprocessing)
    if ready is not None:
        return ready, scan(images, fault=fault, progress=progress)
    shape = (len(images), preprocessing.height, preprocessing.width, preprocessing.channels)
    pixels = allocated(shape)

    def keep(index: int, image: np.ndarray) -> None:
        pixels[index] = image

    return pixels, scan(images, keep=keep, preprocessing=preprocessing, fault=fault, progress=progress)


def _ready_array(images: Images, preprocessing: Preprocessing) -> np.ndarray | None:
    """An array data set that preprocessing leaves as it stands is used without a copy."""
    if not isinstance(images, ArrayImages):
        return None
    _, height, width, channels = images.array.shape
    return images.array if preprocessing.keeps(height, width) and channels == preprocessing.channels else None


def allocated(shape: tuple[int, ...]) -> np.ndarray:
    """Zeros, uint8, in memory or, beyond a share of what is free, on disk. Raises StorageError."""
    size = int(np.prod(shape, dtype=np.int64))
    if size <= MEMORY_FRACTION * free_memory_bytes():
        return np.zeros(shape, np.uint8)
    try:
        # Unlinked at once: the space is given back when the process ends, however it ends.
        with tempfile.TemporaryFile(prefix="foveate-pixels-") as file:
            os.posix_fallocate(file.fileno(), 0, size)
            return np.memmap(file, np.uint8, "r+", shape=shape)
    except OSError as error:
        raise StorageError(
            f"The decoded pictures need {bytes_text(size)}, more than {MEMORY_FRACTION:.0%} of the free "
            f"memory, and {tempfile.gettempdir()} cannot hold them: {error.strerror}. Use a smaller "
            f"{setting('image_size')} or free some space."
        ) from error
