"""The run: one function that reads as the story of a training."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from foveate.batches.loader import EvaluationBatches
from foveate.batches.streamed import StreamedBatches
from foveate.dataset import DataSet
from foveate.dataset.prepare import Prepared
from foveate.dataset.sides import Sides
from foveate.errors import CheckpointError, InputError
from foveate.launched import Launched
from foveate.modelfolder.atomic import (
    check_output,
    check_unclaimed,
    recover,
    storage,
)
from foveate.models.model import Model
from foveate.models.registry import list_models
from foveate.pipeline.choices import Auto
from foveate.pipeline.fine_tuning import tuned
from foveate.pipeline.finish import Finished, finish
from foveate.pipeline.kept import validation_batches, with_kept
from foveate.pipeline.listen import Listener, Note, PhaseStarted, Planned, RunEvent
from foveate.pipeline.photographs import FromBackbones, best_start
from foveate.pipeline.plan import FromChance, Plan, horizon_of, make_plan, reserve_for
from foveate.pipeline.reading import prepared_for_run, read_pictures
from foveate.pipeline.request import Phases, TrainRequest
from foveate.pipeline.resume import (
    Earlier,
    Given,
    Resumed,
    describe_run,
    finished_before,
    say_machine,
    take_up,
)
from foveate.pipeline.several import (
    again,
    check_pictures,
    check_plan,
    check_program,
    left_there,
    run_of_first,
)
from foveate.pipeline.trained import TrainedNetwork, TrainedRun, from_trainer
from foveate.training.checkpoint import Saving, Snapshot
from foveate.training.events import EpochDone
from foveate.training.loop import Trainer
from foveate.training.machine import Machine, choose_device, torch_threads
from foveate.training.ranks import ALONE, Ranks, joined_ranks
from foveate.training.reserve import FINISH_SECONDS
from foveate.training.rundir import RunDirectory, RunLock
from foveate.training.schedule import Horizon
from foveate.training.tensorboard import TensorBoard
from foveate.words import printable, setting

MAP_PIXELS = 1_400_000  # of a batch that is evaluated where each pixel has a score a class


def train(
    given: Given,
    request: TrainRequest,
    out: Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    started: float | None = None,
) -> Finished:
    """Train a network on a data set and leave a model folder at ``out``; see `foveate.api.train.train`."""
    _check_flags(resume=resume, overwrite=overwrite, allow_changed_data=given.allow_changed_data)
    began = time.monotonic() if started is None else started
    launched = Launched.here()
    if not launched.first:
        given = replace(given, listener=lambda event: None)
    phases = Phases(began, lambda name: given.listener(PhaseStarted(name)))
    with joined_ranks(launched, choose_device(request.device)) as ranks, ExitStack() as held:
        check_program(ranks, request)
        place, found = out, "nothing"
        with ranks.together():
            if ranks.first:
                place = check_output(out)
                held.enter_context(RunLock(place))
                with storage(place):
                    recover(place)
                resume, overwrite = again(place, launched.restarts, resume=resume, overwrite=overwrite)
                check_unclaimed(place, overwrite=overwrite or resume)
                found = left_there(place, resume=resume)
        found = ranks.first_says(found)
        if found == "finished":
            ranks.leave()
            return finished_before(out, request, given, phases)
        run = RunDirectory(place)
        resumed = Resumed(request, request.threads)
        if found == "interrupted":
            with run_of_first(ranks, run) as copy, ranks.together():
                resumed = take_up(copy, request, given.listener)
        elif resume:
            given.listener(Note(f"{out} holds no run to go on with: this one begins."))
        usual = torch.get_num_threads()
        with torch_threads(resumed.threads):
            if resumed.earlier is not None:
                machine = Machine.here(choose_device(resumed.request.device), ranks.count)
                say_machine(resumed.earlier.machine, machine, usual, given.listener)
            return finish(_train(out, run, resumed, given, phases, ranks=ranks))


def _check_flags(*, resume: bool, overwrite: bool, allow_changed_data: bool) -> None:
    if allow_changed_data and not resume:
        raise InputError(
            f"{setting('allow_changed_data', True)} has no effect without {setting('resume', True)}; "
            "leave it out, or give both."
        )
    if resume and overwrite:
        raise InputError(
            f"Give either {setting('resume', True)}, to go on with what is there, or "
            f"{setting('overwrite', True)}, to replace it; not both."
        )


def _train(
    out: Path, run: RunDirectory, resumed: Resumed, given: Given, phases: Phases, *, ranks: Ranks
) -> TrainedRun:
    request = resumed.request
    with ranks.together():
        phases.enter("read")
        dataset, start, prepared = read_pictures(resumed, given, ranks)
    check_pictures(ranks, prepared)
    context = _Context(request, prepared, phases, run, given, resumed.earlier, ranks)
    if isinstance(start, FromBackbones):
        prepared, network, deadline = _transferred(context, start.backbones, dataset)
    else:
        network, deadline = _from_scratch(context, start)
    ranks.leave()
    return TrainedRun(out, prepared, request, phases, network, deadline, run.record())


@dataclass(frozen=True)
class _Context:
    """What every way of training needs. earlier: the run that goes on, if one does."""

    request: TrainRequest
    prepared: Prepared
    phases: Phases
    run: RunDirectory
    given: Given
    earlier: Earlier | None
    ranks: Ranks = ALONE

    def deadline(self, spent: float = 0.0) -> float | None:
        """When the budget ends, on time.monotonic()'s scale, if runs before this one took ``spent``."""
        seconds = self.request.budget_seconds
        return None if seconds is None else self.phases.start + seconds - spent

    @contextmanager
    def recorded(self, history: Iterable[Mapping[str, Any]] = ()) -> Iterator[Listener]:
        """The listener, with each epoch written down at once: history.csv, and TensorBoard if asked for."""
        if not self.ranks.first:
            yield self.given.listener
            return
        rows = list(history)
        board = TensorBoard(self.run.out / "tensorboard") if self.request.tensorboard else nullcontext()

        def listen(event: RunEvent) -> None:
            if isinstance(event, EpochDone):
                rows.append(event.row)
                self.run.write_history(rows)
                if isinstance(board, TensorBoard):
                    board(event)
            self.given.listener(event)

        with board:
            yield listen

    def begin(self) -> None:
        """Write down what is asked for, once nothing can be wrong with it any more."""
        if not self.ranks.first:
            return
        device = choose_device(self.request.device)
        document = describe_run(self.request, self.prepared, device, self.earlier, self.ranks.count)
        before = None if self.earlier is None else self.earlier.sides
        sides = Sides.of(self.prepared.splits, before).to_bytes()
        (self.run.start if self.earlier is None else self.run.write)(document, sides)


def _transferred(
    context: _Context, backbones: tuple[Model, ...], dataset: DataSet
) -> tuple[Prepared, TrainedNetwork, float | None]:
    """From learnt weights. An interrupted run starts over: what takes the time, the features, is kept."""
    request, given, deadline = context.request, context.given, context.deadline()
    ranks = context.ranks

    def prepared_for(backbone: Model) -> Prepared:
        if backbone is backbones[0]:
            prepared = context.prepared
        else:  # each has its own size of pictures; what is odd about them was said before
            context.phases.enter("read")
            prepared = prepared_for_run(
                dataset, request, backbone, replace(given, listener=lambda event: None), None
            )
        context.phases.enter("features")
        return prepared

    with ranks.together():
        context.begin()
    with ranks.together(), ranks.one_before_others():
        fitted = best_start(
            backbones, prepared_for, request, listener=given.listener, should_stop=given.should_stop
        )
    prepared = fitted.prepared
    context.phases.enter("train")
    end = None if deadline is None else deadline - fitted.seconds_to_finish
    with context.recorded() as listener:
        network = tuned(
            fitted, request, deadline=end, listener=listener, should_stop=given.should_stop, ranks=ranks
        )
    return prepared, network, deadline


def _from_scratch(context: _Context, start: FromChance) -> tuple[TrainedNetwork, float | None]:
    """From chance, from the weights of a file, or on a trunk that was learnt, as a recipe says."""
    request, prepared, given, ranks = context.request, context.prepared, context.given, context.ranks
    context.phases.enter("plan")
    snapshot = None if context.earlier is None else context.earlier.snapshot
    spent = snapshot.numbers["seconds"] if snapshot else 0.0
    deadline = context.deadline(spent)
    plan = _plan(context, start, snapshot, deadline)
    check_plan(ranks, plan)
    given.listener(Planned(plan.network.name, plan.recipe.name, plan.reasons))
    with ranks.together():
        context.begin()
    with ranks.together(), ranks.one_before_others():
        plan, seen = with_kept(
            plan,
            prepared,
            start.trunk,
            context.phases,
            train_seconds=None if deadline is None else deadline - time.monotonic(),
            listener=given.listener,
            should_stop=given.should_stop,
        )
    context.phases.enter("train")
    reserve = reserve_for(prepared, plan, deadline)
    horizon = horizon_of(plan, reserve, spent)
    trainer = _trainer(context, plan, horizon, validation_batches(plan, prepared, seen))
    if snapshot is not None:
        trainer.restore(snapshot)
    with context.recorded(trainer.history) as listener:
        for event in trainer.run(given.should_stop):
            if reserve is not None and isinstance(event, EpochDone):
                reserve.keep(trainer.horizon, event)
            listener(event)
    if isinstance(plan.batches, StreamedBatches) and (broken := plan.batches.reader.broken):
        given.listener(Note(_replaced(list(broken.values()))))
    if request.budget and (steps := trainer.step) < len(plan.batches):
        given.listener(
            Note(
                f"The budget ended before the network had seen each picture once ({steps} of "
                f"{len(plan.batches)} steps): give a longer {setting('budget')}."
            )
        )
    return from_trainer(plan, trainer, request), deadline


def _replaced(broken: Sequence[str]) -> str:
    """Which streamed pictures were not learnt from, of those that this process met."""
    others = f", and {len(broken) - 1:,} others" if len(broken) > 1 else ""
    return f"Not learnt from, and others taken instead: {printable(broken[0])}{others}."


def _plan(context: _Context, start: FromChance, snapshot: Snapshot | None, deadline: float | None) -> Plan:
    """The plan; what an interrupted run chose by timing the machine stays chosen when it goes on."""
    request, module = context.request, context.given.module
    torch.manual_seed(request.seed)
    left = None if deadline is None else max(deadline - time.monotonic() - FINISH_SECONDS, 0.0)
    left = context.ranks.first_says(left)
    chosen = (snapshot.numbers["network"], snapshot.numbers["recipe"]) if snapshot else None
    if chosen is not None:
        _check_same_network(request, module, chosen[0])
    # Ranks time networks together: what fails then is not awaited.
    with context.ranks.together() if left is None else nullcontext():
        return make_plan(
            request,
            context.prepared,
            start,
            module=module,
            train_seconds=left,
            chosen=chosen,
            ranks=context.ranks,
        )


def _check_same_network(request: TrainRequest, module: nn.Module | None, before: str) -> None:
    """A run goes on with the network that it began with, which only the caller has if it is a module."""
    now = None if module is None else type(module).__name__
    if now not in {None, before}:
        raise CheckpointError(f"The interrupted run trained {before}, not {now}; resume it with that one.")
    if now is None and isinstance(request.network, Auto) and before not in list_models():
        raise CheckpointError(
            f"The interrupted run trained a module of your own, {before}; give it as `module` to resume it."
        )


def _trainer(
    context: _Context, plan: Plan, horizon: Horizon, validation: EvaluationBatches | None
) -> Trainer:
    prepared = context.prepared
    if validation is not None and not prepared.task.whole_picture:  # a score a class and pixel, not a class
        shape = prepared.preprocessing
        validation.batch_size = max(MAP_PIXELS // (shape.height * shape.width), 1)
    pictures = 0 if validation is None else len(validation.targets)
    return Trainer(
        plan.network.module,
        plan.learner,
        plan.batches,
        validation,
        settings=plan.settings,
        horizon=horizon,
        saving=Saving(context.run.checkpoints, {"network": plan.network.name, "recipe": plan.recipe.name}),
        ranks=context.ranks,
        evaluation_seconds=plan.speed.forward_seconds_per_image * pictures if plan.speed else 0.0,
    )
