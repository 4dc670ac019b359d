"""Weights made elsewhere: loading them from a file, or from the package that publishes them."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from foveate.errors import MissingExtraError, WeightsError
from foveate.models.anatomy import Network
from foveate.models.catalogue import CATALOGUE
from foveate.models.published import PRETRAINED
from foveate.models.registry import create_model
from foveate.models.weightless import weightless
from foveate.models.weights_file import read_weights, renamed
from foveate.words import setting, some

# Options that a published file implies, by the first eight digits of its SHA-256, which torchvision writes
# into its file names: its GoogLeNet was trained on pictures scaled by 0.5 and 0.5.
FILE_OPTIONS: dict[str, dict[str, Any]] = {"1378be20": {"transform_input": True}}
# Its networks that score pixels tell VOC's classes, learnt from COCO's pictures that show them: fcn_resnet50,
# fcn_resnet101, deeplabv3_resnet50, deeplabv3_mobilenet_v3_large, lraspp_mobilenet_v3_large.
VOC_FILES = {"1167a1af", "7ecb50ca", "cd0a2569", "fc3c493d", "d234d4ea"}
NAMED = 4  # tensors that an error names


def load_pretrained(network: Network, name: str) -> None:
    """Load the published weights of the named network, of the published number of classes.

    Raises :class:`WeightsError` where none are published as a package, or the file is not the published one,
    and :class:`MissingExtraError` where the package is not installed.
    """
    if name not in PRETRAINED:
        raise WeightsError(
            f"No pretrained weights of {name} come as a package (of {', '.join(PRETRAINED)} they do); "
            f"get torchvision's or timm's file and give it with {setting('weights', 'FILE')}."
        )
    published = PRETRAINED[name]
    found = importlib.util.find_spec(published.package)
    if found is None or not found.submodule_search_locations:
        raise MissingExtraError(f"Pretrained {name}", "pretrained")
    path = Path(found.submodule_search_locations[0]) / published.file
    digest = _sha256(path)
    if digest != published.sha256:
        raise WeightsError(
            f"{path} is not the published file: its SHA-256 is {digest}, not {published.sha256}."
        )
    load_weights(network, path)


def load_weights(module: Network, path: str | Path, *, skip_head: bool | None = False) -> None:
    """Fill a network with the weights of a file, strictly: every tensor is there and has its shape.

    ``path`` is a ``.safetensors``, ``.pth`` or ``.pt`` file (or a folder with ``model.safetensors``) with
    torchvision's key names, or timm's where the network knows them. With ``skip_head`` the last dense layer
    keeps the weights it has: for a file that was made for other classes. None skips it just then.

    Raises :class:`WeightsError`, which names the keys that are missing or not expected, the shapes that
    differ, and the registered network that the file looks like; also for values that are not finite.
    """
    _load(module, _in_our_names(module, read_weights(path)), Path(path), skip_head)


def from_file(
    name: str, path: str | Path, *, skip_head: bool | None = False, options: Mapping[str, Any] | None = None
) -> Network:
    """A registered network of as many classes as the file's head has, with the weights of the file.

    ``skip_head`` as in :func:`load_weights`; ``options`` of :func:`create_model`, `implied_options` at least.
    Raises :class:`WeightsError`.
    """
    network = create_model(name, **(implied_options(path) if options is None else options))
    weights = _in_our_names(network, read_weights(path))
    bias = weights.get(f"{network.classifier_layers()[0]}.bias")
    if bias is not None and len(bias) not in (0, network.num_classes):
        network.reset_classifier(len(bias))
    _load(network, weights, Path(path), skip_head)
    return network


def _load(module: Network, weights: dict[str, Tensor], path: Path, skip_head: bool | None) -> None:
    if skip_head is None:
        head = {name: value for name, value in module.state_dict().items() if _in_head(module, name)}
        skip_head = any(k not in weights or weights[k].shape != value.shape for k, value in head.items())
    if skip_head:
        weights = {name: value for name, value in weights.items() if not _in_head(module, name)}
    _check(module, weights, path, skip_head)
    _check_finite(weights, path)
    module.load_state_dict(weights, strict=False)
    for option, value in implied_options(path).items():
        setattr(module, option, value)


def implied_options(path: str | Path) -> dict[str, Any]:
    """Options of :func:`create_model` that a published file implies, for whoever writes them down.

    torchvision's GoogLeNet implies ``transform_input``. :func:`load_weights` sets them on the network too.
    """
    return FILE_OPTIONS.get(_digits(Path(path)), {})


def tells_voc_classes(path: str | Path) -> bool:
    """Whether this is one of torchvision's files whose 21 scores a pixel are those of VOC's classes."""
    return _digits(Path(path)) in VOC_FILES


_PICTURES = {1: "grey pictures (1 channel)", 3: "colour pictures (3 channels)"}


def _digits(path: Path) -> str:
    """The first eight of its SHA-256; "" for what is no file."""
    return _sha256(path)[:8] if path.is_file() else ""


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _in_our_names(module: Network, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    for table in module.foreign_names():
        ours = renamed(weights, table)
        if ours is not None:
            return module.fitted(ours)
    return module.fitted({name: value for name, value in weights.items() if not module.is_optional(name)})


def _in_head(module: Network, name: str) -> bool:
    return any(name.startswith(f"{layer}.") for layer in module.classifier_layers())


def _check(module: Network, weights: Mapping[str, Tensor], path: Path, skip_head: bool) -> None:
    own = {k: v for k, v in module.state_dict().items() if not (skip_head and _in_head(module, k))}
    # Files from before 2018 lack the counter, which only a cumulative running average would use.
    missing = [k for k in own if k not in weights and not k.endswith("num_batches_tracked")]
    unexpected = [k for k in weights if k not in own]
    differ = [k for k in own if k in weights and own[k].shape != weights[k].shape]
    if not (missing or unexpected or differ):
        return
    if not (missing or unexpected):
        _check_channels(own, weights, module, path)
    complaints = []
    if missing:
        complaints.append(f"{len(missing)} missing ({some(missing, NAMED)})")
    if unexpected:
        complaints.append(f"{len(unexpected)} not expected ({some(unexpected, NAMED)})")
    if differ:
        shapes = [f"{k} is {_shape(weights[k])} and should be {_shape(own[k])}" for k in differ]
        complaints.append(f"{len(differ)} of another shape ({some(shapes, NAMED)})")
    raise WeightsError(
        f"{path} does not fit {type(module).__name__}: of its {len(own)} tensors, {'; '.join(complaints)}. "
        + _advice(module, weights, missing, unexpected, differ)
    )


def _check_channels(
    own: Mapping[str, Tensor], weights: Mapping[str, Tensor], module: Network, path: Path
) -> None:
    """Raises WeightsError where the first layer sees another kind of picture, from which the rest follows."""
    first = next((name for name, value in own.items() if value.ndim == 4), None)
    if first is None or weights[first].ndim != 4 or weights[first].shape[1] == own[first].shape[1]:
        return
    learnt, here = (
        _PICTURES.get(n := one[first].shape[1], f"pictures of {n} channels") for one in (weights, own)
    )
    raise WeightsError(
        f"{path} was learnt on {learnt}, and {type(module).__name__} is to take {here}; give pictures of its "
        "kind, or weights for these."
    )


def _check_finite(weights: Mapping[str, Tensor], path: Path) -> None:
    wrong = [
        name
        for name, value in weights.items()
        if value.is_floating_point() and not torch.isfinite(value).all()
    ]
    if wrong:
        raise WeightsError(
            f"{path} holds values that are NaN or infinite ({some(wrong, NAMED)}): the training that it "
            "comes from had failed, or the file is damaged; take an earlier one."
        )


def _advice(
    module: Network,
    weights: Mapping[str, Tensor],
    missing: list[str],
    unexpected: list[str],
    differ: list[str],
) -> str:
    if not missing and not unexpected and all(_in_head(module, name) for name in differ):
        classes = weights[f"{module.classifier_layers()[0]}.bias"].shape[0]
        return (
            f"Only the head differs: make the network with num_classes={classes}, "
            "or skip the head (skip_head=True)."
        )
    if sentence := module.misfit(weights):
        return sentence
    likeness = lookalike(weights)
    if likeness is None:
        return "The file looks like none of the networks that `foveate models` lists."
    return f"The file looks like {likeness}."


def lookalike(weights: Mapping[str, Tensor]) -> str | None:
    """The name of the registered network whose names and shapes these weights have, the head aside, or None.

    Networks are made without memory (meta device). At least nine of ten names with their shapes must agree.
    """
    best, best_share = None, 0.9
    for name in CATALOGUE:
        with weightless():
            candidate = create_model(name)
        ours = _in_our_names(candidate, dict(weights))
        theirs = _signature(candidate, candidate.state_dict())
        file = _signature(candidate, ours)
        share = len(file & theirs) / max(len(file | theirs), 1)
        if share == 1:
            return name
        if share > best_share:
            best, best_share = name, share
    return best


def _signature(module: Network, weights: Mapping[str, Tensor]) -> set[tuple[str, tuple[int, ...]]]:
    return {
        (name, tuple(value.shape))
        for name, value in weights.items()
        if not _in_head(module, name) and not name.endswith("num_batches_tracked")
    }


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "a number"
