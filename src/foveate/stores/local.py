"""A local folder as a store."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from foveate.errors import MissingObjectError, StoreError, show_path
from foveate.stores.base import Fact, changed, joined

_PART = ".part-"  # how the names of what is being written begin


class LocalStore:
    """Files of one folder, which is made when something is written."""

    far = False

    def __init__(self, folder: str | Path) -> None:
        self.place = os.fspath(folder)
        self._folder = Path(folder)

    def read(self, name: str) -> bytes:
        with self._told(name):
            return (self._folder / name).read_bytes()

    def read_range(self, name: str, start: int, end: int, tag: str = "") -> bytes:
        with self._told(name), open(self._folder / name, "rb", buffering=0) as file:  # noqa: PTH123
            data = os.pread(file.fileno(), end - start, start)
        if len(data) != end - start:
            raise changed(joined(self.place, name), f"it ends before byte {end:,}")
        return data

    def fact(self, name: str) -> Fact | None:
        with self._told(name):
            try:
                return Fact((self._folder / name).stat().st_size)
            except FileNotFoundError:
                return None

    def names(self) -> Iterator[str]:
        with self._told(""):
            try:
                entries = os.scandir(self._folder)
            except FileNotFoundError:
                return
            with entries:
                for entry in entries:
                    if not entry.name.startswith(_PART):
                        yield entry.name

    def write(self, name: str, data: bytes) -> Fact:
        with self._written(name, data) as part:
            part.replace(self._folder / name)
        return Fact(len(data))

    def create(self, name: str, data: bytes) -> bool:
        with self._told(name):
            self._folder.mkdir(parents=True, exist_ok=True)
            created = _create_whole(self._folder, name, data)
        if created is not None:
            return created
        with self._written(name, data) as part:
            try:
                os.link(part, self._folder / name)  # which no two processes can both do
            except FileExistsError:
                return False
        return True

    @contextlib.contextmanager
    def _written(self, name: str, data: bytes) -> Iterator[Path]:
        """The bytes in a file of another name, which is gone afterwards."""
        with self._told(name):
            self._folder.mkdir(parents=True, exist_ok=True)
            descriptor, path = tempfile.mkstemp(prefix=_PART, dir=self._folder)
            part = Path(path)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(data)
                    os.fchmod(file.fileno(), 0o666 & ~_umask())
                    file.flush()
                    os.fsync(file.fileno())
                yield part
            finally:
                part.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _told(self, name: str) -> Iterator[None]:
        where = show_path(joined(self.place, name))
        try:
            yield
        except FileNotFoundError as error:
            raise MissingObjectError(f"{where}: there is no such file.") from error
        except OSError as error:
            raise StoreError(f"{where}: {error.strerror or error}.") from error


def _create_whole(folder: Path, name: str, data: bytes) -> bool | None:
    """A file that has no name until it is whole: a process that is killed leaves nothing behind.

    False where there is one of this name; None where the system knows no files without one.
    """
    if not hasattr(os, "O_TMPFILE"):
        return None
    try:
        descriptor = os.open(folder, os.O_TMPFILE | os.O_WRONLY, 0o666)
    except OSError:
        return None
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(descriptor)
        try:  # with a descriptor, else Python makes a link to the link
            os.link(f"/proc/self/fd/{descriptor}", folder / name, src_dir_fd=descriptor)
        except FileExistsError:
            return False
        except OSError:
            return None
    return True


def _umask() -> int:
    """The process's own; it can only be read by setting it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
