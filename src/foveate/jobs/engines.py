"""Who does the work: processes of this machine, or Ray."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from typing import Any, NamedTuple

from foveate.errors import FoveateError, MissingExtraError, StoreError, UnknownNameError
from foveate.jobs.plan import Plan
from foveate.jobs.work import Done, KindWork

LOCAL, RAY = "local", "ray"
_PATIENCE = 3  # times that processes die with nothing done in between
_MOST_BLOCKS = 10_000  # tasks of Ray Data: more cost its planner more than they bring


class Hands(NamedTuple):
    """Who does it.

    engine: "local" or "ray". workers: processes; None: the cores of this machine, or of Ray's cluster.
    address: of Ray's cluster; None: the one that the environment names, or one of this machine.
    """

    engine: str = LOCAL
    workers: int | None = None
    address: str | None = None


def run(work: KindWork, plan: Plan, hands: Hands) -> Iterator[Done]:
    """Each missing shard when it is done, in no order.

    Raises UnknownNameError; MissingExtraError; what the work raises.
    """
    if hands.engine not in ENGINES:
        raise UnknownNameError("engine", hands.engine, ENGINES)
    return ENGINES[hands.engine](work, plan, hands) if len(plan.rows) else iter(())


def _local(work: KindWork, plan: Plan, hands: Hands) -> Iterator[Done]:
    count = min(hands.workers or os.cpu_count() or 1, len(plan.rows))
    if count == 1:
        yield from map(work.do, plan.names())
        return
    rest, died = list(plan.names()), 0
    while rest:
        finished: set[str] = set()
        try:
            for done in _in_pool(work, iter(rest), count):
                finished.add(done.shard)
                yield done
        except BrokenProcessPool as error:
            died = 0 if finished else died + 1
            if died == _PATIENCE:
                raise StoreError(
                    f"The processes that work on shards died {_PATIENCE} times before any was done, perhaps "
                    "for want of memory; take fewer with --workers, and run again: what is done stays."
                ) from error
        rest = [name for name in rest if name not in finished]


def _in_pool(work: KindWork, names: Iterator[str], count: int) -> Iterator[Done]:
    """Twice as many shards as processes are on their way: memory does not grow with their number."""
    context = multiprocessing.get_context("spawn")  # threads of stores and of ONNX Runtime survive no fork
    with ProcessPoolExecutor(count, context, initializer=_begin, initargs=(work,)) as pool:
        waiting: set[Future[Done]] = set()
        try:
            while True:
                waiting |= {pool.submit(_do, name) for name in islice(names, 2 * count - len(waiting))}
                if not waiting:
                    return
                finished, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in finished)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


_WORK: list[KindWork] = []  # of this process


def _begin(work: KindWork) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that began it all is asked, and ends us
    threading.Thread(target=_end_with_parent, name="foveate-parent", daemon=True).start()
    _WORK[:] = [work]


def _end_with_parent() -> None:
    """Where that process is killed, nobody would end this one: it waits for work as long as it lives."""
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
        os._exit(1)


def _do(name: str) -> Done:
    return _WORK[0].do(name)


def _ray(work: KindWork, plan: Plan, hands: Hands) -> Iterator[Done]:
    try:
        import ray
        import ray.data
    except ModuleNotFoundError as error:
        raise MissingExtraError("--engine ray", "ray") from error
    if not ray.is_initialized():
        ray.init(
            address=hands.address, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR
        )
    logging.getLogger("ray.data").setLevel(logging.ERROR)  # it tells of its plans on standard error
    ray.data.DataContext.get_current().enable_progress_bars = False
    count = min(hands.workers or max(int(ray.cluster_resources().get("CPU", 1)), 1), len(plan.rows))
    blocks = min(len(plan.rows), _MOST_BLOCKS)
    shards = ray.data.from_items([{"shard": name} for name in plan.names()], override_num_blocks=blocks)
    done = shards.map_batches(
        KindWork,
        fn_constructor_args=(work.kind, work.data, work.out),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=count),
    )
    try:
        for row in done.iter_rows():
            yield _of_row(row)
    except ray.exceptions.RayError as error:
        raise _cause(error) from error


def _of_row(row: dict[str, Any]) -> Done:
    numbers = int(row["pictures"]), int(row["unreadable"])
    return Done(str(row["shard"]), *numbers, new=bool(row["new"]), data=bytes(row["data"]))


def _cause(error: BaseException) -> FoveateError:
    """What one of ours Ray has wrapped, or the whole in one sentence."""
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, FoveateError):
            return found
        found = getattr(found, "cause", None) or found.__cause__
    return StoreError(f"Ray could not do the work: {' '.join(str(error).split())[:300]}")


ENGINES: dict[str, Callable[[KindWork, Plan, Hands], Iterator[Done]]] = {LOCAL: _local, RAY: _ray}
