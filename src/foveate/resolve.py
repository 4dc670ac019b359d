"""From what a person calls a network to the network: the one place that makes a `Model` of a name.

resolve("runs/pets")                                # a model folder
resolve("efficientnet_lite0")                       # a registered network with its published weights
resolve("resnet18", "resnet18-f37072fd.pth")        # ... with the weights of a file, or of a hub
resolve("net.yaml", untrained=True)                 # a blueprint; its weights are random
resolve("hf:timm/resnet18.a1_in1k", download=True)  # a hub's weights; its config.json names the network
resolve("timm:resnet18.a1_in1k", download=True)     # timm's own module with them, where timm is installed
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from foveate.errors import InputError, MissingExtraError, WeightsError
from foveate.images.preprocess import Preprocessing
from foveate.modelfolder.read import read_config
from foveate.modelfolder.to_torch import network_of, rebuild
from foveate.models.anatomy import Network
from foveate.models.blueprint import Blueprint, build, load_blueprint
from foveate.models.hub import HubWeights, hub_weights
from foveate.models.model import Model
from foveate.models.names import (
    BlueprintFile,
    Folder,
    HubName,
    Registered,
    is_hub_name,
    parse_hub_name,
    read_name,
)
from foveate.models.on_trunk import OnTrunk
from foveate.models.pretrained import from_file, implied_options, load_weights, tells_voc_classes
from foveate.models.published import PRETRAINED, usual_preprocessing
from foveate.models.refined import Refined
from foveate.models.registry import create_model, list_models, model_info, model_options
from foveate.models.segmenter import Segmenter
from foveate.tasks.base import Task
from foveate.tasks.captioning.task import Captioning
from foveate.tasks.classification.task import Classification
from foveate.tasks.detection.task import Detection
from foveate.tasks.labels import numbered
from foveate.tasks.segmentation.colours import VOC_CLASSES
from foveate.tasks.segmentation.task import Segmentation
from foveate.words import setting

Say = Callable[[str], None]
Shape = tuple[int, int, int]
_Module = TypeVar("_Module", bound=nn.Module)
MOST_NUMBERS = 1_000_000_000  # 4 GB; EfficientNet-B7 makes as many
SEED = 0  # of random weights: the same network looks the same tomorrow


def _silent(sentence: str) -> None: ...


def resolve(
    name: str,
    weights: str | Path | None = None,
    *,
    untrained: bool = False,
    download: bool = False,
    say: Say = _silent,
) -> Model:
    """The network that a name means, in evaluation mode.

    Args:
        name: a model folder, a registered network, a blueprint's file, a hub's weights, or timm:NAME.
        weights: a file or a hub's name, for a network that has none of its own or is to have others.
        untrained: a network without weights gets random ones, always the same; else it is refused.
        download: whether a hub's weights may be fetched; ``say`` is told before.

    Raises:
        InputError: it means nothing, or its network cannot be made. WeightsError: the weights do not fit.
        MissingExtraError: published weights are not installed, and it is not to be untrained.
    """
    named = read_name(name)
    if weights is not None and isinstance(named, Folder | HubName):
        raise InputError(
            f"{setting('weights')} belongs to a network's name; a model folder and a hub have their own."
        )
    if weights is None and not untrained and isinstance(named, Registered) and named.weights is not None:
        weights = str(named.weights)
    match named:
        case Folder(path):
            return rebuild(path)
        case HubName():
            return from_hub(named, None, download=download, say=say)
        case Registered(network) if weights is not None and is_hub_name(str(weights)):
            return from_hub(parse_hub_name(str(weights)), network, download=download, say=say)
        case Registered(network):
            if weights is None:
                return registered(network, untrained=untrained)
            made = with_file(network, weights)
            told = network in PRETRAINED or _own_preprocessing(made.module) is not None
            if not told and made.preprocessing.channels == 3:
                say("Weights from a file tell no preprocessing; torchvision's for ImageNet is assumed.")
            return made
        case BlueprintFile(path):
            if weights is None and not untrained:
                raise InputError(_without_weights(name))
            blueprint = load_blueprint(path)
            model = designed(blueprint, blueprint.name or path.stem)
            return model if weights is None else _filled(model, Path(weights))


def registered(name: str, *, untrained: bool = False) -> Model:
    """A registered network with its published weights, or, if it may be ``untrained``, with random ones."""
    if name in PRETRAINED:
        try:
            return published(name)
        except MissingExtraError:
            if not untrained:
                raise
    info = model_info(name)  # raises UnknownNameError
    if not untrained:
        raise InputError(_without_weights(name))
    module = _seeded(lambda: create_model(name))
    task = _unnamed(info.num_classes, info.output)
    return _random(name, module, info.input_size, {"name": name, "options": {}}, task)


def published(name: str, image_size: int | None = None) -> Model:
    """A network whose ImageNet weights come as a Python package, for pictures of its own size or another.

    Raises:
        WeightsError: there is no such package for this network, or its file is damaged.
        MissingExtraError: the package is not installed.
    """
    module = create_model(name, pretrained=True).eval()
    known = PRETRAINED[name]
    return Model(
        name=name,
        module=module,
        preprocessing=_sized(known.preprocessing, image_size),
        task=Classification(known.classes),
        architecture={"name": name, "options": {}},
        weights="published",
        source=f"ImageNet weights of {known.package} ({known.licence})",
    )


def with_file(name: str, path: str | Path, *, image_size: int | None = None, headless: bool = False) -> Model:
    """A registered network with the weights of a file, of as many classes as these have.

    A file tells no preprocessing: it is that of the network's published weights where there are some, and
    else torchvision's for ImageNet. ``headless``: the file may lack the last dense layer.

    Raises WeightsError: the weights do not fit.
    """
    path = Path(path)
    options = dict(implied_options(path))
    if image_size is not None and "image_size" in model_options(name):
        options["image_size"] = (image_size, image_size)
    module = from_file(name, path, skip_head=None if headless else False, options=options).eval()
    known = PRETRAINED.get(name)
    classes = known.classes if known and len(known.classes) == module.num_classes else None
    info = model_info(name)
    size, maps = info.input_size, info.output != "vector"
    usual = known.preprocessing if known else module.preprocessing
    usual = usual or usual_preprocessing(*size, learnt=True, maps=maps)
    if info.output == "map" and tells_voc_classes(path):
        task: Task = Segmentation(VOC_CLASSES)
    else:
        task = Classification(classes) if classes else _unnamed(module.num_classes, info.output)
    return Model(
        name=name,
        module=module,
        preprocessing=_sized(usual, image_size),
        task=task,
        architecture={"name": name, "options": options},
        weights="given",
        source=f"the weights of {path.name}",
    )


def from_hub(
    weights: HubName,
    network: str | None,
    *,
    image_size: int | None = None,
    headless: bool = False,
    download: bool = False,
    say: Say = _silent,
) -> Model:
    """A hub's weights, for a named network or the one that their config.json names, preprocessing included.

    Raises as `foveate.models.hub.hub_weights`; WeightsError where no network is named.
    """
    found = hub_weights(weights, download=download, say=say)
    name = network or _named_by(found)
    model = with_file(name, found.path, image_size=image_size, headless=headless)
    own = model.preprocessing if found.preprocessing is None else _sized(found.preprocessing, image_size)
    return replace(model, preprocessing=own, source=found.source)


def designed(blueprint: Blueprint, name: str) -> Model:
    """The network of a blueprint, with random weights. Raises InputError for one too large to look into."""
    values = sum(math.prod(shape) for _, _, shape in blueprint.shapes())
    if max(values, blueprint.parameters) > MOST_NUMBERS:
        raise InputError(
            f"This network has {blueprint.parameters:,} parameters and makes {values:,} numbers "
            f"of a picture; up to {MOST_NUMBERS:,} of each can be looked into."
        )
    module = _seeded(lambda: build(blueprint))
    task = _unnamed(module.num_classes, "map" if blueprint.scores_pixels else "vector")
    return _random(name, module, blueprint.input, {"blueprint": blueprint.to_dict()}, task)


def made_for(
    choice: Registered | BlueprintFile,
    preprocessing: Preprocessing,
    task: Task,
    weights: Path | None = None,
    options: Mapping[str, Any] | None = None,
) -> Model:
    """A network for the pictures and the task of a data set, to be trained: its weights are drawn from
    torch's generator, or a file's; its last layer is fresh where the file's counts other labels.

    options: of a registered network, in place of its own.

    Raises:
        InputError: a wrong blueprint, weights that do not fit, or pictures of a size that the network cannot
            take (with the size formula).
    """
    size, count = (preprocessing.height, preprocessing.width), len(task.labels)
    if isinstance(choice, BlueprintFile):
        blueprint = load_blueprint(choice.path)
        blueprint = blueprint.adapted(classes=count, channels=preprocessing.channels, size=size)
        module: Network = build(blueprint)
        name = choice.path.stem
        architecture: dict[str, Any] = {"blueprint": blueprint.to_dict()}
    else:
        name = choice.name
        known = model_options(name)
        given: dict[str, Any] = {} if weights is None else dict(implied_options(weights))
        given |= {key: value for key, value in task.network_options.items() if key in known}
        given |= options or {}
        if "image_size" in known:
            given["image_size"] = size
        if {"mean", "std"} <= known.keys():  # it finds pixels again from what it is given
            given |= {"mean": preprocessing.mean, "std": preprocessing.std}
        module = create_model(name, num_classes=count, in_channels=preprocessing.channels, **given)
        architecture = {"name": name, "options": given}
    if weights is None:
        return Model(name, module, preprocessing, task, architecture, "random", "random weights")
    load_weights(module, weights, skip_head=None)
    return Model(name, module, preprocessing, task, architecture, "given", f"the weights of {weights.name}")


def with_trunk(model: Model, trunk: Model) -> Model:
    """A network that is built on a trunk, with the trunk's weights taken from a classifier.

    Raises InputError for a network without such a trunk.
    """
    if not isinstance(model.module, Segmenter | OnTrunk) or not isinstance(trunk.module, Network):
        raise InputError(f"{model.name} has no trunk that starts from the weights of {trunk.name}.")
    model.module.load_trunk(trunk.module)
    return replace(model, weights="published", source=f"a trunk with the {trunk.source}")


def with_field(model: Model) -> Model:
    """A network for maps of classes with a Markov random field behind it, drawn from torch's generator.

    Raises InputError for a module that is none of `foveate.models`.
    """
    if not isinstance(model.module, Network):
        raise InputError(f"{model.name} takes no field behind it: it is no foveate.Network.")
    module = Refined(model.module)
    return replace(model, module=module, architecture={**model.architecture, "refine": module.options})


def outlined(
    name: str, size: Shape | None, num_classes: int | None, *, download: bool = False
) -> tuple[nn.Module, Shape]:
    """The network that a name means, without weights, and the (C, H, W) of its pictures.

    Make it within `foveate.models.weightless.weightless`, and it takes no memory.

    Args:
        size: of the pictures, where they are not to be the network's own; so for ``num_classes``.

    Raises InputError: it means nothing, or cannot be made so.
    """
    match read_name(name):
        case Folder(path):
            config = read_config(path)
            shape = size or (config.input.channels, config.input.height, config.input.width)
            if "custom" in config.architecture:
                raise InputError(
                    f"{name} holds a network of its maker's own code, which is never run; "
                    "summarise it in Python with foveate.graph.summary.summarize."
                )
            classes = num_classes or len(config.task.labels)
            return network_of(config.architecture, classes, shape[0], shape[1:] if size else None), shape
        case BlueprintFile(path):
            blueprint = load_blueprint(path)
            if size is not None:
                blueprint = blueprint.adapted(channels=size[0], size=size[1:])
            return build(blueprint, num_classes), blueprint.input
        case Registered(network):
            pass
        case HubName() as hub:
            network = _named_by(hub_weights(hub, download=download))
    shape = size or model_info(network).input_size
    # Networks whose dense layers count on the picture's size are made for the size that is asked for.
    sized = size is not None and "image_size" in model_options(network)
    options: dict[str, Any] = {"image_size": shape[1:]} if sized else {}
    return create_model(network, num_classes=num_classes, in_channels=shape[0], **options), shape


def _named_by(found: HubWeights) -> str:
    """The network that a hub's config.json names. Raises WeightsError where it names none of ours."""
    if found.architecture not in list_models():
        raise WeightsError(
            f"{found.name.repo} names {found.architecture or 'no network'} in its config.json, which is none "
            "of those that `foveate models` lists; name the one that its weights belong to as the network "
            f"(timm:NAME is one of timm's), and them as its {setting('weights')}."
        )
    return found.architecture


def _without_weights(name: str) -> str:
    return (
        f"{name} comes without weights, and an untrained network has nothing to explain: give "
        f"{setting('weights', 'FILE')}, or a model folder."
    )


def _unnamed(num_classes: int, output: str) -> Task:
    """What so many outputs of this kind (`ModelInfo.output`) mean, whose classes nobody has named."""
    kinds: dict[str, Callable[[int], Task]] = {
        "vector": Classification.unnamed,
        "map": lambda count: Segmentation(numbered(count)),
        "boxes": lambda count: Detection(numbered(count)),
        "words": Captioning.unnamed,
    }
    return kinds[output](num_classes)


def _own_preprocessing(module: nn.Module) -> Preprocessing | None:
    """What a network's published weights are known to have been learnt with, beside those of packages."""
    return module.preprocessing if isinstance(module, Network) else None


def _random(name: str, module: nn.Module, shape: Shape, architecture: Mapping[str, Any], task: Task) -> Model:
    return Model(
        name=name,
        module=module.eval(),
        preprocessing=_own_preprocessing(module)
        or usual_preprocessing(*shape, learnt=False, maps=not task.whole_picture),
        task=task,
        architecture=architecture,
        weights="random",
        source="random weights",
    )


def _filled(model: Model, path: Path) -> Model:
    """A blueprint's network with the weights of a file."""
    if not isinstance(model.module, Network):
        raise TypeError(f"{model.name} is no network of foveate.models")
    load_weights(model.module, path)
    return replace(model, weights="given", source=f"the weights of {path.name}")


def _sized(preprocessing: Preprocessing, side: int | None) -> Preprocessing:
    return preprocessing if side is None else replace(preprocessing, height=side, width=side)


def _seeded(make: Callable[[], _Module]) -> _Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        return make()
