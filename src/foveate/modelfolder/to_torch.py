"""The torch network of a model folder, made again: for explaining, inspecting and further training.

The folder is distrusted as everywhere: the architecture is a name of the registry or a blueprint, the
weights are hashed tensors, and nothing is imported, executed or unpickled. The network is first made without
memory and compared with the weights' shapes, so that a hostile configuration cannot ask for more than its
file holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from torch import Tensor, nn

from foveate.errors import InputError, ModelFolderError, show_path
from foveate.images.preprocess import Preprocessing
from foveate.modelfolder.read import of_one_model, read_verified
from foveate.models.anatomy import Network
from foveate.models.blueprint import build, load_blueprint
from foveate.models.model import Model
from foveate.models.refined import refined
from foveate.models.registry import create_model, model_options
from foveate.models.weightless import weightless
from foveate.runtime.config import WEIGHTS_NAME, ModelConfig

MAX_OPTION = 100_000  # no option of a network (widths, depths, sides) is a larger number


def rebuild(folder: str | Path) -> Model:
    """The network of a model folder with its weights; its probabilities are those of ``model.onnx``.

    Raises:
        ModelFolderError: no model folder, a damaged one, one whose network is its maker's own class
            (``custom``), or weights that are not those of its architecture.
        MissingExtraError: torch is not installed.
    """
    return of_one_model(folder, lambda config: _rebuilt(Path(folder), config))


def _rebuilt(folder: Path, config: ModelConfig) -> Model:
    where = show_path(folder)
    try:
        with weightless():
            module = network_of(config.architecture, len(config.task.labels), config.input.channels)
        preprocessing = Preprocessing.from_dict(config.preprocessing)
    except InputError as error:
        raise ModelFolderError(f"{where}: its network cannot be made again: {error}") from error
    tensors = _tensors(read_verified(folder, config, WEIGHTS_NAME), where)
    _compare(module.state_dict(), tensors, where)
    module.load_state_dict(tensors, assign=True)
    left = [name for name, buffer in module.named_buffers() if buffer.is_meta]
    if left:  # holds for every network here; one that keeps a table outside its weights must notice
        raise ModelFolderError(f"{where}: its network needs {left[0]}, which its weights do not hold.")
    return Model(
        name=folder.resolve().name,
        module=module.eval(),
        preprocessing=preprocessing,
        task=config.task,
        architecture=config.architecture,
        source=f"the model folder {folder.name}",
    )


def network_of(
    architecture: Mapping[str, Any], num_classes: int, in_channels: int, size: tuple[int, int] | None = None
) -> nn.Module:
    """The network that ``config.json`` describes, with fresh weights (none at all on torch's meta device).

    Args:
        size: (height, width) of the pictures to make it for, where they are not those it was trained on.

    Raises:
        InputError: its maker's own class, an unknown name or option, or a wrong blueprint.
    """
    if "custom" in architecture:
        raise InputError(
            f"it is the class {architecture['custom']!r} of whoever trained it, and a model folder's code is "
            "never run; make it in Python and load model.safetensors into it."
        )
    network = _plain(architecture, num_classes, in_channels, size)
    return refined(network, _options(architecture["refine"])) if "refine" in architecture else network


def _plain(
    architecture: Mapping[str, Any], num_classes: int, in_channels: int, size: tuple[int, int] | None
) -> Network:
    """The network without what stands behind it."""
    if "blueprint" in architecture:
        blueprint = load_blueprint(architecture["blueprint"])
        if size is not None:
            blueprint = blueprint.adapted(channels=in_channels, size=size)
        return build(blueprint, num_classes, in_channels)
    name, options = architecture["name"], _options(architecture["options"])
    known = model_options(name)
    unknown = sorted(options.keys() - known)
    if unknown:
        raise InputError(f"{name} takes the options {', '.join(known) or 'none'}, and not {unknown[0]!r}.")
    # Networks whose dense layers count on the picture's size are made for the size that is asked for.
    if size is not None and "image_size" in known:
        options["image_size"] = size
    return create_model(name, num_classes=num_classes, in_channels=in_channels, **options)


def _options(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _option(name, value) for name, value in given.items()}


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
