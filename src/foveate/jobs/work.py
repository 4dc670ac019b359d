"""One shard's work, wherever it is done."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from foveate.dataset.shards.index import Shard, ShardIndex, read_index
from foveate.dataset.shards.read import read_shard
from foveate.errors import InputError
from foveate.jobs import forms
from foveate.jobs.kinds import Answers, Kind, object_name
from foveate.stores import Store, open_store


class Done(NamedTuple):
    """A shard that is done. new: whether it was done now. data: what was made, where it is kept nowhere."""

    shard: str
    pictures: int
    unreadable: int
    new: bool
    data: bytes = b""


class KindWork:
    """Does one kind of work with shards of one place, and keeps what it needs for it open.

    data: where the shards lie. out: where an object for each is written; None: they are given back.
    """

    def __init__(self, kind: Kind, data: str, out: str | None) -> None:
        self.kind, self.data, self.out = kind, data, out
        self._store: Store = open_store(data)
        self._answers: Store | None = None if out is None else open_store(out)
        self._index: ShardIndex | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.kind, self.data, self.out)

    def do(self, name: str) -> Done:
        """One shard by its name, ``train-000017``; what is done already is left as it is.

        Raises InputError for a shard that there is not; StoreError.
        """
        index, shard = self._found(name)
        target = object_name(self.kind, shard)
        if self._answers is not None and self._answers.fact(target) is not None:
            return Done(name, shard.pictures, 0, new=False)
        made = self.kind.make(index, read_shard(self._store, index, shard), shard)
        if self._answers is None:
            return Done(name, made.pictures, made.unreadable, new=True, data=made.data)
        created = self._answers.create(target, made.data)  # False: somebody else was faster, with the same
        return Done(name, made.pictures, made.unreadable, new=created)

    def __call__(self, batch: Mapping[str, Any] | str) -> Any:
        """A shard's name, or a batch of Ray's: names under "shard", of which it gives what was done."""
        if isinstance(batch, str):
            return self.do(batch)
        done = [self.do(str(name)) for name in batch["shard"]]
        columns: dict[str, Any] = {"shard": [one.shard for one in done], "data": [one.data for one in done]}
        for field in ("pictures", "unreadable", "new"):
            columns[field] = np.array([getattr(one, field) for one in done])
        return columns

    def _found(self, name: str) -> tuple[ShardIndex, Shard]:
        if self._index is None:
            self._index = read_index(self._store)
        shard = self._index.find(name)
        if shard is None:
            raise InputError(f"{self.data}: there is no shard {name!r}; `foveate.shards` lists them.")
        return self._index, shard


class ShardWork(KindWork):
    """Predicts the pictures of one shard after the other; made once in each process of a cluster::

        work = foveate.ShardWork("runs/photos", "s3://bucket/photos", "s3://bucket/answers")
        work("train-000000").pictures  # 2,600, and one object more

    Each shard becomes one object in ``out``, whose name tells the shard and the model; it is only created
    where there is none, so it does not matter who works on which shard, or how often.

    Args:
        model: a model folder that this process can open.
        data: where the shards lie.
        out: where the objects are written.
        form: "jsonl", "parquet", or "auto", which is Parquet where pyarrow is installed.
        top_k, threshold, beam, batch_size: as for `foveate predict`.
        threads: of ONNX Runtime; by default the physical cores.
    """

    def __init__(
        self, model: str | Path, data: str | Path, out: str | Path, *, form: str = forms.AUTO, **settings: Any
    ) -> None:
        super().__init__(Answers(str(model), forms.chosen(form), **settings), str(data), str(out))

    def __reduce__(self) -> tuple[Any, ...]:
        return KindWork, (self.kind, self.data, self.out)
