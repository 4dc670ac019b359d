"""`predict_shards`: a model's answers to all pictures of shards, one object a shard. No torch."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from foveate.api.common import Progress, Say, unsaid, unseen
from foveate.api.load import folder_of
from foveate.dataset.shards.index import read_index
from foveate.jobs import forms
from foveate.jobs.engines import LOCAL, Hands, run
from foveate.jobs.kinds import Answers
from foveate.jobs.plan import planned
from foveate.jobs.work import KindWork, ShardWork
from foveate.runtime.session import physical_cores
from foveate.stores import Store, open_store

__all__ = ["PredictedShards", "ShardWork", "predict_shards", "shards"]


@dataclass(frozen=True)
class PredictedShards:
    """What was done.

    Attributes:
        out: where the objects lie. form: of them. shards: of the data; new: those that were done now.
        pictures, unreadable: of these.
    """

    out: str
    form: str
    shards: int
    new: int
    pictures: int
    unreadable: int

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values: what `foveate predict --engine ... --json` prints."""
        return dict(vars(self))


def shards(data: str | Path) -> list[str]:
    """The names of the shards that lie somewhere: what `ShardWork` takes, one after the other.

    >>> _ = foveate.shard("shapes", "some-shards", shard_mb=0.05)
    >>> foveate.shards("some-shards")[:2]
    ['train-000000', 'train-000001']
    """
    return [shard.stem for shard in read_index(open_store(data))]


def predict_shards(
    model: str | Path,
    data: str | Path,
    out: str | Path,
    *,
    engine: Literal["local", "ray"] = "local",
    workers: int | None = None,
    address: str | None = None,
    form: Literal["auto", "jsonl", "parquet"] = "auto",
    top_k: int = 5,
    threshold: float | None = None,
    beam: int | None = None,
    batch_size: int = 32,
    progress: Progress = unseen,
    say: Say = unsaid,
) -> PredictedShards:
    """Predict all pictures of shards; each shard becomes one object in ``out``.

    >>> _ = foveate.shard("shapes", "shapes-shards", shard_mb=0.05)
    >>> found = foveate.predict_shards("runs/shapes", "shapes-shards", "answers", workers=1)
    >>> found.pictures, found.new == found.shards
    (80, True)
    >>> foveate.predict_shards("runs/shapes", "shapes-shards", "answers", workers=1).new
    0

    An object is named by its shard and a hash of the model, the shard's content and what is asked, and
    created once: a run that was stopped goes on with what is missing; several may work at the same time.

    Args:
        model: a model folder, which workers elsewhere must find under the same path.
        data: a folder or an address of shards.
        out: a folder or an address for the objects.
        engine: "local", processes of this machine, or "ray".
        workers: how many; by default the cores of the machine, or of Ray's cluster.
        address: of Ray's cluster; by default the one that the environment names, or one of this machine.
        form: "jsonl", "parquet", or "auto": what lies there already, else Parquet where pyarrow is installed.
        top_k, threshold, beam, batch_size: as for `foveate predict`.
        progress: called with pictures done and pictures in all.

    Raises ModelFolderError; DatasetError; StoreError; MissingExtraError.
    """
    store, answers = open_store(data), open_store(out)
    index = read_index(store)
    kind = Answers(
        str(folder_of(model, say)),
        _form(form, answers),
        top_k=top_k,
        threshold=threshold,
        beam=beam,
        batch_size=batch_size,
        threads=_threads(workers) if engine == LOCAL else 1,
    )
    plan, total = planned(index, kind, answers), int(index.pictures.sum())
    before, done, unreadable, new = total - plan.pictures, 0, 0, 0
    progress(before, total)
    hands = Hands(engine, workers, address)
    for one in run(KindWork(kind, store.place, answers.place), plan, hands):
        done, unreadable, new = done + one.pictures, unreadable + one.unreadable, new + one.new
        progress(before + done, total)
    return PredictedShards(answers.place, kind.form, len(index), new, done, unreadable)


def _threads(workers: int | None) -> int:
    """Of ONNX Runtime in each process, so that all together take the cores."""
    return max(physical_cores() // (workers or os.cpu_count() or 1), 1)


def _form(asked: str, answers: Store) -> str:
    """The form that is meant: of a job that goes on, the one that it has."""
    if asked != forms.AUTO:
        return forms.chosen(asked)
    there = next(
        (form for name in answers.names() for form, end in forms.ENDINGS.items() if name.endswith(end)), ""
    )
    return there or forms.chosen(asked)
