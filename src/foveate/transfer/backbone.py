"""A network with learnt weights, to take features from: a published one, or one from a file."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

from foveate.errors import WeightsError
from foveate.images.preprocess import Fit, Preprocessing
from foveate.models.anatomy import Network
from foveate.models.pretrained import PRETRAINED, implied_options, load_pretrained, load_weights
from foveate.models.registry import create_model, model_info

# Smallest first, each about half as dear again as the one before it.
PACKAGED = ("efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2")
FEATURES_VERSION = 3  # raised when the same weights and pictures give other features
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Backbone:
    """A network with learnt weights.

    Attributes:
        network: with the head it came with, in evaluation mode. Never changed: `for_classes` copies it.
        architecture: how config.json writes it down.
        preprocessing: what pictures go through, in training as in use: that which its weights were learnt
            with, as far as nothing else was asked for.
        source: where the weights come from, in words.
    """

    name: str
    network: Network
    architecture: Mapping[str, Any]
    preprocessing: Preprocessing
    source: str

    @property
    def identity(self) -> str:
        """A hash of what decides the features of given pixels: weights, layers, normalisation."""
        scaling = [self.preprocessing.mean, self.preprocessing.std]
        facts = [FEATURES_VERSION, dict(self.architecture), scaling]
        digest = hashlib.blake2b(json.dumps(facts, sort_keys=True).encode(), digest_size=12)
        head = set(self.network.classifier_layers())
        for name, tensor in self.network.state_dict().items():
            if name.rpartition(".")[0] not in head:
                digest.update(name.encode())
                digest.update(tensor.contiguous().numpy().tobytes())
        return digest.hexdigest()

    @property
    def width(self) -> int:
        """How many features a picture has."""
        return _classifier(self.network).in_features

    def with_fit(self, fit: Fit | None) -> Backbone:
        """The same for pictures that come to size so; None leaves it as the weights were learnt."""
        return self if fit is None else replace(self, preprocessing=replace(self.preprocessing, fit=fit))

    def for_classes(self, num_classes: int) -> Network:
        """A copy with a fresh head for other classes."""
        network = copy.deepcopy(self.network)
        network.reset_classifier(num_classes)
        return network


def packaged_backbone(name: str = PACKAGED[0], image_size: int | None = None) -> Backbone:
    """A network whose ImageNet weights come as a Python package, for pictures of its own size or another.

    Raises:
        WeightsError: there is no such package for this network, or its file is damaged.
        MissingExtraError: the package is not installed.
    """
    network = create_model(name)
    load_pretrained(network, name)
    published = PRETRAINED[name]
    architecture = {"name": name, "options": {}}
    source = f"ImageNet weights of {published.package} ({published.licence})"
    preprocessing = published.preprocessing
    if image_size is not None:
        preprocessing = replace(preprocessing, height=image_size, width=image_size)
    return Backbone(name, network.eval(), architecture, preprocessing, source)


def backbone_from_file(name: str, weights: Path, image_size: int | None = None) -> Backbone:
    """A registered network with the weights of a file, whatever classes they were learnt for.

    The preprocessing is that of torchvision's and timm's ImageNet networks: 224 px (or ``image_size``) cut
    from the middle of seven eighths, ImageNet's mean and standard deviation.

    Raises:
        WeightsError: the weights do not fit the network, or it takes no colour pictures of that size.
    """
    info = model_info(name)
    options = dict(implied_options(weights))
    network = create_model(name, **options)
    if network.in_channels != 3 or network.image_size is not None:
        raise WeightsError(
            f"{name} takes {info.input_size[1]} px pictures with {network.in_channels} channel(s) only, "
            "which is no backbone for photographs; `foveate models` lists others, such as resnet18."
        )
    load_weights(network, weights, skip_head=None)
    side = image_size or max(info.input_size[1], 64)
    preprocessing = Preprocessing(
        height=side,
        width=side,
        crop_fraction=0.875,
        interpolation="bilinear",
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
    )
    architecture = {"name": name, "options": options}
    return Backbone(name, network.eval(), architecture, preprocessing, f"the weights of {weights.name}")


def _classifier(network: Network) -> nn.Linear:
    layer = network.get_submodule(network.classifier_name)
    if not isinstance(layer, nn.Linear):  # holds for every family; a new one must notice at once
        raise TypeError(f"{network.classifier_name} of {type(network).__name__} is no Linear layer")
    return layer
