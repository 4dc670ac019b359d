"""What the inspector keeps: the newest few of a kind, under short names."""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import count
from typing import Generic, TypeVar

from foveate.errors import RequestError

T = TypeVar("T")


class Shelf(Generic[T]):
    """Things by name, of which those not used for longest go first. May be used by several threads.

    Args:
        kind: what the things are called in errors, and the first letter of their names.
        most: how many are kept.
        most_bytes, size: how many bytes all of them may have together, and how many one has; the newest is
            kept whatever its size.
    """

    def __init__(
        self, kind: str, most: int, *, most_bytes: int | None = None, size: Callable[[T], int] = lambda one: 0
    ) -> None:
        self._kind, self._most, self._most_bytes, self._size = kind, most, most_bytes, size
        self._things: dict[str, T] = {}  # in the order in which they came
        self._used: dict[str, int] = {}
        self._numbers, self._clock = count(1), count()
        self._lock = threading.Lock()

    def put(self, thing: T, name: str | None = None) -> str:
        """Keep a thing; returns its name."""
        with self._lock:
            name = name or f"{self._kind[0]}{next(self._numbers)}"
            self._things[name], self._used[name] = thing, next(self._clock)
            while len(self._things) > 1 and self._too_much():
                self._drop_oldest()
            return name

    def _too_much(self, coming: int = 0) -> bool:
        if len(self._things) > self._most:
            return True
        held = coming + sum(map(self._size, self._things.values()))
        return self._most_bytes is not None and held > self._most_bytes

    def make_room(self, size: int) -> None:
        """Let old things go, all of them if need be, so that one of ``size`` bytes can come."""
        with self._lock:
            while self._things and self._too_much(size):
                self._drop_oldest()

    def _drop_oldest(self) -> None:
        oldest = min(self._used, key=self._used.__getitem__)
        del self._things[oldest], self._used[oldest]

    def get(self, name: str) -> T:
        """The thing of this name. Raises RequestError 404 where there is none, or no longer."""
        with self._lock:
            if name not in self._things:
                raise RequestError(
                    404, f"There is no {self._kind} {name[:40]!a} here, or no longer; ask anew."
                )
            self._used[name] = next(self._clock)
            return self._things[name]

    def items(self) -> list[tuple[str, T]]:
        """All that is there, in the order in which it came."""
        with self._lock:
            return list(self._things.items())
