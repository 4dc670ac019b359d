"""What several threads ask for is made once and kept for a while."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Made = TypeVar("Made")


class Once(Generic[Key, Made]):
    """The last things that were asked for, as many as fit. Safe from several threads at once.

    most: what all may take together; size: what one takes. Things that are being made count for nothing yet.
    """

    def __init__(self, most: int, size: Callable[[Made], int] = lambda made: 1) -> None:
        self._most, self._size = most, size
        self._kept: OrderedDict[Key, Future[Made]] = OrderedDict()
        self._taken = 0
        self._lock = threading.Lock()

    def get(self, key: Key, make: Callable[[], Made]) -> Made:
        """The thing of this key; who wants one that is being made waits for it, and nobody else does.

        What ``make`` raises is raised for all who wait, and the next one tries again.
        """
        with self._lock:
            found, mine = self._kept.get(key), False
            if found is None:
                found, mine = Future(), True
                self._kept[key] = found
            self._kept.move_to_end(key)
        if not mine:
            return found.result()
        try:
            made = make()
        except BaseException as error:
            with self._lock:
                del self._kept[key]
            found.set_exception(error)
            raise
        with self._lock:
            found.set_result(made)
            self._taken += self._size(made)
            self._forget(key)
        return made

    def _forget(self, newest: Key) -> None:
        """The oldest that are made, until the others fit; never the newest."""
        for key in [key for key, one in self._kept.items() if one.done() and key != newest]:
            if self._taken <= self._most:
                return
            self._taken -= self._size(self._kept.pop(key).result())
