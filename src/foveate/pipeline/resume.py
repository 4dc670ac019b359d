"""What an earlier run left in OUT, and what holds for the run that goes on from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from torch import nn

from foveate.dataset import DataSet, open_dataset
from foveate.dataset.prepare import Preparation, Prepared, prepare
from foveate.dataset.sides import Changes, Sides
from foveate.dataset.sources.open import Data
from foveate.dataset.sources.shards import open_streamed
from foveate.errors import CheckpointError, FoveateError
from foveate.images.preprocess import Preprocessing
from foveate.modelfolder.read import read_config, read_verified
from foveate.pipeline.finish import Finished, measured_again
from foveate.pipeline.listen import Listener, Note
from foveate.pipeline.request import Phases, TrainRequest
from foveate.runtime.config import ModelConfig
from foveate.tasks import read_task, written_task
from foveate.tasks.base import Task
from foveate.training.checkpoint import Snapshot
from foveate.training.machine import Machine
from foveate.training.rundir import RunDirectory
from foveate.words import quoted, setting


@dataclass(frozen=True)
class Given:
    """What the caller of `foveate.train` hands in, beside the request."""

    data: Data
    val: Data | None
    module: nn.Module | None
    allow_changed_data: bool
    listener: Listener
    should_stop: Callable[[], bool]


@dataclass(frozen=True)
class Earlier:
    """An interrupted run that goes on.

    Attributes:
        request, dataset: as run.json has them.
        sides: where its pictures stood. preprocessing, task: what its network was trained with.
        snapshot: how far it came.
    """

    request: Mapping[str, Any]
    dataset: Mapping[str, Any]
    started: str
    machine: Machine
    preprocessing: Preprocessing
    task: Task
    sides: Sides
    snapshot: Snapshot


@dataclass(frozen=True)
class Resumed:
    """What is taken over: the request always, the run only where it had saved something to go on from."""

    request: TrainRequest
    threads: int | None = None
    earlier: Earlier | None = None


def take_up(run: RunDirectory, request: TrainRequest, listener: Listener) -> Resumed:
    """The interrupted run in a directory, with the request as far as it says anything anew.

    Raises:
        CheckpointError: it is damaged, of another version, or was asked for something else.
    """
    stored = run.request()
    try:
        machine = Machine(**stored["machine"])
        request = request.resumed_from(stored["request"])
        threads = request.threads or machine.threads
        if run.checkpoints.is_empty():
            listener(Note(f"The run in {run.out.name} had saved no step yet: it begins again."))
            return Resumed(request, threads)
        snapshot, damage = run.checkpoints.load_latest()
        earlier = Earlier(
            stored["request"],
            stored["dataset"],
            stored["started"],
            machine,
            Preprocessing.from_dict(stored["preprocessing"]),
            read_task(stored["task"]),
            Sides.from_bytes(run.sides()),
            snapshot,
        )
    except (KeyError, TypeError) as error:
        raise CheckpointError(
            f"The interrupted run was made by another version; start anew with {setting('overwrite', True)}."
        ) from error
    for sentence in damage:
        listener(Note(sentence))
    return Resumed(request, threads, earlier)


def opened(given: Given, request: TrainRequest) -> DataSet:
    """The data set of a run; of shards that are streamed a sample and what is held out, see `Stream`."""
    fractions = {"val": request.val_fraction, "test": request.test_fraction}
    brought = ("val",) if given.val is not None else ()
    data = open_streamed(given.data, request.stream, fractions, seed=request.seed, brought=brought)
    return open_dataset(
        given.data if data is None else data,
        val=given.val,
        task=request.task,
        ignore=request.ignore,
        unlabelled=request.unlabelled,
    )


def identity(prepared: Prepared) -> dict[str, Any]:
    """What must be the same when a run goes on."""
    found = {
        "fingerprint": prepared.fingerprint,
        "classes": list(prepared.task.labels),
        "pictures": prepared.sizes,
    }
    return found if prepared.stream is None else {**found, "stream": prepared.stream.digest}


def check_same_data(
    before: Mapping[str, Any], sides: Sides, prepared: Prepared, *, allow_changed: bool, listener: Listener
) -> None:
    """Refuse other pictures than the run had, or, where they are allowed, say what has changed.

    Raises:
        CheckpointError: they have changed and that is not allowed, or the classes have.
    """
    now = identity(prepared)
    if before == now:
        return
    if before.get("stream") != now.get("stream"):
        raise CheckpointError(
            "The shards have changed since the run began, and of streamed pictures it is not known which had "
            f"been learnt from: bring them back, or start anew with {setting('overwrite', True)}."
        )
    changes = Changes.between(sides, Sides.of(prepared.splits, sides), prepared.left_out).in_words()
    if before["classes"] != now["classes"]:
        raise CheckpointError(
            f"The run has learnt the classes {quoted(before['classes'])}, and the data set has "
            f"{quoted(now['classes'])}: bring them back, or start anew with {setting('overwrite', True)}."
        )
    if not allow_changed:
        raise CheckpointError(
            f"The data set has changed since the run began ({changes.rstrip('.')}): bring it back, go on "
            f"with {setting('allow_changed_data', True)}, or start anew with {setting('overwrite', True)}."
        )
    listener(Note(f"The data set has changed since the run began. {changes}"))


def describe_run(
    request: TrainRequest,
    prepared: Prepared,
    device: torch.device,
    earlier: Earlier | None,
    ranks: int = 1,
) -> dict[str, Any]:
    """What run.json holds: enough to go on alike, and to tell whether that is possible."""
    machine = Machine.here(device, ranks)
    if earlier is not None:  # where it began counts, but for the threads, which can be kept
        machine = replace(earlier.machine, threads=machine.threads)
    return {
        "request": request.to_dict(),
        "dataset": identity(prepared),
        "preprocessing": prepared.preprocessing.to_dict(),
        "task": written_task(prepared.task),
        "machine": machine.to_dict(),
        "started": earlier.started if earlier else datetime.now(UTC).isoformat(),
    }


def say_machine(before: Machine, now: Machine, usual_threads: int, listener: Listener) -> None:
    """Say what keeps a run that goes on from giving the bytes of one that was never interrupted."""
    if now.threads == before.threads != usual_threads:
        listener(
            Note(
                f"Going on with {now.threads} threads, as the run began; here it would be {usual_threads}, "
                f"and other last digits ({setting('threads')} takes another number)."
            )
        )
    if changed := now.differs_from(before):
        listener(
            Note(f"The weights will not be equal to the byte to those of a run without a break: {changed}.")
        )


def finished_before(out: Path, request: TrainRequest, given: Given, phases: Phases) -> Finished:
    """A run that is finished already, measured again on the pictures that it held out.

    Raises:
        CheckpointError: it was asked for something else, or its pictures have changed.
    """
    config = read_config(out)
    request = _finished_request(config, out, request)
    phases.enter("read")
    prepared, sides = _prepare_again(out, config, opened(given, request), request)
    check_same_data(
        config.recipe["run"]["dataset"],
        sides,
        prepared,
        allow_changed=given.allow_changed_data,
        listener=given.listener,
    )
    given.listener(Note(f"The run in {out} is finished already: nothing is left to do."))
    return measured_again(out, prepared, phases)


def _finished_request(config: ModelConfig, out: Path, request: TrainRequest) -> TrainRequest:
    """The request of the run that made a model folder.

    Raises:
        CheckpointError: what is asked for differs, or the folder does not tell.
    """
    stored, run = config.recipe.get("request"), config.recipe.get("run")
    if not isinstance(stored, Mapping) or not isinstance(run, Mapping) or "dataset" not in run:
        raise CheckpointError(
            f"{out} holds a finished model that does not tell what it was asked for; choose another "
            f"{setting('out')}, "
            f"or replace it with {setting('overwrite', True)}."
        )
    return request.resumed_from(stored, which="finished")


def _prepare_again(
    folder: Path, config: ModelConfig, dataset: DataSet, request: TrainRequest
) -> tuple[Prepared, Sides]:
    """The pictures as the finished run had them: each on its side, read as its network takes them."""
    try:
        text = read_verified(folder, config, "splits.csv").decode("utf-8", "surrogateescape")
        sides = Sides.from_csv(text, config.task)
    except (KeyError, ValueError) as error:
        if isinstance(error, FoveateError):
            raise
        raise CheckpointError(
            f"{folder / 'splits.csv'} does not tell which picture stood where; choose another "
            f"{setting('out')}, or "
            f"replace the model with {setting('overwrite', True)}."
        ) from error
    how = Preparation(
        preprocessing=Preprocessing.from_dict(dict(config.preprocessing)),
        val_fraction=request.val_fraction,
        test_fraction=request.test_fraction,
        max_unreadable_fraction=request.max_unreadable,
        seed=request.seed,
        kept=sides,
    )
    return prepare(dataset, how), sides
