"""Arrays kept on disk by what they were made of: what was computed once is not computed again."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foveate.errors import StorageError
from foveate.files import write

CHECK_BYTES = 16


def cache_folder() -> Path:
    """Where fetched things are kept: $FOVEATE_CACHE, else $XDG_CACHE_HOME/foveate, else ~/.cache/foveate."""
    own = os.environ.get("FOVEATE_CACHE")
    if own:
        return Path(own).expanduser()
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG specification has relative paths ignored.
    return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "foveate"  # noqa: PTH117


def key_of(*parts: Any) -> str:
    """A name for what follows from these: arrays and files by their bytes, others as they are written."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(f"{part.dtype} {part.shape}".encode())
            digest.update(np.ascontiguousarray(part).data)
        elif isinstance(part, bytes):  # written out they would be four times as long
            digest.update(f"bytes {len(part)}".encode())
            digest.update(part)
        else:
            digest.update(f"{part!r};".encode())
    return digest.hexdigest()


class Kept:
    """A folder of the cache with an array a file. One that is damaged is none; a full disk is no error."""

    def __init__(self, name: str) -> None:
        self.name = name

    def get(self, key: str) -> NDArray[Any] | None:
        """What was put under this key (`key_of`), or None."""
        try:
            data = self._place(key).read_bytes()
        except OSError:
            return None
        content, check = data[:-CHECK_BYTES], data[-CHECK_BYTES:]
        if check != _check(content):
            return None
        found: NDArray[Any] = np.load(io.BytesIO(content), allow_pickle=False)
        return found

    def put(self, key: str, array: NDArray[Any]) -> None:
        content = io.BytesIO()
        np.save(content, array, allow_pickle=False)
        place = self._place(key)
        with contextlib.suppress(OSError, StorageError):  # it is computed again
            place.parent.mkdir(parents=True, exist_ok=True)
            write(place, content.getvalue() + _check(content.getvalue()))

    def _place(self, key: str) -> Path:
        return cache_folder() / self.name / key[:2] / f"{key[2:]}.npy"


def _check(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=CHECK_BYTES).digest()
