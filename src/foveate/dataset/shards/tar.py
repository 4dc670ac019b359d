"""Tar files whose bytes depend on what is in them and on nothing else."""

from __future__ import annotations

import io
import tarfile
import zlib
from types import TracebackType
from typing import Self

from foveate.dataset.shards.rows import Part

BLOCK = 512  # bytes that a tar is made of


def taken(size: int) -> int:
    """Bytes that a member of this size takes, its header included."""
    return BLOCK + -(-size // BLOCK) * BLOCK


class TarWriter:
    """Members in memory, one after the other; `parts` of them are told where they lie."""

    def __init__(self) -> None:
        self._buffer = io.BytesIO()
        self._tar = tarfile.open(fileobj=self._buffer, mode="w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115 -- ours is one
        self.size = 0

    def add(self, name: str, data: bytes) -> Part:
        """A file of this name, read-only for all, of no user and no time."""
        info = tarfile.TarInfo(name)
        info.size, info.mode, info.mtime = len(data), 0o444, 0
        start = self.size + BLOCK
        self._tar.addfile(info, io.BytesIO(data))
        self.size += taken(len(data))
        return start, len(data), zlib.crc32(data)

    def done(self) -> bytes:
        self._tar.close()
        return self._buffer.getvalue()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tar.close()
