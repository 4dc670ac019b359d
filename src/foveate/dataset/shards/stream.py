"""Shards of which the training pictures are not held in memory: read again each epoch, in a mixed order.

A sample of them, and what is held out, make a data set as any other: by it sizes, statistics and networks are
chosen, and it is what is measured on. All the others come batch by batch. What lies in memory does not grow
with the data, but for 16 bytes a shard.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import overload

import numpy as np
from numpy.lib.recfunctions import repack_fields
from numpy.typing import NDArray

from foveate.dataset.samples import DataSet, Split
from foveate.dataset.shards.index import Shard, ShardIndex
from foveate.dataset.shards.names import ROWS
from foveate.dataset.shards.once import Once
from foveate.dataset.shards.order import WINDOW, Order, Places, key_of, permuted
from foveate.dataset.shards.pictures import Place, ShardImages, TarParts
from foveate.dataset.shards.read import answered, rows_of
from foveate.dataset.shards.rows import RowFile
from foveate.errors import DatasetError, InputError, UnreadableImageError
from foveate.images.preprocess import Preprocessing
from foveate.stores import Store
from foveate.stores.base import joined
from foveate.tasks.base import Task
from foveate.tasks.targets import Targets
from foveate.words import plural, printable, setting

FROM_PICTURES, FROM_BYTES = 1_000_000, 16 << 30  # of training data: from here on they are not held in memory
SAMPLE, LEAST_SAMPLE = 5_000, 1_000  # pictures, at most; and of few the most that is not a fifth of them
WINDOW_BYTES = 128 << 20  # of pictures that are mixed among themselves, in all lanes together
ROW_BYTES, BYTES_A_ROW = 256 << 20, 200  # of the shards' own indexes that are at hand; of a picture, about
LEAST_WINDOW, MOST_LANES = 16, 64
BLOCK, BLOCKS = 1 << 20, 320  # bytes that are read at once of a store far away, and how many are at hand
NEAR = 4_096
STRETCH = 16  # pictures that a thread takes at a time
_SAMPLED = 3  # what a key is for


class _Some(Sequence[Shard]):
    """Shards of an index by their rows; each is made when it is asked for."""

    def __init__(self, shards: ShardIndex, rows: NDArray[np.int64]) -> None:
        self._shards, self._rows = shards, rows

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, number: int) -> Shard: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[Shard]: ...
    def __getitem__(self, number: int | slice) -> Shard | Sequence[Shard]:
        if isinstance(number, slice):
            return _Some(self._shards, self._rows[number])
        return self._shards[int(self._rows[number])]


def _blank(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    return np.zeros(shape, np.uint8)


@dataclass(frozen=True, eq=False)
class Stream:
    """The training pictures of shards.

    Attributes:
        rows: (S,) where its shards stand in the index. pictures: (S,) of each how many are learnt from: its
            first ones, for those held out are the last.
        sample: some of them that are at hand. good: those of them that can be read.
        brought: the splits that the shards, or their user, bring. seed: of the order.
    """

    store: Store
    index: ShardIndex
    rows: NDArray[np.int64]
    pictures: NDArray[np.int64]
    sample: Places
    good: Places
    brought: frozenset[str]
    seed: int
    asked: Task | None = None  # instead of the one that the shards were written for

    def __len__(self) -> int:
        return int(self.pictures.sum())

    @property
    def task(self) -> Task:
        return self.asked or self.index.task

    def with_task(self, task: Task) -> Stream:
        """The same pictures with answers for a task of the same kind."""
        return replace(self, asked=task)

    @cached_property
    def digest(self) -> str:
        """Of what the shards hold, wherever they lie, and of what is held out."""
        facts = repack_fields(self.index.entries[["split", "number", "pictures", "hash"]])
        digest = hashlib.blake2b(facts.tobytes(), digest_size=16)
        digest.update(self.pictures.astype("<i8").tobytes())
        return digest.hexdigest()

    @property
    def in_words(self) -> str:
        return (
            f"The {len(self):,} training pictures are streamed from {plural(len(self.rows), 'shard')}; what "
            f"is said of them before training is said of {len(self.good.rows):,} of them."
        )

    def known_good(self, numbers: NDArray[np.int64]) -> Stream:
        """The same, where these of the sample can be read."""
        return replace(self, good=Places(self.sample.shards[numbers], self.sample.rows[numbers]))

    def without_sample(self, good: NDArray[np.int64]) -> Stream:
        """All the other pictures: the sample's are the last ones of their shards.

        good: which of the good ones stand in for those that cannot be read. Raises InputError where there
        are no others.
        """
        left = self.pictures - np.bincount(self.sample.shards, minlength=len(self.pictures))
        if not left.sum():
            raise InputError(
                f"{len(self):,} training pictures are too few to be streamed here; leave "
                f"{setting('stream', 'always')} out."
            )
        places = Places(self.good.shards[good], self.good.rows[good])
        return replace(self, pictures=left, good=places)

    def order(self, batch: int) -> Order:
        """In which order the pictures come. It does not depend on who reads them, nor from where."""
        size = int(self.index.entries["bytes"][self.rows].astype(np.int64).sum())
        total = int(self.index.pictures[self.rows].sum())
        lanes = min(max(ROW_BYTES * len(self.rows) // (total * BYTES_A_ROW), 1), MOST_LANES)
        window = min(max(WINDOW_BYTES * total // (lanes * max(size, 1)), LEAST_WINDOW), WINDOW)
        return Order(self.pictures, batch, self.seed, window, lanes)

    def numbers(self, places: Places) -> NDArray[np.int64]:
        """(N,) each picture's own number, the same in every epoch."""
        return self._begin[places.shards] + places.rows

    @cached_property
    def _begin(self) -> NDArray[np.int64]:
        return np.concatenate([[0], np.cumsum(self.index.pictures[self.rows])[:-1]])


class StreamReader:
    """Pictures of a stream as a network takes them. Safe from several threads at once.

    most_unreadable: share of the pictures that may be broken. Each of them is replaced by a picture that can
    be read, the same one for all processes and each time.
    """

    def __init__(
        self, stream: Stream, preprocessing: Preprocessing, *, most_unreadable: float = 0.05, workers: int = 2
    ) -> None:
        self.stream, self.preprocessing = stream, preprocessing
        self._shards = _Some(stream.index, stream.rows)
        self._parts = TarParts(stream.store, self._shards, block=BLOCK, kept=BLOCKS, near=NEAR)
        self._rows: Once[int, RowFile] = Once(ROW_BYTES, lambda file: file.size)
        self._most_broken = most_unreadable * len(stream)
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="pictures")
        self.broken: dict[int, str] = {}  # the numbers of pictures that could not be read, and why

    def split(self, places: Places) -> Split:
        """Pictures with their answers, in this order; only the answers are read now."""
        where = zip(places.shards.tolist(), places.rows.tolist(), strict=True)
        found = tuple(Place(shard, self._file(shard)[row]) for shard, row in where)
        written = self.stream.index.task
        split = answered(ShardImages(self._parts, found), written)
        if self.stream.asked is None:
            return split
        return Split(split.images, written.same_labels(self.stream.asked, split.targets))

    def read(self, places: Places) -> tuple[NDArray[np.uint8], Targets]:
        """(n, height, width, channels) and the answers as they lie on them.

        Raises DatasetError where too many cannot be read; StoreError.
        """
        split = self.split(places)
        pixels, reasons = self._pixels(split)
        wrong = np.flatnonzero([reason is not None for reason in reasons])
        if len(wrong):
            numbers = self.stream.numbers(places)[wrong]
            self._tell(numbers, [f"{split.images.name(i)}: {reasons[i]}" for i in wrong.tolist()])
            good = self.stream.good
            instead = numbers % len(good.rows)
            shards, rows = places.shards.copy(), places.rows.copy()
            shards[wrong], rows[wrong] = good.shards[instead], good.rows[instead]
            split = self.split(Places(shards, rows))
            pixels, _ = self._pixels(split)
        placed = self.stream.task.placed(split.targets, self.preprocessing, _blank)
        return pixels, placed

    def _pixels(self, split: Split) -> tuple[NDArray[np.uint8], list[str | None]]:
        """(n, height, width, channels), and why a picture is left blank."""
        shape = self.preprocessing
        pixels = np.zeros((len(split), shape.height, shape.width, shape.channels), np.uint8)
        reasons: list[str | None] = [None] * len(split)

        def some(start: int) -> None:
            for i in range(start, min(start + STRETCH, len(split))):
                try:
                    taken = split.images.take_for(shape, i)
                except UnreadableImageError as error:
                    reasons[i] = error.reason
                    continue
                reasons[i] = self.stream.task.fault(split.targets, i, taken.size)
                pixels[i] = taken.pixels

        list(self._pool.map(some, range(0, len(split), STRETCH)))
        return pixels, reasons

    def _file(self, shard: int) -> RowFile:
        def read() -> RowFile:
            one, store = self._shards[shard], self.stream.store
            name = one.stem + ROWS
            return RowFile(store.read(name), joined(store.place, name), one.pictures)

        return self._rows.get(shard, read)

    def _tell(self, numbers: NDArray[np.int64], reasons: Sequence[str]) -> None:
        self.broken |= dict(zip(numbers.tolist(), reasons, strict=True))
        if len(self.broken) > self._most_broken:
            raise DatasetError(
                f"Of {len(self.stream):,} training pictures {len(self.broken):,} so far cannot be used; the "
                f"last: {printable(reasons[-1])}. Take them out (`foveate check` lists them), or raise "
                f"{setting('max_unreadable')}."
            )


def is_large(index: ShardIndex) -> bool:
    """Whether training pictures are so many that they are streamed unless it is said otherwise."""
    own = index.of("train")
    size = int(index.entries["bytes"][own].astype(np.int64).sum())
    return int(index.pictures[own].sum()) > FROM_PICTURES or size > FROM_BYTES


def streamed(
    store: Store, index: ShardIndex, shares: Mapping[str, float], *, seed: int, brought: Sequence[str] = ()
) -> DataSet:
    """A data set whose training pictures are a sample, with the `Stream` of all of them.

    Pictures stand in a mixed order in their shards, so whole stretches of some of them are held out, and are
    the sample. Splits that the shards bring are read as they are.

    shares: of the training pictures what is held out, by split. brought: splits that come from elsewhere.
    Raises DatasetError; StoreError; InputError where nothing is left to learn from.
    """
    rows = index.of("train")
    left = index.pictures[rows].copy()
    total = int(left.sum())
    if not total:
        raise DatasetError(f"{store.place!r} has no training pictures.")
    order = permuted(np.arange(len(rows), dtype=np.uint64), len(rows), key_of(seed, _SAMPLED))
    wanted = {name: round(share * total) for name, share in shares.items() if share > 0}
    taken = {name: _last_of(left, order, count) for name, count in wanted.items()}
    if not left.sum():
        raise InputError(
            f"{total:,} pictures are too few to hold some out of them; leave {setting('stream', 'always')} "
            "out."
        )
    usable = left.copy()
    count = min(int(left.sum()), SAMPLE, max(int(left.sum()) // 5, LEAST_SAMPLE))
    sample = _last_of(left, order, count, all_of=True)
    own = frozenset(index.splits) - {"train"} | frozenset(brought)
    stream = Stream(store, index, rows, usable, sample, sample, own, seed)
    reader = StreamReader(stream, Preprocessing(1, 1, 1), workers=1)
    splits = {"train": reader.split(sample), **{name: reader.split(one) for name, one in taken.items()}}
    for name in index.splits:
        if name != "train":
            splits[name] = _whole(store, index, name)
    return DataSet(store.place, index.task, splits, index.notes, stream)


def _last_of(
    left: NDArray[np.int64], order: NDArray[np.int64], count: int, *, all_of: bool = False
) -> Places:
    """The last pictures of the first shards, at most half of each (or all); they are taken off ``left``."""
    shards: list[NDArray[np.int64]] = []
    rows: list[NDArray[np.int64]] = []
    for shard in order.tolist():
        most = int(left[shard]) if all_of else -(-int(left[shard]) // 2)
        size = min(most, count)
        if size:
            end = int(left[shard])
            shards.append(np.full(size, shard, np.int64))
            rows.append(np.arange(end - size, end))
            left[shard] -= size
            count -= size
        if not count:
            break
    empty = [np.empty(0, np.int64)]
    return Places(np.concatenate(shards or empty), np.concatenate(rows or empty))


def _whole(store: Store, index: ShardIndex, name: str) -> Split:
    """A split that is read whole, in the order that it had."""
    rows = index.of(name)
    parts = TarParts(store, _Some(index, rows))
    places = [Place(at, row) for at, one in enumerate(parts.shards) for row in rows_of(store, one)]
    places.sort(key=lambda place: place.row.number)
    return answered(ShardImages(parts, tuple(places)), index.task)
