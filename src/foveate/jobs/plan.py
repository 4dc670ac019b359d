"""Which shards a job still has to do."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from foveate.dataset.shards.index import ShardIndex
from foveate.jobs.kinds import Kind, object_name
from foveate.stores import Store


@dataclass(frozen=True)
class Plan:
    """The rows in the index of the shards that are missing, and how many there are in all."""

    index: ShardIndex
    rows: NDArray[np.int64]

    @property
    def done(self) -> int:
        return len(self.index) - len(self.rows)

    @property
    def pictures(self) -> int:
        """Of the missing shards."""
        return int(self.index.pictures[self.rows].sum())

    def names(self) -> Iterator[str]:
        """The missing shards, one after the other."""
        return (self.index[row].stem for row in self.rows.tolist())


def planned(index: ShardIndex, kind: Kind, out: Store | None) -> Plan:
    """What is missing in ``out``, by one list of its objects; of None everything.

    Memory: 8 bytes an object that is there, and 8 a shard.
    """
    if out is None:
        return Plan(index, np.arange(len(index)))
    there = np.unique(np.fromiter((_short(name) for name in out.names()), np.uint64))
    wanted = np.fromiter((_short(object_name(kind, shard)) for shard in index), np.uint64, len(index))
    return Plan(index, np.flatnonzero(~np.isin(wanted, there)))


def _short(name: str) -> int:
    """64 bits of a name: those of its hash, which tells the shard's content and what is done."""
    data = name.encode("utf-8", "surrogateescape")  # of a file that lies there, too
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")
