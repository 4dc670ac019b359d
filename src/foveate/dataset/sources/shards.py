"""A folder or a URL of shards -> a data set."""

from __future__ import annotations

import os
from pathlib import Path

from foveate.dataset.samples import DataSet
from foveate.dataset.shards.names import INDEX
from foveate.dataset.shards.read import read_shards
from foveate.stores import open_store


def holds_shards(path: Path) -> bool:
    """Whether a folder is what `foveate shard` wrote."""
    return (path / INDEX).is_file()


def open_shards(place: str | Path) -> DataSet:
    """Raises DatasetError where no shards lie there, or damaged ones; StoreError where nothing is given."""
    return read_shards(open_store(os.fspath(place)))
