"""Pictures read in threads, a batch ahead of whoever works on them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING, TypeVar

from foveate.errors import ImageError, InputError
from foveate.images.preprocess import Taken
from foveate.runtime.session import physical_cores

if TYPE_CHECKING:
    from concurrent.futures import Future

CHUNK = 4  # pictures that a thread decodes at a time: handing one over takes a tenth of decoding it

Item = TypeVar("Item")
Read = Taken | ImageError  # a picture as the network takes it, or why not


def read_ahead(
    batches: Iterator[list[Item]], read: Callable[[Item], Taken]
) -> Iterator[tuple[list[Item], list[Read]]]:
    """Each batch with its pictures; the next is read in threads while whoever asks works on this one."""
    early = list(islice(batches, 2))
    if sum(map(len, early)) < 2:  # one picture: no threads, and no 10 ms to import them
        for batch in early:
            yield batch, _read_all(read, batch)
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(max_workers=max(2, physical_cores())) as pool:
        waiting: deque[tuple[list[Item], list[Future[list[Read]]]]] = deque()
        try:
            for batch in chain(early, batches):
                parts = [pool.submit(_read_all, read, part) for part in batches_of(batch, CHUNK)]
                waiting.append((batch, parts))
                if len(waiting) > 1:
                    yield _waited_for(*waiting.popleft())
            while waiting:
                yield _waited_for(*waiting.popleft())
        finally:
            for future in chain.from_iterable(parts for _, parts in waiting):
                future.cancel()


def _waited_for(batch: list[Item], parts: list[Future[list[Read]]]) -> tuple[list[Item], list[Read]]:
    return batch, [taken for part in parts for taken in part.result()]


def _read_all(read: Callable[[Item], Taken], items: list[Item]) -> list[Read]:
    found: list[Read] = []
    for item in items:
        try:
            found.append(read(item))
        except ImageError as error:
            found.append(error)
    return found


def checked_size(size: int) -> int:
    if size < 1:
        raise InputError(f"batch_size: expected at least 1, found {size}.")
    return size


def batches_of(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    iterator = iter(items)
    while batch := list(islice(iterator, checked_size(size))):
        yield batch
