"""Backbones: models whose layers were learnt elsewhere, as starting points for other classes."""

from __future__ import annotations

import copy
import hashlib
import json
from dataclasses import replace
from pathlib import Path

from torch import nn

from foveate.errors import WeightsError
from foveate.images.preprocess import Fit
from foveate.models.anatomy import Network
from foveate.models.model import Model
from foveate.resolve import with_file

# Smallest first, each about half as dear again as the one before it.
PACKAGED = ("efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2")
FEATURES_VERSION = 3  # raised when the same weights and pictures give other features


def backbone_from_file(name: str, weights: Path, image_size: int | None = None) -> Model:
    """A registered network with the weights of a file, whatever classes they were learnt for.

    Raises:
        WeightsError: the weights do not fit the network, or it takes no colour pictures of any size.
    """
    return usable(with_file(name, weights, image_size=image_size, headless=True))


def usable(model: Model) -> Model:
    """The model, if it can be a backbone: for colour pictures of any size.

    Raises WeightsError where it cannot.
    """
    network = network_of(model)
    if network.in_channels != 3 or network.image_size is not None:
        raise WeightsError(
            f"{model.name} takes {model.preprocessing.height} px pictures with {network.in_channels} "
            "channel(s) only, which is no backbone for photographs; `foveate models` lists others, such as "
            "resnet18."
        )
    return model


def network_of(model: Model) -> Network:
    """The model's module, with the head it came with. Never changed: `for_classes` copies it."""
    if not isinstance(model.module, Network):
        raise TypeError(f"{model.name} does not say which of its layers make the features")
    return model.module


def identity(model: Model) -> str:
    """A hash of what decides the features of given pixels: weights, layers, normalisation."""
    scaling = [model.preprocessing.mean, model.preprocessing.std]
    facts = [FEATURES_VERSION, dict(model.architecture), scaling]
    digest = hashlib.blake2b(json.dumps(facts, sort_keys=True).encode(), digest_size=12)
    network = network_of(model)
    head = set(network.classifier_layers())
    for name, tensor in network.state_dict().items():
        if name.rpartition(".")[0] not in head:
            digest.update(name.encode())
            digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()


def width(model: Model) -> int:
    """How many features a picture has."""
    network = network_of(model)
    layer = network.get_submodule(network.classifier_name)
    if not isinstance(layer, nn.Linear):  # holds for every family; a new one must notice at once
        raise TypeError(f"{network.classifier_name} of {type(network).__name__} is no Linear layer")
    return layer.in_features


def with_fit(model: Model, fit: Fit | None) -> Model:
    """The same for pictures that come to size so; None leaves it as the weights were learnt."""
    return model if fit is None else replace(model, preprocessing=replace(model.preprocessing, fit=fit))


def for_classes(model: Model, num_classes: int) -> Network:
    """A copy of the network with a fresh head for other classes."""
    network = copy.deepcopy(network_of(model))
    network.reset_classifier(num_classes)
    return network
