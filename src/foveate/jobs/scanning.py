"""The look at all pictures of a data set in shards, by an engine."""

from __future__ import annotations

from collections.abc import Callable

from foveate.dataset.quality.scan import ScanResult, blank
from foveate.dataset.samples import DataSet
from foveate.dataset.shards.index import read_index
from foveate.errors import InputError
from foveate.jobs.engines import Hands, run
from foveate.jobs.kinds import Scan, object_name, put_scan
from foveate.jobs.plan import planned
from foveate.jobs.work import KindWork
from foveate.stores import open_store
from foveate.words import setting


def scanned(
    dataset: DataSet, data: str, out: str | None, hands: Hands, progress: Callable[[int, int], None]
) -> dict[str, ScanResult]:
    """What `foveate.dataset.quality.scan.scan` finds of each split, every shard looked at by itself.

    data: where the shards of the data set lie. out: where what was seen of each is kept; None: nowhere.
    Raises InputError for data that are no shards; StoreError.
    """
    images = {key: split.images for key, split in dataset.splits.items()}
    store = open_store(data)
    index, kind = read_index(store), Scan()
    if {key: len(of) for key, of in images.items()} != index.counts:
        raise InputError(
            f"{setting('engine', hands.engine)} works on the shards of one place: bring all splits "
            "there with `foveate shard`."
        )
    results = {key: blank(of) for key, of in images.items()}
    answers = None if out is None else open_store(out)
    plan = planned(index, kind, answers)
    total, done = int(index.pictures.sum()), int(index.pictures.sum()) - plan.pictures
    split_of = {shard.stem: shard.split for shard in index}
    for one in run(KindWork(kind, store.place, out), plan, hands):
        if answers is None:
            put_scan(one.data, results[split_of[one.shard]])
        done += one.pictures
        progress(done, total)
    if answers is not None:
        for shard in index:
            put_scan(answers.read(object_name(kind, shard)), results[shard.split])
    return results
