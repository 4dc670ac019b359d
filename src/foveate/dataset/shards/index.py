"""The index of a data set in shards: a few facts, and a row a shard, in 100 bytes of memory each."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from foveate.dataset.samples import SPLITS
from foveate.dataset.shards.names import FORMAT, INDEX, TABLE, TAR, VERSION
from foveate.errors import DatasetError, InputError, MissingObjectError
from foveate.seal import digest, sealed
from foveate.stores import Fact, Store
from foveate.strict_json import exact_keys, is_int, need
from foveate.tasks import read_task, written_task
from foveate.tasks.base import Task

Entries = NDArray[np.void]  # a row a shard, of type ENTRY

ENTRY = np.dtype(
    [
        ("split", "u1"),
        ("number", "<u4"),
        ("pictures", "<u4"),
        ("bytes", "<u8"),
        ("hash", "V16"),
        ("tag", "S64"),
    ]
)
_COLUMNS = ("name", "split", "pictures", "bytes", "blake2b", "etag")
_FIELDS = {"format", "version", "name", "task", "pictures", "shards", "notes", "table", "sha256"}


class Shard(NamedTuple):
    """One shard. number: among those of its split. hash: of its bytes, BLAKE2b of 16 bytes."""

    split: str
    number: int
    pictures: int
    size: int
    hash: str
    tag: str = ""

    @property
    def stem(self) -> str:
        return f"{self.split}-{self.number:06d}"

    @property
    def fact(self) -> Fact:
        return Fact(self.size, self.tag)


def entries(shards: Iterable[Shard], count: int | None = None) -> Entries:
    """The rows of shards. count: of them, where it is known. Raises InputError for too long an ETag."""

    def rows() -> Iterator[tuple[Any, ...]]:
        for one in shards:
            need(len(one.tag) <= ENTRY["tag"].itemsize, one.stem, "an ETag of at most 64 characters", one.tag)
            where = SPLITS.index(one.split), one.number
            yield (*where, one.pictures, one.size, bytes.fromhex(one.hash), one.tag.encode())

    return np.fromiter(rows(), ENTRY, -1 if count is None else count)


@dataclass(frozen=True, eq=False)
class ShardIndex:
    """What a data set in shards holds.

    Attributes:
        name: of the data set. task: what an answer is, with its labels. entries: a row a shard, those of a
            split together and in the order of their numbers. notes: remarks for people.
    """

    name: str
    task: Task
    entries: Entries
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, row: int) -> Shard:
        split, number, pictures, size, hashed, tag = self.entries[row].item()
        return Shard(SPLITS[split], number, pictures, size, bytes(hashed).hex(), tag.decode())

    def __iter__(self) -> Iterator[Shard]:
        return map(self.__getitem__, range(len(self)))

    def find(self, stem: str) -> Shard | None:
        """The shard of this name, ``train-000017``; None where there is none."""
        split, _, number = stem.rpartition("-")
        if split not in SPLITS or not (number.isascii() and number.isdigit()):
            return None
        own = self.entries["split"] == SPLITS.index(split)
        rows = np.flatnonzero(own & (self.entries["number"] == int(number)))
        return next((one for row in rows.tolist() if (one := self[row]).stem == stem), None)

    def of(self, split: str) -> NDArray[np.int64]:
        """The rows of the shards of a split."""
        return np.flatnonzero(self.entries["split"] == SPLITS.index(split))

    @property
    def splits(self) -> list[str]:
        """Those that there are, in their order."""
        return [SPLITS[number] for number in np.unique(self.entries["split"]).tolist()]

    @property
    def pictures(self) -> NDArray[np.int64]:
        """(shards,) how many pictures each has."""
        return self.entries["pictures"].astype(np.int64)

    @property
    def counts(self) -> dict[str, int]:
        """Pictures of each split."""
        return {key: int(self.pictures[self.of(key)].sum()) for key in self.splits}

    def to_files(self) -> dict[str, bytes]:
        """The files of the index, in the order in which they are written."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(_COLUMNS)
        writer.writerows((one.stem + TAR, one.split, *one[2:]) for one in self)
        table = text.getvalue().encode("ascii")
        head = {
            "format": FORMAT,
            "version": VERSION,
            "name": self.name,
            "task": written_task(self.task),
            "pictures": self.counts,
            "shards": len(self),
            "notes": list(self.notes),
            "table": hashlib.sha256(table).hexdigest(),
        }
        return {TABLE: table, INDEX: (json.dumps(sealed(head), indent=1) + "\n").encode("ascii")}


def read_index(store: Store) -> ShardIndex:
    """The index of what lies in a store.

    Raises DatasetError where there is none or it is damaged; StoreError where the store does not give it.
    """
    try:
        data = store.read(INDEX)
    except MissingObjectError:
        raise DatasetError(
            f"{store.place!r} holds no shards: there is no {INDEX}, which `foveate shard` writes last; if it "
            "was stopped, run it again."
        ) from None
    try:
        head = _head(json.loads(data))
        table = store.read(TABLE)
        need(hashlib.sha256(table).hexdigest() == head["table"], TABLE, "the hash in the index", "another")
        found = entries(_rows(table), head["shards"])
        index = ShardIndex(head["name"], read_task(head["task"]), found, tuple(head["notes"]))
        need(index.counts == head["pictures"], "pictures", f"{index.counts}", head["pictures"])
    except (InputError, ValueError, RecursionError, StopIteration) as error:
        raise DatasetError(
            f"{store.place!r}: the index of its shards is damaged ({str(error).rstrip('.')}); write the "
            "shards again with `foveate shard`."
        ) from error
    return index


def _head(document: Any) -> Mapping[str, Any]:
    """Raises InputError for what is no head of an index."""
    need(isinstance(document, dict), INDEX, "an object", document)
    need(document.get("format") == FORMAT, "format", repr(FORMAT), document.get("format"))
    version = document.get("version")
    need(version == VERSION, "version", f"{VERSION}; a newer foveate may read it", version)
    found = exact_keys(document, _FIELDS, "index")
    need(digest(found) == found["sha256"], "sha256", "the hash of what it says", found["sha256"])
    need(is_int(found["shards"]) and found["shards"] > 0, "shards", "a number of 1 and more", found["shards"])
    need(isinstance(found["name"], str), "name", "a text", found["name"])
    notes = found["notes"]
    ok = isinstance(notes, list) and all(isinstance(one, str) for one in notes)
    need(ok, "notes", "a list of texts", notes)
    return found


def _rows(table: bytes) -> Iterator[Shard]:
    lines = csv.reader(io.TextIOWrapper(io.BytesIO(table), "ascii", newline=""))
    header: Sequence[str] = next(lines)
    need(tuple(header) == _COLUMNS, TABLE, f"the columns {', '.join(_COLUMNS)}", header)
    for name, split, pictures, size, hashed, tag in lines:
        number = int(name.removesuffix(TAR).rpartition("-")[2])
        one = Shard(split, number, int(pictures), int(size), hashed, tag)
        need(one.stem + TAR == name and split in SPLITS, TABLE, "names such as train-000000.tar", name)
        yield one
