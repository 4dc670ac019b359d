"""The networks that can be looked into: a model folder, a network of the zoo, a blueprint."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import torch
from torch import nn

from foveate.errors import InputError, MissingExtraError, UnknownNameError
from foveate.graph.recording import Recording, Step, record
from foveate.images.preprocess import Preprocessing
from foveate.modelfolder.to_torch import rebuild
from foveate.models.blueprint import Blueprint, build, load_blueprint
from foveate.models.published import PRETRAINED
from foveate.models.registry import create_model, list_models, model_info

BLUEPRINT_SUFFIXES = {".yaml", ".yml", ".json"}
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
MOST_NUMBERS = 1_000_000_000  # 4 GB; EfficientNet-B7 makes as many
SEED = 0  # of random weights: the same network looks the same tomorrow


@dataclass(frozen=True)
class Net:
    """A network with what belongs to it.

    module: (N, C, H, W) normalised pictures to scores, in evaluation mode; softmax(scores / temperature) are
    the probabilities. classes: None where they have no names. weights: "trained", "published" or "random".
    """

    name: str
    title: str
    module: nn.Module
    preprocessing: Preprocessing
    classes: tuple[str, ...] | None
    weights: str
    temperature: float = 1.0

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of its pictures."""
        p = self.preprocessing
        return p.channels, p.height, p.width

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The network's structure, the probabilities as its last step: what a run on zeros went through."""
        x = torch.zeros(1, *self.input_shape)
        return with_softmax(record(self.module, x), self.temperature).steps

    @property
    def run_bytes(self) -> int:
        """Memory of all values of one run."""
        return sum(4 * math.prod(step.shape) for step in self.steps)

    def class_name(self, number: int) -> str:
        """What a class is called."""
        return f"class {number}" if self.classes is None else self.classes[number]


def open_net(source: str) -> Net:
    """A network by what a person calls it: a model folder, a name of the zoo, or a blueprint's file.

    Raises InputError where it is none of them, or its network cannot be made.
    """
    path = Path(source)
    if source in list_models():
        return named(source)
    if path.suffix.lower() in BLUEPRINT_SUFFIXES:
        blueprint = load_blueprint(path)
        return designed(blueprint, blueprint.name or path.stem)
    if path.is_dir():
        return trained(path, path.resolve().name)
    if path.exists():
        raise InputError(
            f"{source} is neither a model folder, nor a network's name, nor a blueprint (.yaml, .yml, .json)."
        )
    raise UnknownNameError("network or model folder", source, list_models())


def trained(folder: Path, name: str) -> Net:
    """The network of a model folder."""
    made = rebuild(folder)
    title = str(made.config.architecture.get("name") or "its own blueprint")
    return Net(
        name=name,
        title=title,
        module=made.module,
        preprocessing=made.preprocessing,
        classes=tuple(made.config.classes),
        weights="trained",
        temperature=made.config.temperature,
    )


def named(name: str) -> Net:
    """A network of the zoo, with published weights where a package has them, else with random ones.

    Raises UnknownNameError.
    """
    info = model_info(name)
    known = PRETRAINED.get(name)
    module: nn.Module
    try:
        module = create_model(name, pretrained=True) if known else _seeded(lambda: create_model(name))
    except MissingExtraError:
        known, module = None, _seeded(lambda: create_model(name))
    channels, height, width = info.input_size
    return Net(
        name=name,
        title=f"{info.family}, {info.year}",
        module=module.eval(),
        preprocessing=known.preprocessing if known else usual_preprocessing(channels, height, width),
        classes=known.classes if known else None,
        weights="published" if known else "random",
    )


def designed(blueprint: Blueprint, name: str) -> Net:
    """The network of a blueprint, with random weights. Raises InputError for one too large to look into."""
    values = sum(math.prod(shape) for _, _, shape in blueprint.shapes())
    if max(values, blueprint.parameters) > MOST_NUMBERS:
        raise InputError(
            f"This network has {blueprint.parameters:,} parameters and makes {values:,} numbers "
            f"of a picture; the inspector takes up to {MOST_NUMBERS:,} of each."
        )
    return Net(
        name=name,
        title="a blueprint",
        module=_seeded(lambda: build(blueprint)).eval(),
        preprocessing=usual_preprocessing(*blueprint.input),
        classes=None,
        weights="random",
    )


def usual_preprocessing(channels: int, height: int, width: int) -> Preprocessing:
    """ImageNet's colours for colour pictures, 0..1 for grey ones."""
    if channels == 3:
        return Preprocessing(height, width, mean=IMAGENET_MEAN, std=IMAGENET_STD)
    if channels == 1:
        return Preprocessing(height, width, channels)
    raise InputError(f"Pictures have 1 or 3 channels, and this network takes {channels}.")


def with_softmax(recording: Recording, temperature: float) -> Recording:
    """The recording with the probabilities as its last step: softmax(scores / temperature)."""
    scores, last = recording.values[-1], len(recording.steps) - 1
    if scores.ndim != 1:
        raise InputError(f"The network must give one score a class, and gives {tuple(scores.shape)}.")
    step = replace(
        recording.steps[-1],
        op="softmax",
        label="softmax",
        function="softmax",
        module=None,
        inputs=(last,),
        settings={"temperature": float(temperature)},
        tensors={},
        parameters={},
        fresh=0,
        macs=0,
    )
    values = (*recording.values, torch.softmax(scores / temperature, dim=0))
    return Recording((*recording.steps, step), values)


def names_of(classes: Sequence[str] | None) -> list[str] | None:
    """Class names that every page can show: what UTF-8 cannot hold becomes U+FFFD."""
    if classes is None:
        return None
    return [name.encode("utf-8", "replace").decode("utf-8") for name in classes]


def _seeded(make: Callable[[], nn.Module]) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        return make()
