"""What decoders raise and say, as one kind of error with a reason in words, and nothing printed."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from foveate.errors import UnreadableImageError
from foveate.images.formats import TRUNCATED, RefusedError
from foveate.words import printable


@contextmanager
def refusals_as_image_errors(name: str) -> Iterator[None]:
    """Whatever goes wrong inside becomes an ``UnreadableImageError``: decoders raise almost anything."""
    try:
        yield
    except RefusedError as refused:
        raise UnreadableImageError(name, str(refused)) from None
    except FileNotFoundError:
        raise UnreadableImageError(name, "there is no such file") from None
    except PermissionError:
        raise UnreadableImageError(name, "permission to read it is denied") from None
    except MemoryError:
        raise UnreadableImageError(name, "there is not enough memory to decode it") from None
    except Exception as error:
        raise UnreadableImageError(name, _reason(error)) from error


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno is not None:
        return error.strerror or "the system cannot read it"
    if not isinstance(error, EOFError | OSError | SyntaxError | ValueError):  # a slip inside the decoder
        return "it is damaged or truncated: its parts do not fit together"
    text = str(error).strip().splitlines()[0][:120].rstrip(".") if str(error).strip() else ""
    if "truncated" in text.lower() or isinstance(error, EOFError):
        return TRUNCATED
    if text == "unknown pixel mode":
        return "its pixels are of a kind that is not read: save it as PNG"
    return f"it is damaged or truncated ({printable(text) or type(error).__name__})"


_quiet_lock = threading.Lock()
_quiet_depth = 0


@contextmanager
def quiet() -> Iterator[None]:
    """Silence Pillow's warnings on every thread while any picture is being read.

    ``warnings.catch_warnings`` may not be used here: several threads decode at once, and it would restore the
    filters of one in the middle of another. This adds one filter, for Pillow's modules only, and takes it
    away.
    """
    global _quiet_depth  # noqa: PLW0603 (the warning filters it counts for are global as well)
    with _quiet_lock:
        _quiet_depth += 1
        if _quiet_depth == 1:
            warnings.filterwarnings("ignore", module=r"PIL\.")
    try:
        yield
    finally:
        with _quiet_lock:
            _quiet_depth -= 1
            if _quiet_depth == 0:
                _drop_filter()


def _drop_filter() -> None:
    for position, entry in enumerate(warnings.filters):
        if entry[0] == "ignore" and getattr(entry[3], "pattern", None) == r"PIL\.":
            del warnings.filters[position]  # type: ignore[attr-defined]
            return
