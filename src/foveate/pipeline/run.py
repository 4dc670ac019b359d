"""The run: one function that reads as the story of a training."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from foveate.batches.loader import EvaluationBatches
from foveate.dataset import DataSet, open_dataset
from foveate.dataset.prepare import Preparation, Prepared, prepare
from foveate.dataset.sides import Sides
from foveate.errors import CheckpointError, InputError, InterruptedRunError
from foveate.modelfolder.atomic import (
    check_output,
    check_unclaimed,
    is_interrupted,
    is_model_folder,
    recover,
    storage,
)
from foveate.models.blueprint import load_blueprint
from foveate.models.model import Model
from foveate.models.names import BlueprintFile
from foveate.models.registry import list_models
from foveate.models.weights_file import find_weights
from foveate.pipeline.choices import Auto, WeightsFile, blueprint_size, usual_side
from foveate.pipeline.fine_tuning import check_can_be_tuned, tuned
from foveate.pipeline.finish import Finished, finish
from foveate.pipeline.kept import validation_batches, with_kept
from foveate.pipeline.listen import Listener, Note, PhaseStarted, Planned, Reading, RunEvent, Shares
from foveate.pipeline.photographs import FromBackbones, FromChance, Start, best_start, choose_start
from foveate.pipeline.plan import Plan, horizon_of, make_plan, reserve_for
from foveate.pipeline.request import Phases, TrainRequest
from foveate.pipeline.resume import (
    Earlier,
    Given,
    Resumed,
    check_same_data,
    describe_run,
    finished_before,
    say_machine,
    take_up,
)
from foveate.pipeline.trained import TrainedNetwork, TrainedRun, from_trainer
from foveate.pipeline.ways import (
    FINE_TUNED,
    FROM_CHANCE,
    FROZEN,
    OWN_MODULE,
    Way,
    asked,
    no_effect,
    refuse_for,
    refuse_unused,
)
from foveate.training.checkpoint import Saving, Snapshot
from foveate.training.events import EpochDone
from foveate.training.loop import Trainer
from foveate.training.machine import Machine, choose_device, torch_threads
from foveate.training.recipes import get_recipe
from foveate.training.reserve import FINISH_SECONDS
from foveate.training.rundir import RunDirectory, RunLock
from foveate.training.schedule import Horizon
from foveate.training.tensorboard import TensorBoard, check_tensorboard
from foveate.words import setting

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
    listener = given.listener
    _check_flags(resume=resume, overwrite=overwrite, allow_changed_data=given.allow_changed_data)
    began = time.monotonic() if started is None else started
    phases = Phases(began, lambda name: listener(PhaseStarted(name)))
    place = check_output(out)
    with RunLock(place):
        with storage(place):
            recover(place)
        check_unclaimed(place, overwrite=overwrite or resume)
        run = RunDirectory(place)
        resumed = Resumed(request, request.threads)
        if resume and is_interrupted(place):
            resumed = take_up(run, request, listener)
        elif resume and is_model_folder(place):
            return finished_before(out, request, given, phases)
        elif resume:
            listener(Note(f"{out} holds no run to go on with: this one begins."))
        usual = torch.get_num_threads()
        with torch_threads(resumed.threads):
            if resumed.earlier is not None:
                machine = Machine.here(choose_device(resumed.request.device))
                say_machine(resumed.earlier.machine, machine, usual, listener)
            return finish(_train(out, run, resumed, given, phases))


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


def _train(out: Path, run: RunDirectory, resumed: Resumed, given: Given, phases: Phases) -> TrainedRun:
    request, earlier, listener = resumed.request, resumed.earlier, given.listener
    _check_choices(request)
    phases.enter("read")
    dataset = open_dataset(
        given.data,
        val=given.val,
        task=request.task,
        ignore=request.ignore,
        unlabelled=request.unlabelled,
    )
    refuse_for(request, dataset.task)
    if request.select not in {None, "last"}:
        dataset.task.metric(request.select)  # that there is one
    start = FromChance() if given.module is not None else choose_start(request, dataset, listener)
    refuse_unused(request, _way(request, start, given.module))
    first = start.backbones[0] if isinstance(start, FromBackbones) else None
    prepared = _prepare(dataset, request, first, given, earlier, start=start)
    if earlier is not None:
        check_same_data(
            earlier.dataset,
            earlier.sides,
            prepared,
            allow_changed=given.allow_changed_data,
            listener=listener,
        )
        prepared = replace(prepared, task=earlier.task)  # other pictures would standardise numbers otherwise
    if start.reason:
        listener(Note(start.reason))
    _check_pictures(request, prepared, start)
    context = _Context(request, prepared, phases, run, given, earlier)
    if isinstance(start, FromBackbones):
        prepared, network, deadline = _transferred(context, start.backbones, dataset)
    else:
        network, deadline = _from_scratch(context, start)
    return TrainedRun(out, prepared, request, phases, network, deadline, run.record())


def _way(request: TrainRequest, start: Start, module: nn.Module | None) -> Way:
    """How this run trains."""
    if module is not None:
        return OWN_MODULE
    if isinstance(start, FromChance):
        return FROM_CHANCE
    return FROZEN if request.epochs is None and request.budget is None else FINE_TUNED


@dataclass(frozen=True)
class _Context:
    """What every way of training needs. earlier: the run that goes on, if one does."""

    request: TrainRequest
    prepared: Prepared
    phases: Phases
    run: RunDirectory
    given: Given
    earlier: Earlier | None

    def deadline(self, spent: float = 0.0) -> float | None:
        """When the budget ends, on time.monotonic()'s scale, if runs before this one took ``spent``."""
        seconds = self.request.budget_seconds
        return None if seconds is None else self.phases.start + seconds - spent

    @contextmanager
    def recorded(self, history: Iterable[Mapping[str, Any]] = ()) -> Iterator[Listener]:
        """The listener, with each epoch written down at once: history.csv, and TensorBoard if asked for."""
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
        device = choose_device(self.request.device)
        document = describe_run(self.request, self.prepared, device, self.earlier)
        before = None if self.earlier is None else self.earlier.sides
        sides = Sides.of(self.prepared.splits, before).to_bytes()
        (self.run.start if self.earlier is None else self.run.write)(document, sides)


def _transferred(
    context: _Context, backbones: tuple[Model, ...], dataset: DataSet
) -> tuple[Prepared, TrainedNetwork, float | None]:
    """From learnt weights. An interrupted run starts over: what takes the time, the features, is kept."""
    request, given, deadline = context.request, context.given, context.deadline()

    def prepared_for(backbone: Model) -> Prepared:
        if backbone is backbones[0]:
            prepared = context.prepared
        else:  # each has its own size of pictures; what is odd about them was said before
            context.phases.enter("read")
            prepared = _prepare(dataset, request, backbone, replace(given, listener=lambda event: None), None)
        context.phases.enter("features")
        return prepared

    context.begin()
    fitted = best_start(
        backbones, prepared_for, request, listener=given.listener, should_stop=given.should_stop
    )
    prepared = fitted.prepared
    context.phases.enter("train")
    end = None if deadline is None else deadline - fitted.seconds_to_finish
    with context.recorded() as listener:
        network = tuned(fitted, request, deadline=end, listener=listener, should_stop=given.should_stop)
    return prepared, network, deadline


def _from_scratch(context: _Context, start: FromChance) -> tuple[TrainedNetwork, float | None]:
    """From chance, from the weights of a file, or on a trunk that was learnt, as a recipe says."""
    request, prepared, run, given = context.request, context.prepared, context.run, context.given
    context.phases.enter("plan")
    snapshot = None if context.earlier is None else context.earlier.snapshot
    spent = snapshot.numbers["seconds"] if snapshot else 0.0
    deadline = context.deadline(spent)
    plan = _plan(context, start, snapshot, deadline)
    given.listener(Planned(plan.network.name, plan.recipe.name, plan.reasons))
    context.begin()
    plan, seen = with_kept(
        plan, prepared, start.trunk, context.phases, listener=given.listener, should_stop=given.should_stop
    )
    context.phases.enter("train")
    reserve = reserve_for(prepared, plan, deadline)
    horizon = horizon_of(plan, reserve, spent)
    trainer = _trainer(prepared, plan, run, horizon, validation_batches(plan, prepared, seen))
    if snapshot is not None:
        trainer.restore(snapshot)
    with context.recorded(trainer.history) as listener:
        for event in trainer.run(given.should_stop):
            if reserve is not None and isinstance(event, EpochDone):
                reserve.keep(trainer.horizon, event)
            listener(event)
    if request.budget and (steps := trainer.step) < len(plan.batches):
        given.listener(
            Note(
                f"The budget ended before the network had seen each picture once ({steps} of "
                f"{len(plan.batches)} steps): give a longer {setting('budget')}."
            )
        )
    return from_trainer(plan, trainer, request), deadline


def _plan(context: _Context, start: FromChance, snapshot: Snapshot | None, deadline: float | None) -> Plan:
    """The plan; what an interrupted run chose by timing the machine stays chosen when it goes on."""
    request, module = context.request, context.given.module
    torch.manual_seed(request.seed)
    left = None if deadline is None else max(deadline - time.monotonic() - FINISH_SECONDS, 0.0)
    chosen = (snapshot.numbers["network"], snapshot.numbers["recipe"]) if snapshot else None
    if chosen is not None:
        _check_same_network(request, module, chosen[0])
    return make_plan(
        request,
        context.prepared,
        module=module,
        usual=start.network,
        trunk=start.trunk,
        train_seconds=left,
        chosen=chosen,
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


def _prepare(
    dataset: DataSet,
    request: TrainRequest,
    backbone: Model | None,
    given: Given,
    earlier: Earlier | None,
    *,
    start: Start | None = None,
) -> Prepared:
    def progress(split: str, done: int, total: int) -> None:
        if given.should_stop():
            raise InterruptedRunError("Stopped while reading the pictures; nothing was written.")
        given.listener(Reading(split, done, total))

    side, chance = request.image_size, start if isinstance(start, FromChance) else FromChance()
    preprocessing = None if earlier is None else earlier.preprocessing  # what its network has learnt to see
    if preprocessing is None and backbone is not None:
        preprocessing = backbone.preprocessing
    how = Preparation(
        preprocessing=preprocessing,
        like=chance.trunk.preprocessing if chance.trunk else None,
        most_pixels=chance.most_pixels,
        kept=None if earlier is None else earlier.sides,
        image_size=(side, side) if side else blueprint_size(request.network),
        default_size=usual_side(request.network),
        fit=request.fit,
        # A backbone's head is chosen by cross-validation: no picture is lost to validation.
        val_fraction=0.0 if backbone is not None and request.val_fraction is None else request.val_fraction,
        test_fraction=request.test_fraction,
        max_unreadable_fraction=request.max_unreadable,
        seed=request.seed,
    )
    prepared = prepare(dataset, how, progress)
    if prepared.shares is not None:
        given.listener(Shares(prepared.shares))
    for sentence in prepared.remarks:
        given.listener(Note(sentence))
    return prepared


def _check_choices(request: TrainRequest) -> None:
    """Find a wrong name now, not after minutes of reading pictures."""
    choose_device(request.device)
    if request.tensorboard:
        check_tensorboard()
    if request.recipe != "auto":
        get_recipe(request.recipe)
    if isinstance(request.network, BlueprintFile):
        load_blueprint(request.network.path)
    if isinstance(request.start, WeightsFile):
        find_weights(request.start.path)


def _check_pictures(request: TrainRequest, prepared: Prepared, start: Start) -> None:
    """Find out now what these pictures cannot give, not after minutes of work."""
    if isinstance(start, FromBackbones):
        check_can_be_tuned(request, prepared)
    elif "val" not in prepared.splits:
        choosing = {"patience", "unsure_precision"} | ({"select"} if request.select != "last" else set())
        names = asked(request, choosing)
        if names:
            raise InputError(f"{no_effect(names)}: it takes validation pictures, and there are none.")


def _trainer(
    prepared: Prepared, plan: Plan, run: RunDirectory, horizon: Horizon, validation: EvaluationBatches | None
) -> Trainer:
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
        saving=Saving(run.checkpoints, {"network": plan.network.name, "recipe": plan.recipe.name}),
        evaluation_seconds=plan.speed.forward_seconds_per_image * pictures if plan.speed else 0.0,
    )
