"""Writing files so that a crash leaves the old one or the new one, never a part."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from foveate.errors import StorageError


@contextlib.contextmanager
def replacing(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """A hidden name beside ``path``, of the same suffix, to write under; what is whole takes the name.

    Args:
        durable: flush to the disk before and after, so that a power cut cannot undo it either.

    Raises:
        StorageError: it could not be written; a file that was there is intact, and nothing is left behind.
    """
    part = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        yield part
        if durable:
            sync(part)
        part.replace(path)
        if durable:
            sync(path.parent)
    except OSError as error:
        intact = " The old file is intact." if os.path.lexists(path) else ""
        raise StorageError(f"Could not write {path}: {error.strerror or error}.{intact}") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def write(path: Path, data: bytes, *, durable: bool = False) -> None:
    """Put a file in its place. Arguments and errors are those of `replacing`."""
    with replacing(path, durable=durable) as part:
        part.write_bytes(data)


def write_durably(path: Path, data: bytes) -> None:
    """Put a file in its place, flushed to the disk. Raises StorageError as `replacing` does."""
    write(path, data, durable=True)


def sync(path: Path) -> None:
    """Flush a file, or a folder's list of names, to the disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
