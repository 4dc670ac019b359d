"""Putting a finished folder in its place at once: a crash leaves the old folder or the new one, never a mix.

The new folder is built beside the old one under a hidden name (same file system), flushed, and exchanged
with it in one system call. What the old folder holds that this program did not make is carried over, never
deleted.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from foveate.errors import InputError, StorageError, show_path
from foveate.files import sync
from foveate.folders import put_in_place
from foveate.runtime.config import CONFIG_NAME, FILE_NAMES
from foveate.words import setting

OWN_NAMES = frozenset(
    {CONFIG_NAME, *FILE_NAMES}
)  # replaced by publishing, or removed if the new one has none
RUN_NAME = "checkpoint"  # the folder that training keeps in OUT while it runs, holding run.json
REQUEST_NAME = f"{RUN_NAME}/run.json"  # names files by their paths: no part of a finished model
CLEARINGS = 2  # tries: what a disk refused once it may do when it is asked again


@contextlib.contextmanager
def storage(path: Path) -> Iterator[None]:
    """Turn an OSError into a StorageError that names the path."""
    try:
        yield
    except OSError as error:
        name = show_path(error.filename if isinstance(error.filename, str | os.PathLike) else path)
        raise StorageError(
            f"{name}: could not be written: {error.strerror or error}; what was there before is intact. "
            f"Free some space or choose another {setting('out')}, and run again."
        ) from error


def check_output(out: str | Path) -> Path:
    """The real path of an output folder that training may fill and publishing may replace.

    It may be absent, empty (hidden files aside), a model folder, or a run's folder (``checkpoint/run.json``).
    Raises InputError for anything else: publishing replaces a folder, and must never replace a user's own.
    """
    given, out = Path(out), Path(os.path.realpath(out))
    if not os.path.lexists(out):
        above = next(folder for folder in out.parents if folder.exists())
        if not above.is_dir():
            raise InputError(
                f"{setting('out', show_path(given))}: expected folders above it, found the file "
                f"{above.name!r}; "
                "give another name."
            )
        return out
    if not out.is_dir():
        raise InputError(
            f"{setting('out', show_path(given))}: expected a folder, found a file; give another name."
        )
    if Path.cwd().is_relative_to(out):
        raise InputError(
            f"{setting('out', show_path(given))}: is the folder you are in, and finishing replaces it; "
            "go to another folder, or give a new name."
        )
    with storage(out):
        names = [entry.name for entry in _entries(out) if not entry.name.startswith(".")]
    is_run = set(names) <= {RUN_NAME} or is_interrupted(out)
    if not is_run and not is_model_folder(out):
        raise InputError(
            f"{setting('out', show_path(given))}: expected a new or empty folder or an earlier run, found "
            "other files "
            f"({show_path(sorted(names)[0])}, ...); give another name."
        )
    return out


def check_unclaimed(out: Path, *, overwrite: bool) -> None:
    """Refuse to take the place of a finished model or of a run that can go on, unless that is asked for.

    Raises InputError that says what can be done instead.
    """
    if overwrite:
        return
    if is_interrupted(out):
        raise InputError(
            f"{show_path(out)} holds an interrupted run: go on with it by `{setting('resume', True)}`, "
            f"start anew with {setting('overwrite', True)}, or choose another {setting('out')}."
        )
    if is_model_folder(out):
        raise InputError(
            f"{show_path(out)} holds a finished model: choose another {setting('out')}, or give "
            f"{setting('overwrite', True)} to "
            "replace it when the new one is complete."
        )


def is_interrupted(out: Path) -> bool:
    """Whether a folder holds a run that was begun and is not finished."""
    return (out / REQUEST_NAME).is_file()


def is_model_folder(folder: Path) -> bool:
    try:
        with (folder / CONFIG_NAME).open("rb") as file:
            return b'"format_version"' in file.read(4096)
    except OSError:
        return False


# --- Staging ---------------------------------------------------------------------------------------------


class Staging:
    """A hidden folder beside OUT, removed on leaving unless it was published.

    The folder is locked while its process lives: what a killed process left is found by its missing lock and
    cleared away by the next run with the same OUT.
    """

    def __init__(self, out: str | Path) -> None:
        self.out = check_output(out)
        self._lock = -1
        self._made = [folder for folder in self.out.parents if not folder.exists()]
        try:
            with storage(self.out.parent):
                self.out.parent.mkdir(parents=True, exist_ok=True)
                recover(self.out)
                prefix = _prefix(self.out)
                self.folder = Path(tempfile.mkdtemp(prefix=prefix, suffix=".new", dir=self.out.parent))
                self._lock = os.open(self.folder, os.O_RDONLY)
                fcntl.flock(self._lock, fcntl.LOCK_EX)
                mode = self.out.stat().st_mode & 0o7777 if self.out.exists() else 0o777 & ~_umask()
                self.folder.chmod(mode)
        except StorageError:
            self._remove()
            raise

    def close(self) -> None:
        """Remove the folder if it is still there. Never raises: it runs while errors are on their way."""
        if self._lock >= 0:
            self._remove()

    def _remove(self) -> None:
        """Leave nothing behind: neither the folder nor those above it that were not there before."""
        if hasattr(self, "folder"):
            for _ in range(CLEARINGS):
                shutil.rmtree(self.folder, ignore_errors=True)
        # An empty folder goes without being opened, which may be what has failed.
        for folder in (*([self.folder] if hasattr(self, "folder") else []), *self._made):  # innermost first
            with contextlib.suppress(OSError):
                folder.rmdir()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def write(self, name: str, data: bytes) -> None:
        """Write a file and flush it to the disk. Raises StorageError."""
        path = self.folder / name
        with storage(path):
            path.write_bytes(data)
            sync(path)

    def publish(self, drop: Iterable[str] = ()) -> Path:
        """Exchange the folder with OUT; what ``drop`` names is this program's and is not carried over.

        Raises StorageError, with OUT as it was.
        """
        own = OWN_NAMES.union(drop)
        with storage(self.out):
            if self.out.is_dir():
                _carry_over(self.out, self.folder, own)
            sync(self.folder)
            put_in_place(self.folder, self.out)
        # From here on the new folder is in place: what fails now costs tidiness, not data.
        with contextlib.suppress(OSError):
            sync(self.out.parent)
        for _ in range(CLEARINGS):
            if self.folder.is_dir():  # now the old folder
                _clear(self.folder, self.out, own)
        os.close(self._lock)
        self._lock = -1
        return self.out


def recover(out: Path) -> None:
    """Deal with what a killed process left beside OUT. Raises OSError."""
    for left in sorted(out.parent.glob(f"{_prefix(out)}*")):
        if left.suffix == ".old" and not os.path.lexists(out):
            left.rename(out)  # the two-step exchange was cut in the middle: the old one is whole
        elif left.is_dir() and _abandoned(left):
            _clear(left, out, OWN_NAMES | {RUN_NAME})


def _prefix(out: Path) -> str:
    """How the hidden folders beside OUT begin."""
    return f".foveate-{hashlib.sha256(os.fsencode(out.name)).hexdigest()[:12]}-"


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return list(entries)


def _umask() -> int:
    mask = os.umask(0o022)  # there is no other way to read it
    os.umask(mask)
    return mask


def _abandoned(folder: Path) -> bool:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


# --- Moving ----------------------------------------------------------------------------------------------


def _carry_over(old: Path, new: Path, own: frozenset[str]) -> None:
    """Give the new folder everything of the old one that is not named in ``own``, as hard links."""
    for entry in _entries(old):
        if entry.name not in own:
            _link(Path(entry.path), new / entry.name, _within(own, entry.name))


def _within(own: frozenset[str], folder: str) -> frozenset[str]:
    """The names that lie in one of the folders: ``checkpoint/run.json`` is ``run.json`` in ``checkpoint``."""
    return frozenset(name.removeprefix(f"{folder}/") for name in own if name.startswith(f"{folder}/"))


def _link(source: Path, target: Path, own: frozenset[str]) -> None:
    """The same file under a second name: nothing is copied, and open or locked files stay what they are."""
    if source.is_dir() and not source.is_symlink():
        target.mkdir()
        _carry_over(source, target, own)
        shutil.copystat(source, target)
        sync(target)
        return
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}:
            raise
        shutil.copy2(source, target, follow_symlinks=False)  # a file system without hard links


def _clear(old: Path, new: Path, own: frozenset[str]) -> None:
    """Remove a replaced folder: what this program made, and what the new folder has a link of.

    Anything else of the user's came while publishing; it is moved to the new folder. Never raises.
    """
    entries: list[os.DirEntry[str]] = []
    with contextlib.suppress(OSError):
        entries = _entries(old)
    for entry in entries:
        with contextlib.suppress(OSError):  # what cannot be removed stays for `recover`; the rest goes
            _clear_entry(entry, new, own)
    with contextlib.suppress(OSError):
        old.rmdir()


def _clear_entry(entry: os.DirEntry[str], new: Path, own: frozenset[str]) -> None:
    path, twin = Path(entry.path), new / entry.name
    folder = entry.is_dir(follow_symlinks=False)
    if entry.name in own or not new.is_dir():
        if folder:
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()
    elif not os.path.lexists(twin):
        path.rename(twin)
    elif folder and twin.is_dir():
        _clear(path, twin, _within(own, entry.name))
    else:
        path.unlink()
