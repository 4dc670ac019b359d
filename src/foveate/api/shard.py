"""`shard`: a data set written as shards, into a folder or an object store. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foveate.api.common import Progress, unseen
from foveate.dataset.shards.index import ShardIndex
from foveate.dataset.shards.write import write_shards
from foveate.dataset.sources.open import Data, Unlabelled, open_dataset
from foveate.errors import InputError
from foveate.stores import open_store
from foveate.words import setting


@dataclass(frozen=True)
class Sharded:
    """What was written.

    Attributes:
        place: where, as it was given. index: what lies there.
    """

    place: str
    index: ShardIndex

    @property
    def pictures(self) -> int:
        return int(self.index.pictures.sum())

    @property
    def size(self) -> int:
        """Bytes of all shards."""
        return int(self.index.entries["bytes"].sum())

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values: what `foveate shard --json` prints."""
        facts = {"place": self.place, "task": self.index.task.name, "shards": len(self.index)}
        return {**facts, "pictures": self.index.counts, "bytes": self.size}


def shard(
    data: Data,
    dest: str | Path,
    *,
    shard_mb: float = 256,
    val: Data | None = None,
    test: Data | None = None,
    task: str = "auto",
    ignore: str | int | Sequence[str | int] = (),
    unlabelled: Unlabelled = "error",
    progress: Progress = unseen,
) -> Sharded:
    """Write data as shards: tar files in WebDataset's form, and an index.

    >>> foveate.shard("shapes", "shapes-shards", shard_mb=0.02).to_dict()["pictures"]
    {'train': 80}
    >>> foveate.check("shapes-shards").usable
    True

    What lies there is a data set like any other: it reads back equal, in the order that it had.

    Args:
        dest: a folder, or an address such as ``s3://bucket/photos``, that holds no shards yet.
        shard_mb: the most that a shard takes, in MiB; one picture at least is in each.
        val, test, task, ignore, unlabelled: as for `open_dataset`.
        progress: called with pictures written and pictures in all.

    Raises DatasetError; InputError for a place that holds shards; StoreError where it takes none;
    MissingExtraError where an address needs a package.
    """
    if not shard_mb > 0:
        raise InputError(f"{setting('shard_mb', shard_mb)}: expected a size above 0.")
    store = open_store(dest)
    dataset = open_dataset(
        data, val=val, test=test, task=task, ignore=ignore, unlabelled=unlabelled, min_classes=1
    )
    index = write_shards(dataset, store, shard_bytes=max(int(shard_mb * 2**20), 1), progress=progress)
    return Sharded(store.place, index)
