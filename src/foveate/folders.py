"""Writing whole folders so that a crash leaves the old one or the new one, never a mix."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from foveate.errors import BusyError, StorageError, show_path

_EXCHANGE = 2  # RENAME_EXCHANGE of Linux's renameat2, and RENAME_SWAP of macOS's renamex_np


@contextlib.contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """A hidden folder beside ``path`` to fill; when it is whole it takes the name, in one step.

    The folder that was there is removed with all that is in it: the caller has made sure that it may be.
    While it is filled it is locked, which tells it from what a killed process left.

    Raises:
        BusyError: another process is filling a folder for the same name.
        StorageError: it could not be written; a folder that was there is intact, and nothing is left behind.
    """
    path = Path(os.path.realpath(path))
    part, old = (path.with_name(f".{path.name}{ending}") for ending in (".part", ".old"))
    made = [folder for folder in path.parents if not folder.exists()]  # the innermost first
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.mkdir(exist_ok=True)
        with _held(part, path):
            try:
                _undo_half(old, path)
                _empty(part)
                yield part
                put_in_place(part, path)
            finally:
                _undo_half(old, path)
                for rest in (part, old):
                    shutil.rmtree(rest, ignore_errors=True)
    except OSError as error:
        intact = " What was there before is intact." if path.exists() else ""
        name, reason = show_path(path), error.strerror or str(error)
        raise StorageError(f"Could not write {name}: {reason}.{intact}") from error
    finally:
        for folder in made:
            with contextlib.suppress(OSError):  # it is not empty: all is well
                folder.rmdir()


@contextlib.contextmanager
def _held(folder: Path, path: Path) -> Iterator[None]:
    """The lock of a folder; it goes with the process that holds it, however it ends."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(
                f"{show_path(path)}: another program is making it; wait for its end, or give another name."
            ) from None
        yield
    finally:
        os.close(descriptor)


def _undo_half(old: Path, path: Path) -> None:
    """Where one name was given up and the other never taken: the old folder gets its name back."""
    if old.is_dir() and not os.path.lexists(path):
        old.rename(path)


def _empty(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def put_in_place(new: Path, out: Path) -> None:
    """Make ``out`` be the folder ``new`` in one step; afterwards ``new`` is the old folder, if there was one.

    Where the system cannot exchange two names there are two steps, and between them the old folder has the
    name of ``new`` with the ending ``.old``. Raises OSError, with ``out`` as it was.
    """
    if not out.is_dir():
        new.rename(out)
    elif not _exchange(new, out):
        aside = new.with_suffix(".old")  # the caller undoes this if the second step never came
        out.rename(aside)
        try:
            new.rename(out)
        except OSError:
            aside.rename(out)
            raise
        with contextlib.suppress(OSError):  # the new one is in place; the old one is cleared by the next run
            aside.rename(new)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two names at once. False where the system or the file system cannot."""
    libc = ctypes.CDLL(None, use_errno=True)
    a, b = os.fsencode(one), os.fsencode(other)
    here = -100  # AT_FDCWD
    if sys.platform == "linux" and hasattr(libc, "renameat2"):
        failed = libc.renameat2(here, a, here, b, _EXCHANGE)
    elif sys.platform == "darwin" and hasattr(libc, "renamex_np"):
        failed = libc.renamex_np(a, b, _EXCHANGE)
    else:
        return False
    code = ctypes.get_errno()
    if failed and code not in {errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP}:
        raise OSError(code, os.strerror(code), str(other))
    return not failed
