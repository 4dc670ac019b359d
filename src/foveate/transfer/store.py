"""Features kept on disk by content: a picture that was looked at once is not looked at again.

One SQLite file a backbone. A row's key is the hash of the pixels that the backbone is given and the view's
number, so whatever decides these pixels (the file, how it is decoded, cut and scaled) is in it: a picture
that is renamed, moved to another class or held out by another seed keeps its features, and one that is
edited, or prepared in another way, gets new ones. Each row bears a hash of itself: a damaged one is computed
again.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

STORED = np.dtype("<f2")  # half precision: 1e-3 of a value, far below what separates two pictures
LOOKUPS_AT_ONCE = 500  # SQLite takes at most 999 parameters a statement where it is old
KEY_BYTES, CHECK_BYTES = 16, 8
# What SQLite says of a file that is no database, or no whole one, or holds a table of another form.
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR}
_OWN_FILES = ("", "-wal", "-shm")  # what SQLite appends to the name of a database


class FeatureStore:
    """The features of one backbone: rows of ``width`` numbers by (content, view).

    A store that cannot be opened or written is no reason to stop: its features are computed each time. A
    damaged one is set aside under another name, and a new one begun.
    """

    def __init__(self, path: Path, width: int) -> None:
        self.path, self.width = path, width
        self.damaged_rows = 0
        self._notes: list[str] = []
        self._connection: sqlite3.Connection | None = None
        self._begin()

    @property
    def notes(self) -> tuple[str, ...]:
        """What was wrong with it, a sentence each."""
        if not self.damaged_rows:
            return tuple(self._notes)
        rows = "row was" if self.damaged_rows == 1 else "rows were"
        told = f"{self.damaged_rows:,} damaged {rows} found in {self.path} and computed again."
        return (*self._notes, told)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> FeatureStore:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def get(self, keys: list[bytes], view: int) -> dict[int, NDArray[np.float32]]:
        """The known features of a view, by place in ``keys`` (see `key_of`)."""
        places: dict[bytes, list[int]] = {}
        for place, key in enumerate(keys):
            places.setdefault(_row_key(key, view), []).append(place)
        found: dict[int, NDArray[np.float32]] = {}
        with self._tolerant():
            for key, row in self._rows(list(places)):
                values = self._values(key, row)
                if values is None:
                    self.damaged_rows += 1
                else:
                    found.update(dict.fromkeys(places[key], values))
        return found

    def put(self, keys: list[bytes], view: int, features: NDArray[np.float32]) -> None:
        """Keep the features (N, width) of a view."""
        if self._connection is None:
            return
        rows = []
        for key, values in zip(keys, features.astype(STORED), strict=True):
            place = _row_key(key, view)
            rows.append((place, values.tobytes() + _check(place, values.tobytes())))
        with self._tolerant(), self._connection:
            self._connection.executemany("INSERT OR REPLACE INTO features VALUES (?, ?)", rows)

    def _rows(self, keys: list[bytes]) -> Iterator[tuple[bytes, object]]:
        connection = self._connection
        if connection is None:
            return
        for start in range(0, len(keys), LOOKUPS_AT_ONCE):
            some = keys[start : start + LOOKUPS_AT_ONCE]
            marks = ",".join("?" * len(some))
            yield from connection.execute(f"SELECT key, row FROM features WHERE key IN ({marks})", some)

    def _values(self, key: bytes, row: object) -> NDArray[np.float32] | None:
        """(width,) of a row; None of one that is not as it was written."""
        if not isinstance(row, bytes) or len(row) != self.width * STORED.itemsize + CHECK_BYTES:
            return None
        content, check = row[:-CHECK_BYTES], row[-CHECK_BYTES:]
        if check != _check(key, content):
            return None
        return np.frombuffer(content, STORED).astype(np.float32)

    def _begin(self) -> None:
        """Open the database; set a damaged one aside first."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._connection = _opened(self.path)
            except sqlite3.Error as error:
                if not _is_damage(error):
                    raise
                self._set_aside(error)
                self._connection = _opened(self.path)
        except (OSError, sqlite3.Error) as error:
            self._do_without(error)

    def _set_aside(self, error: sqlite3.Error) -> None:
        aside = self.path.with_name(f"{self.path.name}.damaged")
        self.path.replace(aside)
        for suffix in _OWN_FILES[1:]:
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
        self._notes.append(
            f"The features kept in {self.path} are damaged ({error}): the file is now {aside.name}, and "
            "a new one is begun."
        )

    def _do_without(self, error: Exception) -> None:
        self.close()
        self._notes.append(f"Features cannot be kept in {self.path} and are computed each time: {error}.")

    @contextlib.contextmanager
    def _tolerant(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            self.close()
            if not _is_damage(error):
                self._do_without(error)
                return
            with contextlib.suppress(OSError):  # what cannot be renamed is told by what follows
                self._set_aside(error)
            self._begin()


def key_of(pixels: NDArray[np.uint8]) -> bytes:
    """What identifies a picture: the hash of its pixels (H, W, C) and their shape."""
    digest = hashlib.blake2b(repr(pixels.shape).encode(), digest_size=KEY_BYTES)
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.digest()


def as_stored(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """The same numbers as they come back from the store: new and kept features are equal to the bit."""
    with np.errstate(over="ignore"):  # what is too large becomes infinite, which the caller looks for
        rounded: NDArray[np.float32] = features.astype(STORED).astype(np.float32)
    return rounded


def remove_older(folder: Path, name: str, version: int) -> int:
    """Remove the files in which earlier versions kept this backbone's features; how many bytes it freed."""
    form = re.compile(rf"{re.escape(name)}-(?:v(\d+)-)?[0-9a-f]{{24}}\.sqlite(?:-wal|-shm|\.damaged)?")
    freed = 0
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            found = form.fullmatch(path.name)
            if found is not None and int(found[1] or 0) < version:
                size = path.stat().st_size
                path.unlink()
                freed += size
    return freed


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=10)
    try:
        # What is lost in a power cut is computed again, so no commit waits for the disk.
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS features (key BLOB PRIMARY KEY, row BLOB) WITHOUT ROWID"
        )
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _is_damage(error: sqlite3.Error) -> bool:
    """Whether the file's content is at fault. Python's own errors bear no code: they are of the content."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is None or code & 0xFF in _DAMAGE


def _row_key(key: bytes, view: int) -> bytes:
    return key + bytes([view])


def _check(key: bytes, content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=CHECK_BYTES, key=key).digest()
