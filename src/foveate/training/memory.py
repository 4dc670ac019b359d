"""Memory between steps: what one step frees, the next one takes."""

from __future__ import annotations

import ctypes

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # glibc's malloc.h
_LARGEST_KEPT_BYTES, _KEPT_BYTES = 32 << 20, 256 << 20


def keep_freed_memory() -> bool:
    """Ask the C library to keep freed blocks up to 32 MB for this process, 256 MB together.

    By default glibc returns large blocks to the system, which clears each page anew when the next step asks
    for them again: a quarter of the time of the article's network on a processor. False where the C library
    is another one; then nothing has changed.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):  # macOS, Windows, musl
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, _LARGEST_KEPT_BYTES) and mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES))
