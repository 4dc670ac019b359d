"""ONNX Runtime Web (Microsoft, MIT licence), the engine of networks in a browser: which, and from where."""

from __future__ import annotations

from pathlib import Path

from foveate.dataset.sources.fetch import KnownFile, Progress, Say, Sources, find
from foveate.errors import DownloadError, InputError
from foveate.words import setting

VERSION = "1.30.0"
SCRIPT = KnownFile(
    "ort.wasm.bundle.min.mjs",
    sha256="11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90",
    size=73_054,
    unzip=False,
)
BINARY = KnownFile(
    "ort-wasm-simd-threaded.wasm",
    sha256="3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
    size=14_239_897,
    unzip=False,
)
# What `npm install onnxruntime-web` leaves, and two hosts of npm's packages, each file by its own address.
FOLDER = "node_modules/onnxruntime-web/dist"
ADDRESSES = (
    f"https://cdn.jsdelivr.net/npm/onnxruntime-web@{VERSION}/dist/",
    f"https://unpkg.com/onnxruntime-web@{VERSION}/dist/",
)


def engine(
    *, download: bool, say: Say | None = None, progress: Progress | None = None
) -> tuple[bytes, bytes]:
    """The script and the binary: kept, installed by npm in the folder at hand, or fetched where asked.

    Raises InputError where they would have to be fetched and nobody asked for that; DownloadError.
    """
    sources = Sources(folders=(str(Path(FOLDER)),), addresses=ADDRESSES if download else ())
    try:
        found = find(
            f"onnxruntime-web-{VERSION}",
            (SCRIPT, BINARY),
            sources,
            kind="engines",
            say=say,
            progress=progress,
        )
    except DownloadError as error:
        if download:
            raise
        raise InputError(
            f"{setting('web')}: expected onnxruntime-web {VERSION}, the engine of networks in a browser, "
            f"in the cache or in {FOLDER}, found none; add {setting('download', True)} to fetch it once "
            "(14 MB)."
        ) from error
    return found[SCRIPT.name], found[BINARY.name]
