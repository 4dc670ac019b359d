"""The torch network of a model folder, made again: for explaining, inspecting and further training.

The folder is distrusted as everywhere: the architecture is a name of the registry or a blueprint, the
weights are hashed tensors, and nothing is imported, executed or unpickled. The network is first made without
memory and compared with the weights' shapes, so that a hostile configuration cannot ask for more than its
file holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from torch import Tensor, nn

from foveate.artifact.format import WEIGHTS_NAME, ModelConfig, read_config, read_verified, show_path
from foveate.errors import InputError, ModelFolderError
from foveate.images.preprocess import Preprocessing
from foveate.models.blueprint import build, load_blueprint
from foveate.models.registry import create_model, model_options

MAX_OPTION = 100_000  # no option of a network (widths, depths, sides) is a larger number


@dataclass(frozen=True)
class Rebuilt:
    """module: (N, C, H, W) normalised pictures to scores, in evaluation mode; softmax(scores / temperature)
    are the probabilities of ``model.onnx``. Classes and temperature stand in ``config``.
    """

    module: nn.Module
    config: ModelConfig
    preprocessing: Preprocessing


def rebuild(folder: str | Path) -> Rebuilt:
    """Make the network of a model folder with its weights.

    Raises:
        ModelFolderError: no model folder, a damaged one, one whose network is its maker's own class
            (``custom``), or weights that are not those of its architecture.
        MissingExtraError: torch is not installed.
    """
    folder = Path(folder)
    config = read_config(folder)
    where = show_path(folder)
    try:
        with torch.device("meta"):
            module = _network(config)
        preprocessing = Preprocessing.from_dict(config.preprocessing)
    except InputError as error:
        raise ModelFolderError(f"{where}: its network cannot be made again: {error}") from error
    tensors = _tensors(read_verified(folder, config, WEIGHTS_NAME), where)
    _compare(module.state_dict(), tensors, where)
    module.load_state_dict(tensors, assign=True)
    left = [name for name, buffer in module.named_buffers() if buffer.is_meta]
    if left:  # holds for every network here; one that keeps a table outside its weights must notice
        raise ModelFolderError(f"{where}: its network needs {left[0]}, which its weights do not hold.")
    return Rebuilt(module.eval(), config, preprocessing)


def _network(config: ModelConfig) -> nn.Module:
    architecture, classes, channels = config.architecture, len(config.classes), config.input.channels
    if "custom" in architecture:
        raise InputError(
            f"it is the class {architecture['custom']!r} of whoever trained it, and a model folder's code is "
            "never run; make it in Python and load model.safetensors into it."
        )
    if "blueprint" in architecture:
        return build(load_blueprint(architecture["blueprint"]), classes, channels)
    name, options = architecture["name"], {k: _option(k, v) for k, v in architecture["options"].items()}
    known = model_options(name)
    unknown = sorted(options.keys() - known)
    if unknown:
        raise InputError(f"{name} takes the options {', '.join(known) or 'none'}, and not {unknown[0]!r}.")
    return create_model(name, num_classes=classes, in_channels=channels, **options)


def _option(name: str, value: Any) -> Any:
    """An option as its builder takes it: JSON's lists are tuples there. Refuses numbers beyond reason."""
    if isinstance(value, list):
        return tuple(_option(name, item) for item in value)
    if isinstance(value, int | float) and abs(value) > MAX_OPTION:
        raise InputError(f"option {name} is {value:g}, and {MAX_OPTION:,} is the most that is taken.")
    return value


def _tensors(data: bytes, where: str) -> dict[str, Tensor]:
    try:
        return load_tensors(data)
    except (SafetensorError, ValueError, KeyError) as error:
        raise ModelFolderError(f"{where}: {WEIGHTS_NAME} holds no tensors: {error}.") from error


def _compare(ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor], where: str) -> None:
    differing = [
        name
        for name in sorted(ours.keys() | theirs.keys())
        if name not in ours
        or name not in theirs
        or ours[name].shape != theirs[name].shape
        or ours[name].dtype != theirs[name].dtype
    ]
    if differing:
        raise ModelFolderError(
            f"{where}: {WEIGHTS_NAME} is not of the network in config.json ({len(differing)} tensors differ, "
            f"the first is {differing[0]!r}); copy the model folder again, or train again."
        )
