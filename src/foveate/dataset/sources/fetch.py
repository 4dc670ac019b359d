"""Getting the files of a known data set: from the cache, this machine, Debian's archive or the publisher.

A file counts only when its SHA-256 is right, so it does not matter who sent it. What is fetched goes into the
cache under a temporary name first; an interrupted download goes on where it stopped, and a lock keeps two
programs from fetching the same thing.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path

from foveate.errors import DownloadError, StorageError
from foveate.files import sync
from foveate.kept import cache_folder

Say = Callable[[str], None]
Progress = Callable[[int, int], None]

_CHUNK_BYTES = 2**18
_READ_TIMEOUT_SECONDS = 20.0  # without a byte
_FILE_TIMEOUT_SECONDS = 1800.0  # for one file, however slowly it drips
_APT_TIMEOUT_SECONDS = 180.0
_LOCK_TIMEOUT_SECONDS = 600.0


@dataclass(frozen=True)
class KnownFile:
    """A file by content: ``sha256`` and ``size`` (bytes) are of its content, unzipped if ``unzip``."""

    name: str
    sha256: str
    size: int
    unzip: bool = True


@dataclass(frozen=True)
class Sources:
    """Where to look besides the cache, in this order. To an address, the name of a file is appended."""

    folders: tuple[str, ...] = ()
    debian_package: str | None = None
    addresses: tuple[str, ...] = ()


def find(
    name: str,
    files: Sequence[KnownFile],
    sources: Sources,
    *,
    kind: str = "datasets",
    say: Say | None = None,
    progress: Progress | None = None,
) -> dict[str, bytes]:
    """The checked contents of all files, by name: from the first source that has every one of them.

    kind: the folder of the cache that keeps them.

    Raises:
        DownloadError: none has; the message lists what was tried and how it failed.
        StorageError: the cache cannot be written.
    """
    search = _Search(cache_folder() / kind / name, sources, say or (lambda sentence: None), progress)
    for folder in (search.cache, *map(Path, sources.folders)):
        try:
            return {file.name: checked(folder / file.name, file) for file in files}
        except (OSError, _WrongContentError) as error:
            search.tried.append(f"{folder}: {_why(error)}")
    try:
        with _locked(search.cache):
            return _fetch(search, files)
    except OSError as error:
        raise StorageError(
            f"Could not write the cache {search.cache}: {_why(error)}; set FOVEATE_CACHE to a folder "
            f"that can be written."
        ) from error


@dataclass
class _Search:
    """Where a search writes, where it looks, whom it tells, and what it has tried in vain."""

    cache: Path
    sources: Sources
    say: Say
    progress: Progress | None
    tried: list[str] = field(default_factory=list)


def checked(path: Path, file: KnownFile) -> bytes:
    """The content of a file, unpacked, once its size and hash are right.

    Raises OSError, or an error that says what is wrong; never unpacks more than the known size.
    """
    limit = 2 * file.size + 2**20  # a packed file that is larger than this cannot be the right one
    if path.stat().st_size > limit:
        raise _WrongContentError("it is too large")
    data = path.read_bytes()
    if file.unzip:
        data = _unzipped(data, file.size)
    if len(data) != file.size or hashlib.sha256(data).hexdigest() != file.sha256:
        raise _WrongContentError(f"{path.name} is damaged or another file (its SHA-256 is wrong)")
    return data


class _WrongContentError(Exception):
    """A reason, on its way into the list of what was tried."""


def _unzipped(data: bytes, size: int) -> bytes:
    if data[:2] != b"\x1f\x8b":
        return data  # some keep the files unpacked under the same name
    inflate = zlib.decompressobj(wbits=31)
    try:
        return inflate.decompress(data, size + 1)
    except zlib.error as error:
        raise _WrongContentError(f"it is a damaged gzip file ({error})") from None


def _why(error: BaseException) -> str:
    if isinstance(error, FileNotFoundError):
        return "not there"
    if isinstance(error, urllib.error.HTTPError):
        return f"the server answered {error.code} {error.reason}"
    if isinstance(error, urllib.error.URLError):
        return _why(error.reason) if isinstance(error.reason, BaseException) else str(error.reason)
    if isinstance(error, OSError):
        return error.strerror or str(error) or type(error).__name__
    return str(error) or type(error).__name__


@contextmanager
def _locked(cache: Path) -> Iterator[None]:
    """One program at a time; the lock goes with the process that holds it, however it ends."""
    cache.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + _LOCK_TIMEOUT_SECONDS
    with (cache / ".lock").open("ab") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise DownloadError(
                        f"Another program has been fetching into {cache} for too long."
                    ) from None
                time.sleep(0.1)
        yield


def _fetch(search: _Search, files: Sequence[KnownFile]) -> dict[str, bytes]:
    """With the lock held: what another program put into the cache meanwhile, Debian, then the addresses."""
    contents: dict[str, bytes] = {}
    for file in files:
        with suppress(OSError, _WrongContentError):
            contents[file.name] = checked(search.cache / file.name, file)
    for litter in search.cache.glob(".debian-*"):  # of a program that was killed: nobody else holds the lock
        shutil.rmtree(litter, ignore_errors=True)
    missing = [file for file in files if file.name not in contents]
    package = search.sources.debian_package
    if missing and package and shutil.which("apt-get") and shutil.which("dpkg-deb"):
        search.say(f"Getting Debian's package {package} (nothing is installed) ...")
        try:
            contents |= _from_debian(search.cache, missing, package)
        except (OSError, _WrongContentError) as error:  # a full disk will be met again below, and said
            search.tried.append(f"Debian's package {package}: {_why(error)}")
    return contents | {
        file.name: _from_addresses(search, file) for file in files if file.name not in contents
    }


def _from_debian(cache: Path, files: Sequence[KnownFile], package: str) -> dict[str, bytes]:
    """Download the package as any user may, unpack it in the cache, keep the files whose hash is right."""
    with tempfile.TemporaryDirectory(dir=cache, prefix=".debian-") as folder:
        _run(["apt-get", "-qq", "-o", "Acquire::Retries=1", "download", package], folder)
        packages = list(Path(folder).glob("*.deb"))
        if len(packages) != 1:
            raise _WrongContentError("apt-get left no package")
        unpacked = Path(folder) / "unpacked"
        _run(["dpkg-deb", "-x", str(packages[0]), str(unpacked)], folder)
        contents = {}
        for file in files:
            found = [
                path for path in sorted(unpacked.rglob(file.name)) if path.is_file() and not path.is_symlink()
            ]
            if not found:
                raise _WrongContentError(f"{file.name} is not in it")
            contents[file.name] = checked(found[0], file)
            sync(found[0])
            found[0].replace(cache / file.name)
        return contents


def _run(command: list[str], folder: str) -> None:
    """Run a command quietly in a folder, with a time limit that holds for its children too."""
    environment = {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            _, errors = process.communicate(timeout=_APT_TIMEOUT_SECONDS)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            if isinstance(error, subprocess.TimeoutExpired):
                raise _WrongContentError(
                    f"{command[0]} took more than {_APT_TIMEOUT_SECONDS:.0f} s"
                ) from None
            raise
    if process.returncode:
        lines = [line for line in errors.decode(errors="replace").splitlines() if line.startswith("E:")]
        raise _WrongContentError(f"{command[0]} failed: {' '.join(lines)[:200] or process.returncode}")


def _from_addresses(search: _Search, file: KnownFile) -> bytes:
    """The first address with the right file. What has come so far is kept, for this address or the next."""
    part = search.cache / f"{file.name}.part"
    for address in search.sources.addresses:
        for attempt in range(2):
            resumed = part.exists()
            try:
                search.say(f"{'Going on with' if resumed else 'Getting'} {address}{file.name} ...")
                _download(address + file.name, part, file, search.progress)
                data = checked(part, file)
            except _WrongContentError as error:
                part.unlink(missing_ok=True)
                reason = _why(error)
                if (
                    resumed and not attempt
                ):  # the beginning may have come from elsewhere: once more, all of it
                    continue
            except (urllib.error.URLError, HTTPException, TimeoutError, ConnectionError, ValueError) as error:
                reason = _why(error)
            else:
                part.replace(search.cache / file.name)
                return data
            search.tried.append(f"{address}{file.name}: {reason}")
            break
    raise DownloadError(
        f"Could not get {file.name}, and no copy is on this machine. Tried: {'; '.join(search.tried)}. "
        f"If you have the files, put them into {search.cache}."
    )


def _download(address: str, part: Path, file: KnownFile, progress: Progress | None) -> None:
    """Append to ``part`` what is missing of a file, within limits of size and time."""
    have = part.stat().st_size if part.exists() else 0
    headers = {"User-Agent": "foveate", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    limit = 2 * file.size + 2**20
    deadline = time.monotonic() + _FILE_TIMEOUT_SECONDS
    request = urllib.request.Request(address, headers=headers)
    try:
        reply = urllib.request.urlopen(request, timeout=_READ_TIMEOUT_SECONDS)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416:  # nothing lies beyond what we have: it is complete, or it is something else
            return
        raise
    with reply:
        if have and reply.status != 206:
            have = 0  # the server sends it all again
        expected = have + int(reply.headers.get("Content-Length") or 0)
        with part.open("ab" if have else "wb") as out:
            while chunk := reply.read(_CHUNK_BYTES):
                have += len(chunk)
                if have > limit:
                    raise _WrongContentError("the server sends far more than the file has")
                if time.monotonic() > deadline:
                    raise TimeoutError(f"more than {_FILE_TIMEOUT_SECONDS:.0f} s")
                out.write(chunk)
                if progress is not None:
                    progress(have, max(expected, have))
            out.flush()
            os.fsync(out.fileno())
    if have < expected:
        raise ConnectionError(f"the connection ended after {have:,} of {expected:,} bytes")
