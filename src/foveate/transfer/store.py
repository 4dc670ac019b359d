"""Features kept on disk by content: a picture that was looked at once is not looked at again.

One SQLite file a backbone. A row's key is the hash of the picture's content and the view's number, so a
picture that is renamed, moved to another class or held out by another seed keeps its features, and one that
is edited gets new ones.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

STORED = np.dtype("<f2")  # half precision: 1e-3 of a value, far below what separates two pictures
LOOKUPS_AT_ONCE = 500  # SQLite takes at most 999 parameters a statement where it is old


class FeatureStore:
    """The features of one backbone: rows of ``width`` numbers by (content, view).

    A store that cannot be opened or written is no reason to stop: its features are computed each time, and
    ``fault`` says why.
    """

    def __init__(self, path: Path, width: int) -> None:
        self.width = width
        self.fault: str | None = None
        self._connection: sqlite3.Connection | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = self._open(path)
        except (OSError, sqlite3.Error) as error:
            self.fault = f"Features cannot be kept in {path}: {error}."

    def _open(self, path: Path) -> sqlite3.Connection:
        connection = sqlite3.connect(path, timeout=10)
        # What is lost in a power cut is computed again, so no commit waits for the disk.
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS features (key BLOB PRIMARY KEY, row BLOB) WITHOUT ROWID"
        )
        return connection

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> FeatureStore:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def get(self, digests: NDArray[np.uint64], view: int) -> dict[int, NDArray[np.float32]]:
        """The known features of a view, by row of ``digests`` (N, 2)."""
        if self._connection is None:
            return {}
        keys = _keys(digests, view)
        places: dict[bytes, list[int]] = {}
        for place, key in enumerate(keys):
            places.setdefault(key, []).append(place)
        found: dict[int, NDArray[np.float32]] = {}
        with self._tolerant():
            for key, row in self._rows(list(places)):
                if len(row) == self.width * STORED.itemsize:  # else damaged, and computed again
                    values = np.frombuffer(row, STORED).astype(np.float32)
                    found.update(dict.fromkeys(places[key], values))
        return found

    def put(self, digests: NDArray[np.uint64], view: int, features: NDArray[np.float32]) -> None:
        """Keep the features (N, width) of a view."""
        if self._connection is None:
            return
        rows = [
            (key, row.tobytes())
            for key, row in zip(_keys(digests, view), features.astype(STORED), strict=True)
        ]
        with self._tolerant(), self._connection:
            self._connection.executemany("INSERT OR REPLACE INTO features VALUES (?, ?)", rows)

    def _rows(self, keys: list[bytes]) -> Iterator[tuple[bytes, bytes]]:
        connection = self._connection
        if connection is None:
            return
        for start in range(0, len(keys), LOOKUPS_AT_ONCE):
            some = keys[start : start + LOOKUPS_AT_ONCE]
            marks = ",".join("?" * len(some))
            yield from connection.execute(f"SELECT key, row FROM features WHERE key IN ({marks})", some)

    @contextlib.contextmanager
    def _tolerant(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            self.fault = f"The kept features cannot be used: {error}."
            self.close()


def _keys(digests: NDArray[np.uint64], view: int) -> list[bytes]:
    return [row.tobytes() + bytes([view]) for row in np.ascontiguousarray(digests).astype("<u8")]


def as_stored(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """The same numbers as they come back from the store: new and kept features are equal to the bit."""
    rounded: NDArray[np.float32] = features.astype(STORED).astype(np.float32)
    return rounded
