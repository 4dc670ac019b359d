"""What libtiff complains of while Pillow has it decode: counted, and never printed.

libtiff writes its errors to descriptor 2 from C, a line for each row of a damaged fax picture, decodes on,
and calls the result a success. Its warnings are of rows that end early; of them Pillow hears nothing either.
Handlers of our own, through the copy of libtiff that Pillow has loaded, hear both.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import IO, Any

from foveate.images.formats import RefusedError

DAMAGED = "it is damaged: its compressed data make no whole picture"
_heard = threading.local()  # .complaints: how many, where this thread listens
_handlers: list[Any] = []  # libtiff may call it as long as the process lives
_lock = threading.Lock()


@contextmanager
def errors_refused() -> Iterator[None]:
    """What libtiff calls an error on this thread is not printed, and raises RefusedError at the end."""
    _listen()
    _heard.complaints = 0
    try:
        try:
            yield
        except OSError:  # Pillow's own word for it is "decoder error -2"
            if not _heard.complaints:
                raise
        if _heard.complaints:
            raise RefusedError(DAMAGED)
    finally:
        del _heard.complaints


@cache
def _library() -> Any:
    """The functions of the libtiff that Pillow uses, None where they cannot be reached."""
    import ctypes

    from PIL import Image

    try:
        library = ctypes.CDLL(Image.core.__file__)  # its own libraries are searched, too
        library.TIFFSetErrorHandler.restype = ctypes.c_void_p
        for name in ("TIFFFdOpenExt", "TIFFOpenOptionsAlloc"):
            getattr(library, name).restype = ctypes.c_void_p
        for name in ("TIFFStripSize", "TIFFTileSize", "TIFFReadEncodedStrip", "TIFFReadEncodedTile"):
            getattr(library, name).restype = ctypes.c_ssize_t
    except (OSError, AttributeError):  # built into Pillow, or older than 4.5
        return None
    return library


def _listen() -> None:
    """Install the handler of errors, once for the process; errors of others go where they went."""
    with _lock:
        if not _handlers and (library := _library()) is not None:
            _handlers.append(_installed(library))


def _installed(library: Any) -> Any:
    import ctypes

    kind = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p)

    def heard(module: bytes, text: bytes, arguments: Any) -> None:
        if hasattr(_heard, "complaints"):
            _heard.complaints += 1
        elif before:
            kind(before)(module, text, arguments)

    handler = kind(heard)
    before = library.TIFFSetErrorHandler(handler)
    return handler


def require_whole(data: bytes, max_bytes: int) -> None:
    """Decode the first picture of a TIFF file by libtiff itself, which warns of more than Pillow hears.

    max_bytes: of one decoded strip or tile. Raises RefusedError for a warning as for an error.
    """
    import ctypes

    if (library := _library()) is None:
        raise RefusedError("this Pillow cannot tell whether it is whole: save it as PNG")
    with _opened(library, data) as (tiff, complaints):
        part = "Tile" if library.TIFFIsTiled(tiff) else "Strip"
        size = getattr(library, f"TIFF{part}Size")(tiff)
        if not 0 < size <= max_bytes:
            raise RefusedError(f"one of its parts has {size:,} bytes; the limit is {max_bytes:,}")
        pixels = ctypes.create_string_buffer(size)
        read = getattr(library, f"TIFFReadEncoded{part}")
        complaints.clear()  # those about tags
        for number in range(getattr(library, f"TIFFNumberOf{part}s")(tiff)):
            if read(tiff, number, pixels, ctypes.c_ssize_t(-1)) < 0 or complaints:
                raise RefusedError(DAMAGED)


@contextmanager
def _opened(library: Any, data: bytes) -> Iterator[tuple[Any, list[bytes]]]:
    """libtiff's own handle of a file, and the list of what it complains of there: the text of each."""
    import ctypes

    complaints: list[bytes] = []

    def heard(tiff: Any, own: Any, module: bytes, text: bytes, arguments: Any) -> int:
        complaints.append(text)
        return 1  # nobody else needs to hear it

    names = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p)
    handler = ctypes.CFUNCTYPE(ctypes.c_int, *names)(heard)
    options = ctypes.c_void_p(library.TIFFOpenOptionsAlloc())
    with _file() as file:
        file.write(data)
        file.flush()
        os.lseek(file.fileno(), 0, os.SEEK_SET)
        descriptor = os.dup(file.fileno())  # libtiff closes its own
        tiff = None
        try:
            library.TIFFOpenOptionsSetErrorHandlerExtR(options, handler, None)
            library.TIFFOpenOptionsSetWarningHandlerExtR(options, handler, None)
            tiff = ctypes.c_void_p(library.TIFFFdOpenExt(descriptor, b"picture", b"r", options))
            if not tiff:
                raise RefusedError(DAMAGED)
            yield tiff, complaints
        finally:
            library.TIFFOpenOptionsFree(options)
            if tiff:
                library.TIFFClose(tiff)
            else:
                os.close(descriptor)


def _file() -> IO[bytes]:
    """A file without a name, in memory where the system can."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("picture"), "w+b")
    import tempfile  # takes 5 ms, which other pictures need not wait for

    return tempfile.TemporaryFile()
