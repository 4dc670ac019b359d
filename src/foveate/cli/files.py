"""Files and folders that commands are given, and those that they write: whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from foveate.cli.console import note, printable
from foveate.errors import InputError, StorageError


def model_path(model: str) -> Path:
    """The model folder that MODEL means: what exists under that name, else the published network."""
    if os.path.lexists(model):  # no imports, for the usual case shall start fast
        return Path(model)
    from foveate.artifact.published import model_folder

    return model_folder(model, note)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A hidden name beside ``path``, of the same suffix, to write under; what is whole takes the name.

    Raises:
        InputError: there is no folder for it.
        StorageError: it could not be written; a file that was there is intact, and nothing is left behind.
    """
    if not path.parent.is_dir():
        folder = printable(str(path.parent))
        raise InputError(f"{printable(str(path))}: there is no folder {folder}; make it, or write elsewhere.")
    part = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        yield part
        part.replace(path)
    except OSError as error:
        raise StorageError(f"Could not write {printable(str(path))}: {error.strerror or error}.") from error
    finally:
        part.unlink(missing_ok=True)
