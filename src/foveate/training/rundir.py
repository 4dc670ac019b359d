"""The directory of a run: held by one process at a time, and remembering what was asked for."""

from __future__ import annotations

import contextlib
import csv
import fcntl
import hashlib
import io
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from foveate.errors import BusyError, CheckpointError, StorageError
from foveate.files import write_durably
from foveate.seal import FIELD, digest, sealed
from foveate.training.checkpoint import CheckpointStore
from foveate.words import setting


class RunLock:
    """Holds a run's directory while the process lives; the kernel lets go of it however the process ends.

    The lock file stands beside the directory, not in it, because finishing a run replaces the directory.

    Raises:
        BusyError: on entering, when another process holds it; the message names that process.
    """

    def __init__(self, out: Path) -> None:
        self.out = out
        self.path = out.with_name(f".{out.name}.lock")
        self._handle: int | None = None
        self._made: list[Path] = []  # folders that were not there: removed again if nothing came into them

    def __enter__(self) -> RunLock:
        try:
            self._made = [folder for folder in self.path.parents if not folder.exists()]
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._acquire()
        except OSError as error:
            self._remove_made()
            raise StorageError(f"Could not write {self.path}: {error.strerror}.") from error
        return self

    def _acquire(self) -> None:
        while True:
            handle, made = self._opened()
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = os.pread(handle, 200, 0).decode(errors="replace").strip() or "another process"
                os.close(handle)
                raise BusyError(
                    f"{self.out} is in use by {holder}: wait for it to end, or choose another "
                    f"{setting('out')}."
                ) from None
            except OSError:  # a file system without locks, or with no more of them
                if made:
                    self.path.unlink(missing_ok=True)
                os.close(handle)
                raise
            if self._is_current(handle):
                break
            os.close(handle)  # the holder before us removed the file between our open and our lock
        self._handle = handle
        try:
            os.ftruncate(handle, 0)
            os.pwrite(handle, f"process {os.getpid()}".encode(), 0)
        except OSError:
            self._let_go()
            raise

    def _opened(self) -> tuple[int, bool]:
        """The lock file, and whether it was made now."""
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        try:
            return os.open(self.path, flags | os.O_EXCL, 0o644), True
        except FileExistsError:
            return os.open(self.path, flags, 0o644), False

    def _let_go(self) -> None:
        if self._handle is not None:
            for _ in range(
                2
            ):  # a disk may do now what it refused; a file that stays, the next run takes over
                with contextlib.suppress(OSError):
                    self.path.unlink(missing_ok=True)
            os.close(self._handle)
            self._handle = None

    def _is_current(self, handle: int) -> bool:
        try:
            return os.fstat(handle).st_ino == self.path.stat().st_ino
        except FileNotFoundError:
            return False

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._let_go()
        self._remove_made()

    def _remove_made(self) -> None:
        for folder in self._made:  # innermost first
            with contextlib.suppress(OSError):
                folder.rmdir()


class RunDirectory:
    """What a run keeps in ``OUT/checkpoint`` while it trains: run.json, the sides of its pictures, the
    history, the checkpoints.

    Nothing else in OUT is touched: an older finished model there stays whole until the new one replaces it.
    """

    def __init__(self, out: Path) -> None:
        self.out = out
        self.checkpoints = CheckpointStore(out / "checkpoint")

    @property
    def request_path(self) -> Path:
        return self.checkpoints.directory / "run.json"

    def start(self, request: Mapping[str, Any], sides: bytes) -> None:
        """Begin a new run: forget an older run and its checkpoints, then `write`."""
        try:
            self.checkpoints.directory.mkdir(parents=True, exist_ok=True)
            self.request_path.unlink(missing_ok=True)  # first: the old request must not meet no checkpoints
            for path in self.checkpoints.directory.glob("*step-*"):
                path.unlink()
        except OSError as error:
            raise StorageError(f"Could not write {error.filename or self.out}: {error.strerror}.") from error
        self.write(request, sides)

    def write(self, request: Mapping[str, Any], sides: bytes) -> None:
        """Write down what is asked for, and on which side each picture stands."""
        sha256 = hashlib.sha256(sides).hexdigest()
        write_durably(self._sides_path(sha256), sides)
        document = sealed({**request, "sides_sha256": sha256})
        write_durably(self.request_path, json.dumps(document, indent=2).encode())
        for path in self.checkpoints.directory.glob("*sides-*"):
            if path != self._sides_path(sha256):
                path.unlink(missing_ok=True)

    def request(self) -> dict[str, Any]:
        """What the interrupted run was asked for.

        Raises:
            CheckpointError: there is no interrupted run here, or what was asked for cannot be trusted.
        """
        try:
            data = self.request_path.read_bytes()
        except OSError as error:
            raise CheckpointError(
                f"There is no interrupted run in {self.out}; start one without {setting('resume', True)}."
            ) from error
        try:
            document = json.loads(data)
            whole = document.pop(FIELD) == digest(document)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            whole = False  # no JSON, no hash (as an older version wrote it), or no document at all
        if not whole:
            raise CheckpointError(
                f"{self.request_path}: expected what the interrupted run was asked for, with its SHA-256, "
                f"and found it damaged or of another version; start anew with {setting('overwrite', True)}."
            )
        return dict(document)

    def record(self) -> dict[str, Any]:
        """What a finished model tells of its run: its pictures, the machine, when it began."""
        document = self.request()
        return {name: document[name] for name in ("dataset", "machine", "started")}

    def sides(self) -> bytes:
        """On which side each picture stood, as it was given to `write`.

        Raises:
            CheckpointError: it is missing or damaged.
        """
        sha256 = str(self.request().get("sides_sha256"))
        try:
            data = self._sides_path(sha256).read_bytes()
        except OSError:
            data = b""
        if hashlib.sha256(data).hexdigest() != sha256:
            raise CheckpointError(
                f"The record of the pictures in {self.checkpoints.directory} is damaged; start anew with "
                f"{setting('overwrite', True)}."
            )
        return data

    def _sides_path(self, sha256: str) -> Path:
        return self.checkpoints.directory / f"sides-{sha256[:16]}.npy"

    def files(self) -> dict[str, bytes]:
        """All that a run goes on from, by file name.

        Raises:
            StorageError: it cannot be read.
        """
        try:
            folder = self.checkpoints.directory
            paths = [self.request_path, *folder.glob("sides-*.npy"), *folder.glob("step-*")]
            return {path.name: path.read_bytes() for path in paths}
        except OSError as error:
            raise StorageError(f"Could not read {error.filename or self.out}: {error.strerror}.") from error

    def write_history(self, history: Sequence[Mapping[str, Any]]) -> None:
        """Write down the rows so far, of which there is one at least."""
        text = history_csv(history, list(history[0]))
        write_durably(self.checkpoints.directory / "history.csv", text.encode())


def history_csv(history: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """The history as CSV; floats are written so that they read back exactly."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    for row in history:
        writer.writerow({key: "" if row[key] is None else row[key] for key in columns})
    return text.getvalue()
