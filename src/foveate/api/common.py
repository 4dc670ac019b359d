"""What the functions share: how they tell what they are at, and what they need to be installed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from foveate.errors import MissingExtraError, UnknownNameError

Progress = Callable[[int, int], None]  # (pictures done, pictures in all)
Say = Callable[[str], None]


def unseen(done: int, total: int) -> None:
    """Progress that nobody looks at."""


def unsaid(sentence: str) -> None:
    """A note that nobody reads."""


@contextmanager
def needs(extra: str, what: str) -> Iterator[None]:
    """Around imports: what another package is missing for, and the extra that brings it."""
    try:
        yield
    except ModuleNotFoundError as error:
        if str(error.name).startswith("foveate"):
            raise
        raise MissingExtraError(what, extra) from error


def known_settings(given: Mapping[str, Any], taken_by: Callable[..., Any]) -> Mapping[str, Any]:
    """The keyword arguments that were given. Raises UnknownNameError for one that is not taken."""
    known = inspect.signature(taken_by).parameters
    for name in given:
        if name not in known:
            raise UnknownNameError("setting", name, known)
    return given
