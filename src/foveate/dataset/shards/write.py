"""A data set -> shards."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from foveate.dataset.samples import DataSet, EncodedImages, Split
from foveate.dataset.shards.index import Shard, ShardIndex, entries
from foveate.dataset.shards.names import INDEX, ROWS, TAR
from foveate.dataset.shards.order import permuted
from foveate.dataset.shards.rows import Row, written
from foveate.dataset.shards.tar import TarWriter, taken
from foveate.errors import InputError
from foveate.images.read import IMAGE_SUFFIXES
from foveate.stores import Store
from foveate.tasks.base import Task
from foveate.tasks.targets import StoredAnswer
from foveate.words import encodable, setting

Progress = Callable[[int, int], None]
SHARD_BYTES = 256 << 20
SEED = 20  # of the order in which pictures stand in shards; any would do, and all runs take the same


class _Sample(NamedTuple):
    number: int
    name: str
    suffix: str
    picture: bytes
    answer: StoredAnswer
    document: bytes  # what other readers of the tar are told of it


def write_shards(
    dataset: DataSet,
    store: Store,
    *,
    shard_bytes: int = SHARD_BYTES,
    progress: Progress = lambda done, total: None,
) -> ShardIndex:
    """Write all pictures and answers of a data set, and the index last.

    The pictures of a split stand in a mixed order, the same each time, so that every shard holds some of all
    classes; the number that each had comes with it. Files of pictures keep their bytes; pictures of arrays
    become PNG. The same data set gives the same bytes.

    Raises InputError for a place that holds shards already; StoreError; ImageError and DatasetError for a
    picture or an answer that cannot be read.
    """
    if shard_bytes < 1:
        raise InputError(f"{setting('shard_mb', shard_bytes)}: expected a size above 0.")
    if store.fact(INDEX) is not None:
        raise InputError(f"{store.place}: holds shards already; give another place, or remove them.")
    total, done = sum(map(len, dataset.splits.values())), 0
    shards: list[Shard] = []
    for key, split in dataset.splits.items():
        for number, samples in enumerate(_dealt(dataset.task, split, shard_bytes)):
            shards.append(_written(store, Shard(key, number, len(samples), 0, ""), samples))
            done += len(samples)
            progress(done, total)
    index = ShardIndex(encodable(dataset.title), dataset.task, entries(shards), dataset.notes)
    for name, data in index.to_files().items():
        store.write(name, data)
    return index


def _written(store: Store, shard: Shard, samples: list[_Sample]) -> Shard:
    rows: list[Row] = []
    with TarWriter() as tar:
        for one in samples:
            key = f"{one.number:09d}"
            parts = {"": tar.add(key + one.suffix, one.picture)}
            for ending, data in one.answer.files.items():
                parts[ending] = tar.add(f"{key}.{ending}", data)
            tar.add(f"{key}.json", one.document)
            rows.append(Row(one.number, one.name, parts, one.answer.values))
        data = tar.done()
    fact = store.write(shard.stem + TAR, data)
    store.write(shard.stem + ROWS, written(rows))
    hashed = hashlib.blake2b(data, digest_size=16).hexdigest()
    return shard._replace(size=len(data), hash=hashed, tag=fact.tag)


def _document(name: str, answer: StoredAnswer) -> bytes:
    document: Mapping[str, object] = {"name": encodable(name), **answer.values}
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")


def _dealt(task: Task, split: Split, shard_bytes: int) -> Iterator[list[_Sample]]:
    """The pictures of a split, shard by shard; each but the last is as full as can be."""
    samples: list[_Sample] = []
    size = 0
    count = np.arange(len(split), dtype=np.uint64)
    for number in permuted(count, len(split), SEED).tolist():
        one = _sample(task, split, number)
        needed = taken(len(one.picture)) + taken(len(one.document))
        needed += sum(taken(len(data)) for data in one.answer.files.values())
        if samples and size + needed > shard_bytes:
            yield samples
            samples, size = [], 0
        samples.append(one)
        size += needed
    if samples:
        yield samples


def _sample(task: Task, split: Split, number: int) -> _Sample:
    images = split.images
    name = images.name(number)
    suffix = os.path.splitext(name)[1].lower()  # noqa: PTH122 (for every file; Path is slow)
    if isinstance(images, EncodedImages):
        data, suffix = images.data(number), suffix if suffix in IMAGE_SUFFIXES else ".img"
    else:
        data, suffix = _png(images.read(number)), ".png"
    answer = task.stored(split.targets, number)
    return _Sample(number, name, suffix, data, answer, _document(name, answer))


def _png(pixels: NDArray[np.uint8]) -> bytes:
    """(H, W, 3) -> a PNG of the same pixels, grey where they are."""
    grey = bool((pixels == pixels[..., :1]).all())
    target = io.BytesIO()
    Image.fromarray(pixels[..., 0] if grey else pixels).save(target, "PNG")
    return target.getvalue()
