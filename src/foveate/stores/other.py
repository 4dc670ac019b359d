"""Any other place that fsspec knows: ``memory://``, ``hf://``, ``sftp://`` and whatever is installed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from foveate.errors import MissingExtraError, MissingObjectError, StoreError
from foveate.stores.base import USUAL, Fact, Patience, changed, joined, whole
from foveate.words import first_line, printable

_TAGS = ("ETag", "etag", "e_tag", "sha256", "md5")


class FsspecStore:
    """Objects under a URL that fsspec opens; what it is allowed to do depends on who wrote its class."""

    far = True

    def __init__(self, url: str, patience: Patience = USUAL) -> None:
        self.place = url
        self._patience = patience
        try:
            from fsspec.core import url_to_fs
        except ModuleNotFoundError as error:
            raise MissingExtraError(f"Reading {printable(url)}", "cloud") from error
        try:
            self._files, self._root = url_to_fs(url)
        except (ValueError, ImportError, OSError) as error:
            raise StoreError(
                f"{printable(url)}: cannot be opened as a store: {first_line(error)}."
            ) from error

    def __reduce__(self) -> tuple[Any, ...]:
        return FsspecStore, (self.place, self._patience)

    def read(self, name: str) -> bytes:
        with self._told(name):
            return bytes(self._files.cat_file(self._path(name)))

    def read_range(self, name: str, start: int, end: int, tag: str = "") -> bytes:
        def ask() -> bytes:
            with self._told(name):
                data = bytes(self._files.cat_file(self._path(name), start=start, end=end))
            if len(data) < end - start and (found := self.fact(name)) is not None and found.size < end:
                raise changed(joined(self.place, name), f"it ends before byte {end:,}")
            return whole(data, end - start, joined(self.place, name))

        return self._patience.until_whole(ask)

    def fact(self, name: str) -> Fact | None:
        with self._told(name):
            try:
                found = self._files.info(self._path(name))
            except FileNotFoundError:
                return None
        return Fact(int(found.get("size") or 0), next((str(found[key]) for key in _TAGS if key in found), ""))

    def names(self) -> Iterator[str]:
        with self._told(""):
            try:
                found = self._files.ls(self._root, detail=False)
            except FileNotFoundError:
                return
        yield from (str(path).rstrip("/").rpartition("/")[2] for path in found)

    def write(self, name: str, data: bytes) -> Fact:
        with self._told(name):
            self._files.pipe_file(self._path(name), data)
        return self.fact(name) or Fact(len(data))

    def create(self, name: str, data: bytes) -> bool:
        with self._told(name):
            try:
                self._files.pipe_file(self._path(name), data, mode="create")
            except FileExistsError:
                return False
        return True

    def _path(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"

    @contextlib.contextmanager
    def _told(self, name: str) -> Iterator[None]:
        where = printable(joined(self.place, name))
        try:
            yield
        except FileNotFoundError as error:
            raise MissingObjectError(f"{where}: there is no such object.") from error
        except OSError as error:
            raise StoreError(f"{where}: {first_line(error)}.") from error
