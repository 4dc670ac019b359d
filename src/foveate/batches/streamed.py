"""Batches of training pictures that are read while the batches before them are learnt from."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from foveate.batches.augment import Rows
from foveate.batches.loader import Batch, Bounds, Shared, TrainingBatches, mix_seed
from foveate.dataset.shards.stream import StreamReader
from foveate.tasks.targets import Targets

AHEAD = 3  # batches that are read before they are asked for


class _Read(NamedTuple):
    """One batch's pictures, (n, H, W, C), their own numbers (n,), and their answers."""

    pixels: NDArray[np.uint8]
    numbers: NDArray[np.int64]
    targets: Targets


class StreamedBatches(TrainingBatches):
    """The training split as a stream; ``pixels`` are a sample of it, of which previews are made.

    A batch is a function of seed, epoch and number, as of pictures in memory, and batches are the same
    however many processes share them.
    """

    def __init__(self, reader: StreamReader, *args: Any, batch_size: int, **settings: Any) -> None:
        super().__init__(*args, batch_size=batch_size, **settings)
        self.reader = reader
        self.order = reader.stream.order(batch_size)
        self.bounds = Bounds(len(reader.stream), batch_size)

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """As of pictures in memory. Raises DatasetError where too many cannot be read; StoreError."""
        which = torch.full((), epoch, device=self.pixels.device)
        for number, read, within, shared in self._ahead(epoch, start):
            self._generator.manual_seed(mix_seed(self.seed, 2, epoch, number))
            self._rows = within
            images, numbers = self._on_device(read.pixels), self._on_device(read.numbers)
            pictures, geometry = self._moved(images.permute(0, 3, 1, 2), numbers, which)
            targets = {name: self._on_device(np.array(one)) for name, one in read.targets.arrays.items()}
            yield Batch(pictures, targets, geometry, shared)

    def _on_device(self, values: NDArray[Any]) -> Tensor:
        found = torch.from_numpy(values)
        device = self.pixels.device
        return found.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else found.to(device)

    def _ahead(self, epoch: int, start: int) -> Iterator[tuple[int, _Read, Rows | None, Shared | None]]:
        """The batches in their order, a few of them being read."""
        waiting: deque[tuple[int, Future[_Read], Rows | None, Shared | None]] = deque()
        pool = ThreadPoolExecutor(AHEAD, thread_name_prefix="batches")
        try:
            for number, rows, within, shared in self._parts(start):
                read = pool.submit(self._read, epoch, number, rows)
                waiting.append((number, read, within, shared))
                if len(waiting) > AHEAD:
                    yield _done(*waiting.popleft())
            while waiting:
                yield _done(*waiting.popleft())
        finally:  # also where nobody wants the rest
            pool.shutdown(cancel_futures=True)

    def _read(self, epoch: int, number: int, rows: slice) -> _Read:
        first, last = self.bounds[number]
        places = self.order.between(epoch, first, last, rows.start, rows.stop)
        pixels, targets = self.reader.read(places)
        return _Read(pixels, self.reader.stream.numbers(places), targets)


def _done(
    number: int, read: Future[_Read], within: Rows | None, shared: Shared | None
) -> tuple[int, _Read, Rows | None, Shared | None]:
    return number, read.result(), within, shared
