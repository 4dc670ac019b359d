"""What may be written where: one rule for every command.

What is there already is replaced only where ``--overwrite`` says so, and only by its like: a picture by a
picture, a page by a page, a model folder by a model folder. Everything else is refused before any work is
done.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from foveate.errors import InputError
from foveate.words import setting


def _replace() -> str:
    return f"give another name, or {setting('overwrite', True)} to replace it"


def check_file(path: Path, suffixes: Sequence[str], *, name: str, overwrite: bool) -> Path:
    """The path, if a file with one of these endings may be written there.

    Args:
        suffixes: in small letters, with the dot: what the command writes.
        name: of the setting that named the path, for the message.

    Raises:
        InputError: another ending, a folder, no folder above, or a file that may not be replaced.
    """
    if path.is_dir():
        raise InputError(
            f"{setting(name, str(path))}: expected a file's name, found a folder; give another name."
        )
    if path.suffix.lower() not in suffixes:
        wanted = " or ".join((", ".join(suffixes[:-1]), suffixes[-1])) if suffixes[1:] else suffixes[0]
        raise InputError(f"{setting(name)} must end in {wanted}, and is {str(path)!r}.")
    _check_folder_above(path)
    if os.path.lexists(path) and not overwrite:
        raise InputError(f"{setting(name, str(path))}: exists already; {_replace()}.")
    return path


def check_folder(path: Path, mark: str, *, what: str, name: str, overwrite: bool) -> Path:
    """The path, if files may be written into a folder of that name.

    Args:
        mark: the file that every folder of the command's own holds.
        what: what such a folder holds, for the message.

    Raises:
        InputError: a file, a folder of other things, or one of the command's own that may not be replaced.
    """
    if not os.path.lexists(path):
        return path
    if not path.is_dir():
        raise InputError(f"{setting(name, str(path))}: expected a folder, found a file; give another name.")
    found = sorted(entry.name for entry in path.iterdir())
    if found and mark not in found:
        raise InputError(
            f"{setting(name, str(path))}: expected a new or empty folder, found other files "
            f"({found[0]}, ...); give another name."
        )
    if found and not overwrite:
        raise InputError(f"{setting(name, str(path))}: holds {what} already; {_replace()}.")
    return path


def numbered(base: Path) -> list[Path]:
    """NAME, NAME-2, ... as far as they exist, and the first that is free: the name where none is given."""
    folders = [base]
    while folders[-1].exists():
        folders.append(base.with_name(f"{base.name}-{len(folders) + 1}"))
    return folders


def _check_folder_above(path: Path) -> None:
    if not path.parent.is_dir():
        raise InputError(f"{path}: there is no folder {path.parent}; make it, or write elsewhere.")
