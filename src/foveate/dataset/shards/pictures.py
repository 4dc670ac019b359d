"""The pictures of shards, read where they lie."""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from foveate.dataset.samples import EncodedImages
from foveate.dataset.shards.index import Shard
from foveate.dataset.shards.names import TAR
from foveate.dataset.shards.once import Once
from foveate.dataset.shards.rows import Part, Row
from foveate.errors import ChangedObjectError
from foveate.stores import Store
from foveate.stores.base import changed, joined

BLOCK = 8 << 20  # bytes that are read at once of an object far away, where its neighbours are wanted, too
_KEPT = 4  # blocks
NEAR = 64  # requests: what was asked for among the last ones tells whether neighbours are wanted


class Place(NamedTuple):
    """A picture: its shard among those that are open, and its row there."""

    shard: int
    row: Row


@dataclass(eq=False)
class TarParts:
    """Parts of members of tars, by ranged reads. What comes is compared with its CRC-32.

    Of a store far away whole blocks are read once two parts of one block, or of neighbouring ones, were among
    the last ``near`` that were asked for; the last few are kept. Safe from several threads at once.
    """

    store: Store
    shards: Sequence[Shard]
    block: int = BLOCK
    kept: int = _KEPT
    near: int = NEAR
    _blocks: Once[tuple[int, int], bytes] = field(init=False, repr=False)
    _asked: deque[tuple[int, int]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._blocks, self._asked = Once(self.kept), deque(maxlen=self.near)

    def read(self, shard: int, part: Part) -> bytes:
        """Raises ChangedObjectError for other bytes than were written; StoreError."""
        start, length, check = part
        if not 0 <= start <= start + length <= self.shards[shard].size:
            raise self._other(shard)
        data = self._bytes(shard, start, start + length)
        if zlib.crc32(data) != check:  # once more: what came may have been damaged on its way
            data = self._ranged(shard, start, start + length)
            if zlib.crc32(data) != check:
                raise self._other(shard)
        return data

    def _bytes(self, shard: int, start: int, end: int) -> bytes:
        first, last = start // self.block, (end - 1) // self.block
        if not self.store.far or first != last or not self._together(shard, first):
            return self._ranged(shard, start, end)
        begin = first * self.block
        last_byte = min(begin + self.block, self.shards[shard].size)
        found = self._blocks.get((shard, first), lambda: self._ranged(shard, begin, last_byte))
        return found[start - begin : end - begin]

    def _together(self, shard: int, block: int) -> bool:
        """Whether the block, or the one before it, was asked of a moment ago."""
        near = (shard, block) in self._asked or (shard, block - 1) in self._asked
        self._asked.append((shard, block))
        return near

    def _ranged(self, shard: int, start: int, end: int) -> bytes:
        one = self.shards[shard]
        return self.store.read_range(one.stem + TAR, start, end, one.tag)

    def _other(self, shard: int) -> ChangedObjectError:
        one = self.shards[shard]
        now = self.store.fact(one.stem + TAR)
        what = "a picture's bytes are not those that were written"
        if now is not None and now.size != one.size:
            what = f"it has {now.size:,} bytes, not {one.size:,}"
        return changed(joined(self.store.place, one.stem + TAR), what)


@dataclass(eq=False)
class ShardImages(EncodedImages):
    """Pictures of shards under their own names. places: where each lies."""

    parts: TarParts
    places: tuple[Place, ...]

    def __len__(self) -> int:
        return len(self.places)

    def name(self, index: int) -> str:
        return self.places[index].row.name

    def data(self, index: int) -> bytes:
        return self.file(index, "")

    def file(self, index: int, ending: str) -> bytes:
        """A file of its answer, or "", its picture. Raises KeyError for one that it has not."""
        shard, row = self.places[index]
        return self.parts.read(shard, row.parts[ending])

    def select(self, indices: ArrayLike) -> ShardImages:
        return replace(self, places=tuple(self.places[i] for i in np.asarray(indices, np.int64).tolist()))

    @property
    def reading_order(self) -> NDArray[np.int64]:
        """As they lie in the shards."""
        where = [(shard, row.parts[""][0]) for shard, row in self.places]
        return np.array(sorted(range(len(where)), key=where.__getitem__), np.int64)
