"""What is asked of a store, whichever it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

from foveate.errors import ChangedObjectError, ShortAnswerError
from foveate.words import printable

Given = TypeVar("Given")


class Fact(NamedTuple):
    """What a store says of an object. tag: its ETag, which changes with its content; empty without one."""

    size: int
    tag: str = ""


class Store(Protocol):
    """Objects under one place, by name. Safe from several threads at once; pickled, it is opened anew.

    All raise StoreError for what lasts: no permission, credentials that have expired, a store that does not
    answer after all retries.
    """

    place: str  # as people wrote it
    far: bool  # whether a request costs more than the bytes that it asks for

    def read(self, name: str) -> bytes:
        """A whole object. Raises MissingObjectError."""
        ...

    def read_range(self, name: str, start: int, end: int, tag: str = "") -> bytes:
        """Bytes ``start`` to ``end`` of an object.

        Raises MissingObjectError; ChangedObjectError where ``tag`` is known and it has another now, or where
        the object is too short.
        """
        ...

    def fact(self, name: str) -> Fact | None:
        """What is known of an object; None where there is none."""
        ...

    def names(self) -> Iterator[str]:
        """The objects that lie here themselves, and not in folders further down; in no order."""
        ...

    def write(self, name: str, data: bytes) -> Fact:
        """Put an object in its place, whole or not at all; one that was there is replaced."""
        ...

    def create(self, name: str, data: bytes) -> bool:
        """The same where there is none of this name; False, and nothing done, where there is one."""
        ...


@dataclass(frozen=True)
class Patience:
    """How often a request is made, and the first pause; each further one is twice as long."""

    tries: int = 5
    first_seconds: float = 0.2

    def until_whole(self, ask: Callable[[], Given]) -> Given:
        """What ``ask`` gives, asked again while answers come short. Raises ShortAnswerError at the end."""
        for number in range(self.tries - 1):
            try:
                return ask()
            except ShortAnswerError:
                time.sleep(self.first_seconds * 2**number)
        return ask()


USUAL = Patience()


def whole(data: bytes, size: int, where: str) -> bytes:
    """The bytes, which must be so many. Raises ShortAnswerError."""
    if len(data) != size:
        raise ShortAnswerError(
            f"{printable(where)}: expected {size:,} bytes, and the store gave {len(data):,} again and again; "
            "look whether it is in order, and run again."
        )
    return data


def changed(where: str, what: str) -> ChangedObjectError:
    """The error of an object that is another than it was."""
    return ChangedObjectError(
        f"{printable(where)} changed while it was in use: {what}; write the shards to a new place with "
        "`foveate shard`, or bring the old object back."
    )


def joined(place: str, name: str) -> str:
    """An object's address, for messages."""
    return f"{place.rstrip('/')}/{name}"
