"""Which network, which recipe, how long: decided once, before training, and said in one line each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from foveate.batches.augment import Augmentation
from foveate.batches.loader import Normaliser, Pixels, TrainingBatches
from foveate.dataset.prepare import Prepared
from foveate.dataset.samples import evenly
from foveate.errors import InputError
from foveate.models import anatomy as models
from foveate.models.blueprint import build, load_blueprint
from foveate.models.names import BlueprintFile, Registered
from foveate.models.pretrained import implied_options, load_weights
from foveate.models.registry import create_model, model_options
from foveate.pipeline.choices import Auto, WeightsFile
from foveate.pipeline.request import TrainRequest
from foveate.tasks.base import Task
from foveate.tasks.learning import Learner, learner_of
from foveate.training.checks import check_batches
from foveate.training.machine import choose_device
from foveate.training.recipes import (
    AUTO_LADDER,
    SHIFT_FROM_EPOCHS,
    Recipe,
    get_recipe,
    recipe_for,
)
from foveate.training.settings import TrainingSettings
from foveate.training.speed import Speed, measure_speed
from foveate.transfer.mirror import MirrorTest, mirror_test

INITIALISATION_COUNT = 2_000  # training pictures that a network may look at to set its first layer
MIRROR_TEST_COUNT, MIRROR_TEST_SIDE = 1_000, 16  # training pictures, and pixels
TOO_FEW_EPOCHS = 0.1
MEDIUM_FROM_PICTURES = 2_000  # without a time to keep, fewer training pictures get the small network


@dataclass(frozen=True)
class Network:
    """A network ready to train and how it is written into config.json."""

    module: nn.Module
    name: str
    architecture: Mapping[str, Any]


@dataclass(frozen=True)
class Plan:
    """What is going to be trained, and how.

    ``epochs`` is None where a time budget decides. ``reasons`` are sentences for the user.
    """

    network: Network
    recipe: Recipe
    settings: TrainingSettings
    learner: Learner
    batches: TrainingBatches
    epochs: int | None
    speed: Speed | None
    reasons: tuple[str, ...]


def make_network(
    choice: Registered | BlueprintFile, prepared: Prepared, weights: Path | None = None
) -> Network:
    """A registered network, or one written as a blueprint file, made for this data set.

    Raises:
        InputError: an unknown name, a wrong blueprint, weights that do not fit, or pictures of a size that
            the network cannot take (with the size formula).
    """
    shape = prepared.preprocessing
    numbers = len(prepared.task.labels)
    if isinstance(choice, BlueprintFile):
        blueprint = load_blueprint(choice.path).adapted(
            classes=numbers, channels=shape.channels, size=(shape.height, shape.width)
        )
        module: models.Network = build(blueprint)
        architecture: dict[str, Any] = {"blueprint": blueprint.to_dict()}
        name = choice.path.stem
    else:
        name = choice.name
        options: dict[str, Any] = {} if weights is None else dict(implied_options(weights))
        if "image_size" in model_options(name):
            options["image_size"] = (shape.height, shape.width)
        module = create_model(name, num_classes=numbers, in_channels=shape.channels, **options)
        architecture = {"name": name, "options": options}
    if weights is not None:
        load_weights(module, weights, skip_head=None)
    return Network(module, name, architecture)


def _file_of(request: TrainRequest) -> Path | None:
    """The weights to begin with, where they are a file's."""
    return request.start.path if isinstance(request.start, WeightsFile) else None


def check_takes(module: nn.Module, prepared: Prepared) -> None:
    """Send two pictures through, so that a size the network cannot take is refused before training.

    Raises:
        ShapeError: from the network, with the formula.
        InputError: the outputs are not one number a label.
    """
    shape = prepared.preprocessing
    device = next(module.parameters()).device
    was_training = module.training
    with torch.inference_mode():
        outputs = module.eval()(torch.zeros(2, shape.channels, shape.height, shape.width, device=device))
    module.train(was_training)
    count = len(prepared.task.labels)
    if tuple(outputs.shape) != (2, count):
        raise InputError(
            f"The network gives outputs of shape {tuple(outputs.shape)} for 2 pictures; "
            f"{count} {prepared.task.called} need (2, {count})."
        )


def make_plan(
    request: TrainRequest,
    prepared: Prepared,
    *,
    module: nn.Module | None = None,
    train_seconds: float | None = None,
    chosen: tuple[str, str] | None = None,
) -> Plan:
    """Decide on network and recipe.

    Args:
        module: the user's own network, instead of ``request.model``.
        train_seconds: time for training, where a budget decides; networks are then timed on this machine.
        chosen: the names of the network and the recipe that an interrupted run had chosen by itself.
    """
    device = choose_device(request.device)
    split = prepared.splits["train"]
    pixels = Pixels(split.pixels, split.targets, device)
    mirror = _mirror_test(prepared, pixels) if _may_mirror(request, prepared.task) else None
    maker = _Planner(request, prepared, pixels, mirror, train_seconds, chosen)
    if module is not None:
        kind = type(module)
        architecture = {"custom": f"{kind.__module__}.{kind.__qualname__}"}
        plan = maker.plan(Network(module, kind.__name__, architecture))
    elif not isinstance(request.network, Auto):
        plan = maker.plan(make_network(request.network, prepared, _file_of(request)))
    else:
        plan = maker.choose()
    told = _reason(plan, prepared, maker.epochs(plan), device)
    return replace(plan, reasons=(told, *_mirror_in_words(mirror, plan.recipe)))


@dataclass(frozen=True)
class _Planner:
    """Plans for one request: what is the same whatever the network is."""

    request: TrainRequest
    prepared: Prepared
    pixels: Pixels
    mirror: MirrorTest | None  # what the pictures say of mirror images; None where there are to be none
    train_seconds: float | None  # None where epochs decide: then nothing is timed, and plans repeat exactly
    chosen: tuple[str, str] | None = None  # network and recipe of the run that goes on

    def choose(self) -> Plan:
        """The largest compact network that gets enough epochs in the time there is."""
        if self.chosen is not None:
            return self.plan(make_network(Registered(self.chosen[0]), self.prepared))
        if self.train_seconds is None:
            enough = len(self.pixels) >= MEDIUM_FROM_PICTURES
            return self.plan(make_network(Registered("compact_m" if enough else "compact_s"), self.prepared))
        smallest = self.plan(make_network(Registered(AUTO_LADDER[-1].network), self.prepared))
        epochs = self.epochs(smallest)
        rung = next(rung for rung in AUTO_LADDER if epochs / rung.relative_cost >= rung.enough_epochs)
        if rung is AUTO_LADDER[-1]:
            return smallest
        return self.plan(make_network(Registered(rung.network), self.prepared))

    def plan(self, network: Network) -> Plan:
        """Network, recipe and batches put together."""
        module = network.module.to(self.pixels.device)
        module = module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks it
        normalise = Normaliser(self.prepared.preprocessing, self.pixels.device)
        initialise = getattr(module, "initialise_from", None)
        if initialise is not None and _file_of(self.request) is None:
            some = torch.from_numpy(evenly(len(self.pixels), INITIALISATION_COUNT)).to(self.pixels.device)
            initialise(normalise(self.pixels.take(some)))
        check_takes(module, self.prepared)
        recipe = self._recipe(network.name, epochs=self.request.epochs or SHIFT_FROM_EPOCHS)
        plan = self._with(network, recipe, normalise, speed=None)
        check_batches(module, plan.batches)
        if self.train_seconds is None:
            return plan
        settings = plan.settings
        speed = measure_speed(
            module, plan.learner, plan.batches, settings.optimiser, precision=settings.precision
        )
        plan = replace(plan, speed=speed)
        recipe = self._recipe(network.name, epochs=self.epochs(plan))
        return self._with(network, recipe, normalise, speed)

    def epochs(self, plan: Plan) -> float:
        """How many epochs the run is going to have, about."""
        if plan.epochs is not None or plan.speed is None or self.train_seconds is None:
            return plan.epochs or plan.recipe.epochs
        return self.train_seconds / (plan.speed.step_seconds * len(plan.batches))

    def _recipe(self, network: str, epochs: float) -> Recipe:
        request = self.request
        if request.recipe != "auto":
            recipe = get_recipe(request.recipe)
        else:
            recipe = get_recipe(self.chosen[1]) if self.chosen else recipe_for(network, epochs)
            if not self.prepared.task.mirror_safe or self._mirror_contradicts():
                recipe = recipe.without_mirroring()
        return replace(recipe, augmentation=Augmentation()) if request.augment == "none" else recipe

    def _mirror_contradicts(self) -> bool:
        return self.mirror is not None and self.mirror.contradicts

    def _with(self, network: Network, recipe: Recipe, normalise: Normaliser, speed: Speed | None) -> Plan:
        request = self.request
        batches = TrainingBatches(
            self.pixels,
            normalise,
            batch_size=request.batch_size or recipe.batch_size_for(len(self.pixels)),
            augmentation=recipe.augmentation,
            seed=request.seed,
        )
        epochs = None if request.budget else request.epochs or recipe.epochs_for(len(batches))
        settings = with_asked(replace(recipe.training, seed=request.seed), request, self.prepared)
        learner = learner_for(request, self.prepared, settings, self.pixels.device)
        return Plan(network, recipe, settings, learner, batches, epochs, speed, ())


def _may_mirror(request: TrainRequest, task: Task) -> bool:
    if request.augment == "none":
        return False
    if request.recipe != "auto":
        return get_recipe(request.recipe).augmentation.flip != "none"
    return task.mirror_safe


def _mirror_test(prepared: Prepared, pixels: Pixels) -> MirrorTest:
    """Of grey copies of 16 x 16 pixels: they show little, but an outright contradiction they show."""
    split = prepared.splits["train"]
    rows = evenly(len(split), MIRROR_TEST_COUNT)
    pictures = pixels.take(torch.from_numpy(rows).to(pixels.device))  # (n, C, H, W)
    grey = pictures.float().mean(dim=1, keepdim=True)
    small = F.adaptive_avg_pool2d(grey, MIRROR_TEST_SIDE)[:, 0].cpu().numpy()  # (n, 16, 16)
    views = np.stack([small, small[:, :, ::-1]]).reshape(2, len(rows), -1)
    wanted = prepared.task.matrix(split.targets.take(rows))
    return mirror_test(views, wanted, split.groups[rows])


def _mirror_in_words(mirror: MirrorTest | None, recipe: Recipe) -> tuple[str, ...]:
    """A sentence, where mirror images contradict the pictures."""
    if mirror is None or not mirror.contradicts:
        return ()
    if recipe.augmentation.flip == "none":
        return (f"Mirror images are left out: {mirror.in_words}.",)
    return (f"The recipe mirrors pictures, but {mirror.in_words}; --augment none leaves that out.",)


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
    """What a training picture of each label counts, where that is asked for."""
    if request.class_weights == "none":
        return None
    return prepared.task.balanced(prepared.splits["train"].targets)


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
    return replace(settings, patience_epochs=request.patience)


def _reason(plan: Plan, prepared: Prepared, epochs: float, device: torch.device) -> str:
    shape = prepared.preprocessing
    kind = "grey" if shape.channels == 1 else "colour"
    what = f"{len(plan.batches.pixels):,} {kind} pictures of {shape.width}x{shape.height} px"
    how = f"{plan.network.name}, recipe {plan.recipe.name}, batches of {plan.batches.batch_size}, on {device}"
    about = (
        f"{epochs:.0f} epochs"
        if plan.epochs is not None
        else f"about {epochs:.1f} epochs in the time there is"
    )
    if epochs < TOO_FEW_EPOCHS:
        about += ", too little to learn from; give a longer --budget"
    return f"{what}: {how}, {about}."
