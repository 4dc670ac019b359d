"""Shards -> a data set, or one of them alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from foveate.dataset.samples import DataSet, Split
from foveate.dataset.shards.index import Shard, ShardIndex, read_index
from foveate.dataset.shards.names import ROWS
from foveate.dataset.shards.pictures import Place, ShardImages, TarParts
from foveate.dataset.shards.rows import Row, parsed
from foveate.errors import DatasetError, InputError
from foveate.stores import Store
from foveate.stores.base import joined
from foveate.tasks.base import Task
from foveate.tasks.targets import KeptAnswer

_AT_ONCE = 16  # indexes of shards that are asked for at once of a store far away


def read_shards(store: Store) -> DataSet:
    """All that lies there, in the order that the data set had before it was written.

    Only the index and those of the shards are read now. Raises DatasetError; StoreError.
    """
    index = read_index(store)
    shards = list(index)
    with ThreadPoolExecutor(_AT_ONCE if store.far else 1, thread_name_prefix="rows") as pool:
        rows = list(pool.map(partial(rows_of, store), shards))
    splits = {}
    for key in index.splits:
        own = index.of(key).tolist()
        places = [Place(at, row) for at in own for row in rows[at]]
        places.sort(key=lambda place: place.row.number)
        splits[key] = _split(store, index.task, shards, places)
    return DataSet(store.place, index.task, splits, index.notes)


def read_shard(store: Store, index: ShardIndex, shard: Shard) -> Split:
    """The pictures and answers of one shard, as they lie in it. Raises as `read_shards`."""
    places = [Place(0, row) for row in rows_of(store, shard)]
    return _split(store, index.task, [shard], places)


def rows_of(store: Store, shard: Shard) -> list[Row]:
    """A shard's own index. Raises DatasetError; StoreError."""
    name = shard.stem + ROWS
    return parsed(store.read(name), joined(store.place, name), shard.pictures)


def _split(store: Store, task: Task, shards: Sequence[Shard], places: Iterable[Place]) -> Split:
    return answered(ShardImages(TarParts(store, shards), tuple(places)), task)


def answered(images: ShardImages, task: Task) -> Split:
    """Pictures of shards with their answers. Raises DatasetError for a damaged one."""
    answers = [
        KeptAnswer(place.row.answer, _file(images, number)) for number, place in enumerate(images.places)
    ]
    try:
        return Split(images, task.restored(answers))
    except InputError as error:
        raise DatasetError(
            f"{images.parts.store.place!r}: an answer in its shards is damaged ({str(error).rstrip('.')}); "
            "write the shards again."
        ) from error


def _file(images: ShardImages, number: int) -> Callable[[str], bytes]:
    return partial(images.file, number)
