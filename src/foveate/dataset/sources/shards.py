"""A folder or a URL of shards -> a data set."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from foveate.dataset.samples import DataSet
from foveate.dataset.shards.index import read_index
from foveate.dataset.shards.names import INDEX
from foveate.dataset.shards.read import read_shards
from foveate.dataset.shards.stream import is_large, streamed
from foveate.dataset.split import shares_held_out
from foveate.errors import InputError
from foveate.stores import is_url, open_store
from foveate.words import setting

Streaming = Literal["auto", "always", "never"]  # whether training pictures are read again each epoch


def holds_shards(path: Path) -> bool:
    """Whether a folder is what `foveate shard` wrote."""
    try:
        return (path / INDEX).is_file()
    except OSError:  # a name that no file can have
        return False


def open_shards(place: str | Path) -> DataSet:
    """Raises DatasetError where no shards lie there, or damaged ones; StoreError where nothing is given."""
    return read_shards(open_store(os.fspath(place)))


def open_streamed(
    data: object,
    how: Streaming,
    fractions: Mapping[str, float | None],
    *,
    seed: int,
    brought: Sequence[str] = (),
) -> DataSet | None:
    """Shards whose training pictures are streamed; None where they are not: `streamed`.

    how: "auto" streams those that are many, "always" all. fractions: held out, by split, None for the usual
    ones. Raises InputError where what is always to be streamed is no shards; otherwise as `open_shards`.
    """
    if how == "never":
        return None
    if not (is_url(data) or (isinstance(data, str | Path) and data and holds_shards(Path(data)))):
        if how == "always":
            raise InputError(
                f"{setting('stream', how)} is for shards, which `foveate shard` writes; write them, or leave "
                "it out."
            )
        return None
    store = open_store(str(data))
    index = read_index(store)
    if how == "auto" and not is_large(index):
        return None
    shares = shares_held_out({**index.counts, **dict.fromkeys(brought, 1)}, fractions)
    return streamed(store, index, shares, seed=seed, brought=brought)
