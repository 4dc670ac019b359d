"""Which network, which recipe, how long: decided once, before training, and said in one line each."""

from __future__ import annotations

import os
from collections.abc import Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from foveate.batches.augment import Augmentation
from foveate.batches.loader import Normaliser, Pixels, TrainingBatches
from foveate.batches.streamed import StreamedBatches
from foveate.dataset.prepare import Prepared
from foveate.dataset.samples import evenly, measured_splits
from foveate.dataset.shards.stream import Stream, StreamReader
from foveate.errors import InputError
from foveate.models.anatomy import Network
from foveate.models.model import Model
from foveate.models.names import BlueprintFile, Registered
from foveate.models.registry import model_options
from foveate.pipeline.choices import Auto, WeightsFile
from foveate.pipeline.request import TrainRequest
from foveate.resolve import made_for, with_field, with_trunk
from foveate.tasks.base import Task
from foveate.tasks.learning import Learner, learner_of
from foveate.training.checks import check_batches, check_takes
from foveate.training.machine import choose_device
from foveate.training.norms import hasten
from foveate.training.ranks import ALONE, Ranks
from foveate.training.recipes import (
    AUTO_LADDER,
    SHIFT_FROM_EPOCHS,
    Recipe,
    get_recipe,
    recipe_for,
)
from foveate.training.reserve import FINISH_MAPS_SECONDS, FINISH_SECONDS, Reserve
from foveate.training.schedule import Horizon, StepHorizon
from foveate.training.settings import TrainingSettings
from foveate.training.speed import Speed, measure_speed
from foveate.transfer.mirror import MirrorTest, mirror_test_of_copies
from foveate.words import setting

INITIALISATION_COUNT = 2_000  # training pictures that a network may look at to set its first layer
TOO_FEW_EPOCHS = 0.1
HALVED_FROM_PIXELS = 30_000
MOST_READERS = 8  # threads that decode streamed pictures
MEDIUM_FROM_PICTURES = 2_000  # without a time to keep, fewer training pictures get the small network


@dataclass(frozen=True)
class FromChance:
    """Training starts from chance, or from the weights of a file, as a recipe says.

    network: the one that is trained where none is named; None takes a compact one. trunk: the one whose
    weights its trunk starts with. most_pixels: of a picture, for as many epochs as a budget should give.
    """

    reason: str = ""
    network: Registered | None = None
    trunk: Model | None = None
    most_pixels: int | None = None


@dataclass(frozen=True)
class Plan:
    """What is going to be trained, and how.

    ``epochs`` is None where a time budget decides. ``reasons`` are sentences for the user. ``fitted``: how
    the network was made for the data, where it was.
    """

    network: Model
    recipe: Recipe
    settings: TrainingSettings
    learner: Learner
    batches: TrainingBatches
    epochs: int | None
    speed: Speed | None
    reasons: tuple[str, ...]
    fitted: str = ""


def _own(module: nn.Module, prepared: Prepared) -> Model:
    """The caller's own network."""
    kind = type(module)
    architecture = {"custom": f"{kind.__module__}.{kind.__qualname__}"}
    return Model(kind.__name__, module, prepared.preprocessing, prepared.task, architecture, weights="given")


def _file_of(request: TrainRequest) -> Path | None:
    """The weights to begin with, where they are a file's."""
    return request.start.path if isinstance(request.start, WeightsFile) else None


def make_plan(
    request: TrainRequest,
    prepared: Prepared,
    start: FromChance = FromChance(),
    *,
    module: nn.Module | None = None,
    train_seconds: float | None = None,
    chosen: tuple[str, str] | None = None,
    ranks: Ranks = ALONE,
) -> Plan:
    """Decide on network and recipe.

    Args:
        module: the user's own network, instead of ``request.model``.
        train_seconds: time for training, where a budget decides; networks are then timed on this machine.
        chosen: the names of the network and the recipe that an interrupted run had chosen by itself.
        ranks: who trains together.
    """
    device = choose_device(request.device)
    split = prepared.splits["train"]
    pixels = Pixels(split.pixels, split.targets, device)
    mirror = mirror_test_of_copies(prepared, pixels) if _may_mirror(request, prepared.task) else None
    maker = _Planner(request, prepared, pixels, mirror, train_seconds, chosen, start.trunk, ranks)
    if module is not None:
        plan = maker.plan(_own(module, prepared))
    elif not isinstance(request.network, Auto):
        plan = maker.plan_for(request.network)
    elif start.network is not None:
        plan = maker.plan_for(start.network)
    else:
        plan = maker.choose()
    told = _reason(plan, prepared, maker.epochs(plan), device)
    more = (plan.fitted,) if plan.fitted else ()
    return replace(plan, reasons=(told, *more, *_mirror_in_words(mirror, plan.recipe, prepared.task)))


@dataclass(frozen=True)
class _Planner:
    """Plans for one request: what is the same whatever the network is."""

    request: TrainRequest
    prepared: Prepared
    pixels: Pixels
    mirror: MirrorTest | None  # what the pictures say of mirror images; None where there are to be none
    train_seconds: float | None  # None where epochs decide: then nothing is timed, and plans repeat exactly
    chosen: tuple[str, str] | None = None  # network and recipe of the run that goes on
    trunk: Model | None = None
    ranks: Ranks = ALONE

    def plan_for(self, choice: Registered | BlueprintFile) -> Plan:
        """The plan of a network that is made for these pictures and their answers."""
        task, shape, file = self.prepared.task, self.prepared.preprocessing, _file_of(self.request)
        model, fitted = made_for(choice, shape, task, file), ""
        better = learner_of(task)(task).made_for(model.module, self.prepared.splits["train"].targets)
        if better is not None and file is None and better.options.keys() <= _options(choice):
            model, fitted = made_for(choice, shape, task, None, better.options), better.reason
        plan = self.plan(model if self.trunk is None else with_trunk(model, self.trunk))
        return replace(plan, fitted=fitted)

    def choose(self) -> Plan:
        """The largest compact network that gets enough epochs in the time there is."""
        if self.chosen is not None:
            return self.plan_for(Registered(self.chosen[0]))
        if self.train_seconds is None:
            enough = self.prepared.sizes["train"] >= MEDIUM_FROM_PICTURES
            return self.plan_for(Registered("compact_m" if enough else "compact_s"))
        smallest = self.plan_for(Registered(AUTO_LADDER[-1].network))
        epochs = self.epochs(smallest)
        rung = next(rung for rung in AUTO_LADDER if epochs / rung.relative_cost >= rung.enough_epochs)
        if rung is AUTO_LADDER[-1]:
            return smallest
        return self.plan_for(Registered(rung.network))

    def plan(self, network: Model) -> Plan:
        """Network, recipe and batches put together."""
        normalise = Normaliser(self.prepared.preprocessing, self.pixels.device)
        network = self._ready(network, normalise)
        return self._told(network)._planned(network, normalise)

    def _told(self, network: Model) -> _Planner:
        """Where pictures have the answers that the network learns from, and validation's are looked into."""
        learner = learner_of(self.prepared.task)(self.prepared.task)
        train, val = (self.prepared.splits.get(name) for name in ("train", "val"))
        if train is None:
            return self
        if val is not None:
            learner.completed(val.targets, network.module, val.pixels)
        targets = learner.completed(train.targets, network.module, train.pixels)
        if targets is train.targets:
            return self
        if self.prepared.stream is not None:
            raise InputError(
                f"{network.name} is told of regions that are looked for in each picture, which a stream does "
                f"not wait for: give another network, or {setting('stream', 'never')}."
            )
        return replace(self, pixels=self.pixels.answered(targets))

    def _planned(self, network: Model, normalise: Normaliser) -> Plan:
        module = network.module
        recipe = self._recipe(network, epochs=self.request.epochs or SHIFT_FROM_EPOCHS)
        plan = self._with(network, recipe, normalise, speed=None)
        check_batches(module, plan.batches, plan.settings.accumulate)
        if self.train_seconds is not None:
            speed = measure_speed(module, plan.learner, plan.batches, plan.settings, ranks=self.ranks)
            plan = replace(plan, speed=speed)
            recipe = self._recipe(network, epochs=self.epochs(plan))
            plan = self._with(network, recipe, normalise, speed)
        if self.trunk is None and _file_of(self.request) is None and network.weights != "given":
            hasten(module, self.epochs(plan) * len(plan.batches))
        return plan

    def _ready(self, network: Model, normalise: Normaliser) -> Model:
        """The network on its device, with what it takes from the pictures; with a field if one is wanted."""
        device = self.pixels.device
        module = network.module.to(device)
        module = module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks it
        initialise = getattr(module, "initialise_from", None)
        if initialise is not None and _file_of(self.request) is None:
            some = torch.from_numpy(evenly(len(self.pixels), INITIALISATION_COUNT)).to(device)
            initialise(normalise(self.pixels.take(some)))
        check_takes(module, network.input_shape, self.prepared.task)
        network = replace(network, module=module)
        if self.request.refine == "none":
            return network
        network = with_field(network)
        return replace(network, module=network.module.to(device))

    def epochs(self, plan: Plan) -> float:
        """How many epochs the run is going to have, about."""
        if plan.epochs is not None or plan.speed is None or self.train_seconds is None:
            return plan.epochs or plan.recipe.epochs
        halved = (
            plan.batches.halved_share
        )  # a step was timed on halved pictures, the others take four times that
        shares = halved + (1 - halved) / 4 if halved else 1.0
        return shares * self.train_seconds / (plan.speed.step_seconds * len(plan.batches))

    def _recipe(self, network: Model, epochs: float) -> Recipe:
        request = self.request
        if request.recipe != "auto":
            recipe = get_recipe(request.recipe)
        else:
            learnt = self.trunk is not None
            own = network.module.usual_recipes[learnt] if isinstance(network.module, Network) else ""
            wanted = own or self.prepared.task.usual_recipes[learnt]
            usual = get_recipe(wanted) if wanted else recipe_for(network.name, epochs)
            recipe = get_recipe(self.chosen[1]) if self.chosen else usual
            if not self.prepared.task.mirror_safe or _contradicts(self.mirror, self.prepared.task):
                recipe = recipe.without_mirroring()
        return replace(recipe, augmentation=Augmentation()) if request.augment == "none" else recipe

    def _with(self, network: Model, recipe: Recipe, normalise: Normaliser, speed: Speed | None) -> Plan:
        request = self.request
        batches = self._batches(
            normalise,
            batch_size=request.batch_size or recipe.batch_size_for(self.prepared.sizes["train"]),
            augmentation=recipe.augmentation,
            seed=request.seed,
            halved_share=recipe.halved_share if _can_be_halved(self.prepared) else 0.0,
            part=self.ranks.part,
        )
        epochs = None if request.budget else request.epochs or recipe.epochs_for(len(batches))
        settings = with_asked(replace(recipe.training, seed=request.seed), request, self.prepared)
        learner = learner_for(request, self.prepared, settings, self.pixels.device)
        return Plan(network, recipe, settings, learner, batches, epochs, speed, ())

    def _batches(self, normalise: Normaliser, **settings: Any) -> TrainingBatches:
        reader = stream_reader(self.prepared, self.request, self.ranks)
        if reader is None:
            return TrainingBatches(self.pixels, normalise, **settings)
        return StreamedBatches(reader, self.pixels, normalise, **settings)


def stream_reader(
    prepared: Prepared, request: TrainRequest, ranks: Ranks, stream: Stream | None = None
) -> StreamReader | None:
    """What reads the training pictures where they are streamed. stream: another part of them than all."""
    stream = stream or prepared.stream
    if stream is None:
        return None
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    workers = min(max(cores // ranks.on_this_machine, 1), MOST_READERS)
    share = request.max_unreadable
    return StreamReader(stream, prepared.preprocessing, most_unreadable=share, workers=workers)


def _options(choice: Registered | BlueprintFile) -> Set[str]:
    """What can be asked of a network that is named."""
    return model_options(choice.name).keys() if isinstance(choice, Registered) else set()


def _can_be_halved(prepared: Prepared) -> bool:
    """Whether pictures are so large that half their sides show as much, for a beginning."""
    shape = prepared.preprocessing
    return prepared.task.halves and shape.height * shape.width >= HALVED_FROM_PIXELS


def _may_mirror(request: TrainRequest, task: Task) -> bool:
    if request.augment == "none":
        return False
    if not task.whole_picture:
        return False  # what there is in a mirrored picture, its mirrored answer says
    if request.recipe != "auto":
        return get_recipe(request.recipe).augmentation.flip != "none"
    return task.mirror_safe


def _contradicts(mirror: MirrorTest | None, task: Task) -> bool:
    """Whether mirror images are left out for what the pictures say of them, or do not say."""
    if mirror is None:
        return False
    return not mirror.harmless if task.mirrors_on_proof else mirror.contradicts


def _mirror_in_words(mirror: MirrorTest | None, recipe: Recipe, task: Task) -> tuple[str, ...]:
    """A sentence, where mirror images contradict the pictures."""
    if mirror is None or not _contradicts(mirror, task):
        return ()
    told = mirror.in_words(task.called_one)
    if recipe.augmentation.flip == "none":
        return (f"Mirror images are left out: {told}.",)
    return (f"The recipe mirrors pictures, but {told}; {setting('augment', 'none')} leaves that out.",)


def learner_for(
    request: TrainRequest,
    prepared: Prepared,
    settings: TrainingSettings | None = None,
    device: torch.device | str = "cpu",
) -> Learner:
    """The task's loss as it is asked for; without ``settings`` with nothing smoothed."""
    return learner_of(prepared.task)(
        prepared.task,
        label_smoothing=settings.label_smoothing if settings else 0.0,
        weights=label_weights(request, prepared),
        device=device,
    )


def label_weights(request: TrainRequest, prepared: Prepared) -> tuple[float, ...] | None:
    """What a training picture of each label counts; None: all alike."""
    task, targets = prepared.task, prepared.splits["train"].targets
    match request.class_weights:
        case "balanced":
            return task.balanced(targets)
        case "auto":
            return task.usual_weights(targets)
    return None


def with_asked(settings: TrainingSettings, request: TrainRequest, prepared: Prepared) -> TrainingSettings:
    """The settings with what is asked for in place of the recipe's."""
    usual = settings.select or f"val_{prepared.task.metrics[0].name}"
    settings = replace(
        settings, class_weights=label_weights(request, prepared), select=request.select or usual
    )
    if request.lr is not None:
        settings = replace(settings, optimiser=replace(settings.optimiser, learning_rate=request.lr))
    if request.label_smoothing is not None:
        settings = replace(settings, label_smoothing=request.label_smoothing)
    if "label_smoothing" in prepared.task.no_use:
        settings = replace(settings, label_smoothing=0.0)
    return replace(settings, patience_epochs=request.patience, accumulate=request.accumulate)


def horizon_of(plan: Plan, reserve: Reserve | None, spent: float) -> Horizon:
    """When training ends: after the plan's epochs, or in time for what comes after training."""
    steps = (plan.epochs or 1) * len(plan.batches)
    return StepHorizon(steps) if reserve is None else reserve.horizon(spent)


def reserve_for(prepared: Prepared, plan: Plan, deadline: float | None) -> Reserve | None:
    """What a budget keeps back for what comes after training; None where there is no budget."""
    if deadline is None:
        return None
    validation = len(prepared.splits["val"]) if "val" in prepared.splits else 0
    measured = sum(len(prepared.splits[name]) for name in measured_splits(prepared.splits))
    elsewhere = plan.batches.pixels.device.type != "cpu"
    finish = FINISH_SECONDS if prepared.task.whole_picture else FINISH_MAPS_SECONDS
    return Reserve(deadline, validation, measured, plan.speed, elsewhere, finish)


def _reason(plan: Plan, prepared: Prepared, epochs: float, device: torch.device) -> str:
    shape = prepared.preprocessing
    kind = "grey" if shape.channels == 1 else "colour"
    what = f"{plan.batches.count:,} {kind} pictures of {shape.width}x{shape.height} px"
    how = f"{plan.network.name}, recipe {plan.recipe.name}, batches of {plan.batches.batch_size}, on {device}"
    about = (
        f"{epochs:.0f} epochs"
        if plan.epochs is not None
        else f"about {epochs:.1f} epochs in the time there is"
    )
    if epochs < TOO_FEW_EPOCHS:
        about += f", too little to learn from; give a longer {setting('budget')}"
    return f"{what}: {how}, {about}."
