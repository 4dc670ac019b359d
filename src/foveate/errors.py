"""Every exception the package raises on purpose.

Each message is one readable sentence: what was expected, what was found, what to do next.
The command line prints the message alone and leaves with the class's ``exit_code``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence

from foveate.words import printable


class FoveateError(Exception):
    """Something failed that is not the user's input: the root of all exceptions here."""

    exit_code = 1


class InputError(FoveateError, ValueError):
    """What the user gave (a flag, a file, a value) cannot be used."""

    exit_code = 2


class ImageError(InputError):
    """A picture cannot be read."""


class DatasetError(InputError):
    """A data set cannot be opened, or cannot be used for what was asked."""


class ShapeError(InputError):
    """A layer cannot take an input of this shape; the message holds the size formula with its numbers."""


class BlueprintError(InputError):
    """A network written as data is not a network.

    The message says where: ``layer`` is the number of the faulty layer (``"3"``, ``"4.1"`` in a block) and
    ``line`` the line of the text that cannot be read, each None where there is none.
    """

    def __init__(self, message: str, *, layer: str | None = None, line: int | None = None) -> None:
        super().__init__(message)
        self.layer = layer
        self.line = line


class WeightsError(InputError):
    """A weights file does not belong to this network, or is damaged."""


class ModelFolderError(InputError):
    """A model folder is missing, damaged or hostile."""


class UnknownNameError(InputError):
    """A name (network, recipe, data set, layer) is not known; the message lists the closest known ones."""

    def __init__(self, kind: str, name: str, known: Iterable[str], *, also: str = "") -> None:
        """also: what else would do, after the closest names."""
        known = sorted(known)
        import difflib

        close = difflib.get_close_matches(str(name), known, n=3, cutoff=0.4)
        hint = f"did you mean {', '.join(close)}?" if close else f"known: {', '.join(known)}."
        super().__init__(f"Unknown {kind} {str(name)!r}; {hint}{also and f' {also}'}")


class MissingExtraError(InputError):
    """An optional dependency is needed and is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs an optional part: install it with `pip install 'foveate[{extra}]'`.")


class LostRankError(FoveateError):
    """Another process of a training on several has ended."""


class BusyError(InputError):
    """Another run holds the output directory."""


class StorageError(FoveateError):
    """A file could not be written: disk full, no permission, I/O error. Old files are intact."""


class StoreError(FoveateError):
    """A store does not give or take an object: no permission, no answer, expired credentials."""


class MissingObjectError(StoreError):
    """An object that should lie in a store is not there."""


class ChangedObjectError(StoreError):
    """An object is another than it was when it was indexed."""


class ShortAnswerError(StoreError):
    """A store gave fewer bytes than were asked for."""


class CheckpointError(FoveateError):
    """No usable checkpoint is there to resume from, or it belongs to another run."""


class ParityError(FoveateError):
    """The exported network does not compute what the trained one computes."""


class NotWorthItError(FoveateError):
    """A smaller form of a network is no faster here, or less accurate than allowed; the figures are told."""


class DivergedError(FoveateError):
    """The loss became infinite or NaN and the policy's retries are used up."""


class DownloadError(FoveateError):
    """A file could not be fetched, or what came is not what its hash says."""


class InterruptedRunError(FoveateError):
    """The run was asked to stop (SIGINT, SIGTERM); its state is saved and `--resume` goes on from there."""

    exit_code = 130


class UnreadableImageError(ImageError):
    """One picture cannot be decoded; ``name`` and ``reason`` stand apart for lists and reports.

    what: the kind of file, where it is another than a picture that is to be seen.
    """

    def __init__(self, name: str, reason: str, what: str = "picture") -> None:
        super().__init__(f"Cannot read {what} {name!r}: {reason}.")
        self.name = name
        self.reason = reason


class RequestError(FoveateError):
    """An HTTP request cannot be answered as asked; ``status`` and ``headers`` are those of the answer."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})


def listed(names: Sequence[str], most: int = 5) -> str:
    """``'a', 'b', 'c' and 4 more``: names for a message, quoted so that none can break a line."""
    shown = ", ".join(repr(name) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def show_path(path: str | os.PathLike[str]) -> str:
    """A path for an error sentence, with control characters and undecodable bytes escaped."""
    return printable(os.fspath(path))
