"""`foveate train --nproc N`: the same command in N processes of this machine, by torchrun's own launcher."""

from __future__ import annotations

import logging
import os
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from foveate.api.common import needs
from foveate.errors import InputError
from foveate.launched import BEGAN, RESTARTS, Launched
from foveate.pipeline.request import process_start_seconds
from foveate.words import setting

MOST_RESTARTS = 3  # after a process was killed
INTERRUPTED = 130


def in_processes(
    words: Sequence[str], processes: int, say: Callable[[str], None], *, restarts: int = MOST_RESTARTS
) -> int:
    """Run ``foveate WORDS`` in so many processes that train together; the exit code of their outcome.

    Where one of them is killed, all end and begin anew, from the last checkpoint. What they refuse or cannot
    do is told by themselves, and not tried again.

    Args:
        words: a command and its flags; the first process prints what the command prints.
        say: told what happens to processes, in sentences.

    Raises:
        InputError: this process is already one of several.
    """
    if Launched.here().world > 1:
        raise InputError(
            f"{setting('nproc')} starts processes, and this is one of several that a launcher has started: "
            "leave it out."
        )
    with needs("train", "Training"):
        import torch.distributed.launcher.api  # noqa: F401 -- that it is there
    how = ""
    for number in range(restarts + 1):
        ended = _once(words, processes, number)
        killed = next((rank for rank, code in ended.items() if code < 0), None)
        if killed is None:
            return ended[min(ended)]
        how = f"Process {killed} was killed (signal {-ended[killed]})"
        if number < restarts:
            say(f"{how}: all begin anew from the last checkpoint ({number + 1} of {restarts}).")
    say(f"{how}, once too often: given up.")
    return 1


def _once(words: Sequence[str], processes: int, restarts: int) -> dict[int, int]:
    """Run them to their end: the exit codes of those that failed by rank, or 0 of the first."""
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        run_id=uuid.uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,
    )
    with _environment(processes, restarts):
        try:
            elastic_launch(config, sys.executable)("-m", "foveate", *words)
        except SignalException:
            return {0: INTERRUPTED}
        except ChildFailedError as error:
            return {rank: failure.exitcode for rank, failure in error.failures.items()}
    return {0: 0}


@contextmanager
def _environment(processes: int, restarts: int) -> Iterator[None]:
    """What processes are started with, and a launcher that leaves it to us to tell what became of them."""
    before, log = dict(os.environ), logging.getLogger("torch.distributed")
    level = log.level
    os.environ.setdefault("OMP_NUM_THREADS", str(max(_processors() // processes, 1)))
    # By default processes that begin anew meet what the earlier ones left in a store (pytorch#135712).
    os.environ["TORCH_DISABLE_SHARE_RDZV_TCP_STORE"] = "1"
    os.environ[RESTARTS] = str(restarts)
    if not restarts:  # a run that goes on knows what it has spent of its budget
        os.environ[BEGAN] = str(process_start_seconds())
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(level)
        os.environ.clear()
        os.environ.update(before)


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
