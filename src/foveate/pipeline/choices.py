"""What --model and --weights may say, as types: their text is read once, when a request is made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from foveate.errors import UnknownNameError
from foveate.models.blueprint import load_blueprint
from foveate.models.names import (
    BlueprintFile,
    HubName,
    Registered,
    is_blueprint_name,
    is_hub_name,
    is_timm_name,
    parse_hub_name,
)
from foveate.models.registry import list_models, model_info


@dataclass(frozen=True)
class Auto:
    """Whatever suits the pictures."""


@dataclass(frozen=True)
class NoWeights:
    """A start from chance."""


@dataclass(frozen=True)
class PublishedWeights:
    """Those that come as a Python package."""


@dataclass(frozen=True)
class WeightsFile:
    """A file of weights, or a folder that holds one; it may not be there."""

    path: Path


ModelChoice = Auto | Registered | BlueprintFile
WeightsChoice = Auto | NoWeights | PublishedWeights | WeightsFile | HubName


def parse_model(text: str) -> ModelChoice:
    """What --model says. Raises UnknownNameError, which says what it can be."""
    if text == "auto":
        return Auto()
    if is_blueprint_name(text):
        return BlueprintFile(Path(text))
    if is_timm_name(text):
        return Registered(model_info(text).name)
    if text not in (names := list_models()):
        raise UnknownNameError("network", text, [*names, "auto"])
    return Registered(text)


def parse_weights(text: str | None) -> WeightsChoice:
    """What --weights says. Raises InputError for a hub's name of another form."""
    if text is None:
        return Auto()
    if text == "none":
        return NoWeights()
    if text == "imagenet":
        return PublishedWeights()
    return parse_hub_name(text) if is_hub_name(text) else WeightsFile(Path(text))


def blueprint_size(choice: ModelChoice) -> tuple[int, int] | None:
    """The (height, width) that pictures must have for a blueprint; None for other networks."""
    return load_blueprint(choice.path).input[1:] if isinstance(choice, BlueprintFile) else None


def usual_side(choice: ModelChoice) -> int | None:
    """The side of the pictures that a network of the guides was made for; None for the others."""
    return model_info(choice.name).input_size[1] if isinstance(choice, Registered) else None
