"""Which network, which recipe, how long: decided once, before training, and said in one line each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from foveate.batches.augment import Augmentation
from foveate.batches.loader import Normaliser, Pixels, TrainingBatches
from foveate.batches.prepare import Prepared
from foveate.errors import InputError, UnknownNameError
from foveate.models.blueprint import build, load_blueprint
from foveate.models.pretrained import load_weights
from foveate.models.registry import create_model, list_models, model_options
from foveate.pipeline.request import TrainRequest
from foveate.recipes import AUTO_LADDER, Recipe, get_recipe, looks_like_characters, recipe_for
from foveate.training.settings import TrainingSettings
from foveate.training.speed import Speed, measure_speed

INITIALISATION_COUNT = 2_000  # training pictures that a network may look at to set its first layer


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
    batches: TrainingBatches
    epochs: int | None
    speed: Speed | None
    reasons: tuple[str, ...]


def choose_device(name: str) -> torch.device:
    """The device of this name; "auto" takes CUDA or Apple's MPS where there is one.

    Raises:
        InputError: there is no such device on this machine.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise InputError(
            f"--device {name}: there is no such device here; try --device auto or cpu."
        ) from error
    return device


def make_network(model: str, prepared: Prepared, weights: str | None = None) -> Network:
    """A registered network, or one written as a blueprint file, made for this data set.

    Raises:
        InputError: an unknown name, a wrong blueprint, weights that do not fit, or pictures of a size that
            the network cannot take (with the size formula).
    """
    shape = prepared.preprocessing
    classes = len(prepared.classes)
    if is_blueprint_file(model):
        blueprint = load_blueprint(Path(model))
        module: nn.Module = build(blueprint, num_classes=classes, in_channels=shape.channels)
        architecture: dict[str, Any] = {"blueprint": blueprint.to_dict()}
        name = Path(model).stem
    else:
        if model not in list_models():
            raise UnknownNameError("network", model, [*list_models(), "auto"])
        size = {"image_size": (shape.height, shape.width)} if "image_size" in model_options(model) else {}
        module = create_model(model, num_classes=classes, in_channels=shape.channels, **size)
        architecture = {"name": model, "options": {key: list(value) for key, value in size.items()}}
        name = model
    if weights is not None:
        load_weights(module, Path(weights), skip_head=True)
    return Network(module, name, architecture)


def is_blueprint_file(model: str) -> bool:
    """Whether --model names a file rather than a registered network."""
    return model.endswith((".yaml", ".yml", ".json"))


def check_takes(module: nn.Module, prepared: Prepared) -> None:
    """Send two pictures through, so that a size the network cannot take is refused before training.

    Raises:
        ShapeError: from the network, with the formula.
        InputError: the outputs are not one score a class.
    """
    shape = prepared.preprocessing
    device = next(module.parameters()).device
    was_training = module.training
    with torch.inference_mode():
        logits = module.eval()(torch.zeros(2, shape.channels, shape.height, shape.width, device=device))
    module.train(was_training)
    if tuple(logits.shape) != (2, len(prepared.classes)):
        raise InputError(
            f"The network gives outputs of shape {tuple(logits.shape)} for 2 pictures; "
            f"{len(prepared.classes)} classes need (2, {len(prepared.classes)})."
        )


def make_plan(
    request: TrainRequest,
    prepared: Prepared,
    *,
    module: nn.Module | None = None,
    train_seconds: float | None = None,
) -> Plan:
    """Decide on network and recipe.

    Args:
        module: the user's own network, instead of ``request.model``.
        train_seconds: time for training, where a budget decides; networks are then timed on this machine.
    """
    device = choose_device(request.device)
    pixels = Pixels(prepared.splits["train"].pixels, prepared.splits["train"].labels, device)
    if module is not None:
        kind = type(module)
        network = Network(module, kind.__name__, {"custom": f"{kind.__module__}.{kind.__qualname__}"})
        candidates = [(network, _recipe(request, prepared, network.name))]
    elif request.model == "auto":
        names = _auto_names(prepared, timed=train_seconds is not None)
        candidates = [(make_network(n, prepared), _recipe(request, prepared, n)) for n in names]
    else:
        network = make_network(request.model, prepared, request.weights)
        candidates = [(network, _recipe(request, prepared, network.name))]
    chosen, reasons = None, []
    for network, recipe in candidates:
        chosen = _plan(request, prepared, network, recipe, pixels, measure=train_seconds is not None)
        if train_seconds is None or chosen.speed is None or network is candidates[-1][0]:
            break
        epochs = train_seconds / (chosen.speed.step_seconds * len(chosen.batches))
        if epochs >= AUTO_LADDER[network.name]:
            break
    if chosen is None:
        raise InputError("There is no network to choose from.")
    reasons.append(_reason(request, prepared, chosen, train_seconds, device))
    return replace(chosen, reasons=tuple(reasons))


def _auto_names(prepared: Prepared, *, timed: bool) -> list[str]:
    """The compact networks, largest first; without a time to keep, the one that suits the amount of data."""
    names = list(AUTO_LADDER)
    if timed:
        return names
    return ["compact_m" if len(prepared.splits["train"]) >= 2_000 else "compact_s"]


def _recipe(request: TrainRequest, prepared: Prepared, network: str) -> Recipe:
    recipe = recipe_for(network) if request.recipe == "auto" else get_recipe(request.recipe)
    if request.recipe == "auto" and looks_like_characters(prepared.classes):
        recipe = recipe.without_mirroring()
    return replace(recipe, augmentation=Augmentation()) if request.augment == "none" else recipe


def _plan(
    request: TrainRequest,
    prepared: Prepared,
    network: Network,
    recipe: Recipe,
    pixels: Pixels,
    *,
    measure: bool,
) -> Plan:
    device = pixels.device
    module = network.module.to(device, memory_format=torch.channels_last)
    normalise = Normaliser(prepared.preprocessing, device)
    initialise = getattr(module, "initialise_from", None)
    if initialise is not None and request.weights is None:
        rows = torch.from_numpy(
            np.linspace(0, len(pixels) - 1, min(INITIALISATION_COUNT, len(pixels))).astype(int)
        )
        initialise(normalise(pixels.take(rows.to(device))))
    check_takes(module, prepared)
    settings = replace(
        recipe.training,
        seed=request.seed,
        select=request.select,
        patience_epochs=request.patience,
        class_weights=_class_weights(prepared) if request.class_weights == "balanced" else None,
    )
    if request.lr is not None:
        settings = replace(settings, optimiser=replace(settings.optimiser, learning_rate=request.lr))
    if request.label_smoothing is not None:
        settings = replace(settings, label_smoothing=request.label_smoothing)
    batch_size = request.batch_size or recipe.batch_size_for(len(pixels))
    batches = TrainingBatches(
        pixels, normalise, batch_size=batch_size, augmentation=recipe.augmentation, seed=request.seed
    )
    speed = measure_speed(module, batches, settings.optimiser) if measure else None
    epochs = None if request.budget else request.epochs or recipe.epochs
    return Plan(network, recipe, settings, batches, epochs, speed, ())


def _class_weights(prepared: Prepared) -> tuple[float, ...]:
    """Inverse frequency, scaled so that the mean weight of a training picture is 1."""
    counts = prepared.class_counts("train")
    weights = len(prepared.splits["train"]) / (len(counts) * np.maximum(counts, 1))
    return tuple(float(w) for w in weights)


def _reason(
    request: TrainRequest, prepared: Prepared, plan: Plan, train_seconds: float | None, device: torch.device
) -> str:
    shape = prepared.preprocessing
    kind = "grey" if shape.channels == 1 else "colour"
    what = f"{len(plan.batches.pixels):,} {kind} pictures of {shape.width}x{shape.height} px"
    size = plan.batches.batch_size
    how = f"{plan.network.name} with recipe {plan.recipe.name}, batches of {size}, on {device}"
    if plan.epochs is not None:
        return f"{what}: {how}, {plan.epochs} epochs."
    if plan.speed is None or train_seconds is None:
        return f"{what}: {how}."
    epochs = train_seconds / (plan.speed.step_seconds * len(plan.batches))
    return f"{what}: {how}; about {epochs:.1f} epochs fit into {train_seconds:.0f} s of training."
