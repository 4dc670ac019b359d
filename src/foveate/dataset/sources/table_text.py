"""The text of a table, and the files that it means: other encodings, accents and separators than here."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

from foveate.errors import DatasetError

_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
WINDOWS = "cp1252"


def decoded(path: Path, data: bytes, *, windows: bool = False) -> str:
    """A table's text. Bytes that are no UTF-8 stay as they are, for file names may hold them.

    ``windows``: they are Windows-1252 instead. Raises ``DatasetError`` for other encodings.
    """
    try:
        if data.startswith(_UTF_16):
            text = data.decode("utf-16")
        elif windows:
            text = data.decode(WINDOWS)
        else:
            text = data.decode("utf-8-sig", "surrogateescape")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text.partition("\n")[0]:
        raise DatasetError(f"Table {str(path)!r} is no UTF-8 text: save it as CSV in UTF-8.")
    return text


def has_raw_bytes(text: str) -> bool:
    """Whether a text holds bytes that could not be decoded."""
    return any("\udc80" <= character <= "\udcff" for character in text)


class Files:
    """Which files the names in a table mean, with the folders' listings kept. ``respelled`` counts others."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        self._there: set[str] = set()
        self._alike: dict[str, dict[str, list[str]]] = {}
        self.respelled = 0

    def __contains__(self, name: str) -> bool:
        if name not in self._there and os.path.lexists(os.path.join(self._folder, name)):  # noqa: PTH118 (fast)
            self._there.add(name)
        return name in self._there

    def meant(self, name: str) -> str:
        """The file that a name means: itself if it is there, else its one other spelling that is.

        Others are without spaces around, with slashes for Windows' backslashes, and with accents composed
        as the file system has them (Unicode's normal forms). A name that fits none comes back as it was.
        """
        if name in self:
            return name
        for other in dict.fromkeys((name.strip(), name.replace("\\", "/"), name.strip().replace("\\", "/"))):
            if (found := self._on_disk(other)) is not None:
                self.respelled += 1
                return found
        return name

    def _on_disk(self, name: str) -> str | None:
        place = ""
        for part in name.split("/"):
            whole = f"{place}/{part}" if place else part
            if part and part not in (".", "..") and whole not in self:
                alike = self._listed(place).get(unicodedata.normalize("NFC", part), [])
                if len(alike) != 1:
                    return None  # missing, or both spellings are there and neither is this
                whole = f"{place}/{alike[0]}" if place else alike[0]
            place = whole or "/"
        return place

    def _listed(self, place: str) -> dict[str, list[str]]:
        """The names in a folder by their normal form."""
        if place not in self._alike:
            found = self._alike[place] = {}
            try:
                for entry in os.listdir(os.path.join(self._folder, place)):  # noqa: PTH118, PTH208
                    found.setdefault(unicodedata.normalize("NFC", entry), []).append(entry)
            except (OSError, ValueError):
                pass  # no such folder: nothing is listed
        return self._alike[place]
