"""Compact networks: small pictures learned in seconds on a processor of two cores. This program's own family.

    pictures -> whitened patches -> 3x3 convolution of stride 2, batch norm, ReLU
             -> stages of (3x3 convolution, max pooling, batch norm, ReLU; 3x3 convolution, batch norm, ReLU)
             -> greatest value of each map -> dense layer

What is taken, and from whom:

- The first layer is not learned. Its filters are the principal directions of the training pictures' own
  patches, each divided by its standard deviation and present with both signs, so that ReLU loses nothing
  (Page, *How to train your ResNet* 8, 2019; hlb-CIFAR10, 2022; Jordan, airbench, arXiv:2404.00498). It costs
  no backward pass.
- Pooling stands before norm and activation, which then see a quarter of the values (airbench).
- Each map's greatest value goes to the dense layer, and the scores are scaled down (Page; airbench).

Deviations from airbench, for a processor instead of an accelerator; each cost less time or fewer words and
lost no accuracy that one could measure on Fashion-MNIST: ReLU for GELU, an ordinary batch norm, torch's own
initialisation, narrow layers, no bias in the first layer, a first convolution that is strided instead of
pooled. Where a picture's side is over 48 px, the patches are 4x4 and taken at every second pixel, so that the
cost of a picture grows more slowly than its area.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from foveate.errors import InputError
from foveate.models.anatomy import Level, Network, Window
from foveate.models.registry import register

LARGEST_FINE_PX = 48  # up to this side, patches are taken at every pixel
LOGIT_SCALE = 0.3
NORM_MOMENTUM = 0.4  # of the newest batch: short runs need running statistics that follow quickly
VARIANCE_FLOOR = 5e-4  # added to each direction's variance (pictures have variance 1): noise is not blown up
_CHUNK = 128


@register("compact_s", widths=(16, 32, 64), depths=(1, 2, 2))
@register("compact_m", widths=(24, 48, 96), depths=(1, 2, 2))
@register("compact_l", widths=(32, 64, 128), depths=(1, 2, 2))
class CompactNet(Network):
    """A whitening layer, one stage for each width, and a dense layer on each map's greatest value.

    Args:
        widths: channels of each stage; multiples of 8 suit the processor.
        depths: convolutions in each stage; the first of them halves the map's sides.
        image_size: (H, W) of the training pictures; decides how finely the first layer looks. Pictures of any
            other size are taken too.
    """

    def __init__(
        self,
        *,
        widths: tuple[int, ...],
        depths: tuple[int, ...],
        image_size: tuple[int, int] = (32, 32),
        num_classes: int = 10,
        in_channels: int = 3,
    ) -> None:
        if not widths or len(widths) != len(depths) or min(*widths, *depths) < 1:
            raise InputError(
                f"widths and depths name one positive number for each stage; widths is {widths!r} and "
                f"depths {depths!r}."
            )
        super().__init__(num_features=widths[-1], num_classes=num_classes, in_channels=in_channels)
        kernel, stride = (2, 1) if max(image_size) <= LARGEST_FINE_PX else (4, 2)
        directions = min(in_channels * kernel**2, 8 if in_channels == 1 else 12)
        self.windows = (
            Window("whiten", kernel, stride),
            Window("stages.0.conv1", 3, 2, 1),
            *(Window(f"stages.{i}.pool", 2, 2) for i in range(1, len(widths))),
        )
        self.levels = (
            Level("relu", 2 * directions, stride),
            *(Level(f"stages.{i}", widths[i], stride * 2 ** (i + 1)) for i in range(len(widths))),
        )
        self.whiten = nn.Conv2d(in_channels, 2 * directions, kernel, stride, bias=False)
        self.relu = nn.ReLU()
        inputs = (2 * directions, *widths[:-1])
        self.stages = nn.Sequential(
            *(
                _stage(inputs[i], widths[i], depths[i], halve="stride" if i == 0 else "pool")
                for i in range(len(widths))
            )
        )
        self.fc = nn.Linear(widths[-1], num_classes)

    def forward_features(self, x: Tensor) -> Tensor:
        self.check_input(x)
        x = self.relu(self.whiten(x))  # (N, 24, 31, 31) from (N, 3, 32, 32)
        return self.stages(x)  # (N, num_features, 3, 3)

    def forward_head(self, features: Tensor) -> Tensor:
        return self.fc(features.amax(dim=(2, 3))) * LOGIT_SCALE

    @torch.no_grad()
    def initialise_from(self, images: Tensor) -> None:
        """Set the first layer's filters from the data, and freeze them.

        The responses to the patches of ``images`` of the first half of the filters are then uncorrelated and
        of (nearly) equal power; the second half are their negatives. Patches are taken as they are, their
        mean with them, since the filters have no bias to take it off.

        Args:
            images: (N, in_channels, H, W), normalised as for training; some hundred are enough.

        Raises:
            ShapeError: pictures that the network cannot take.
        """
        self.check_input(images)
        filters = whitening_filters(
            images, self.whiten.out_channels // 2, self.whiten.kernel_size[0], self.whiten.stride[0]
        )
        self.whiten.weight.copy_(torch.cat([filters, -filters]))
        self.whiten.weight.requires_grad_(False)


def whitening_filters(images: Tensor, count: int, kernel: int, stride: int = 1) -> Tensor:
    """The ``count`` strongest principal directions of the pictures' patches, over their standard deviations.

    Power and correlation are about zero, not about the mean. Shapes: (N, C, H, W) to (count, C, k, k).
    """
    size = images.shape[1] * kernel**2
    products, patches = images.new_zeros(size, size), 0
    for chunk in images.split(_CHUNK):
        patch = F.unfold(chunk, kernel, stride=stride).transpose(1, 2).reshape(-1, size)  # (N·h·w, C·k·k)
        products += patch.T @ patch
        patches += len(patch)
    power, directions = torch.linalg.eigh((products / patches).cpu().double())  # in ascending order
    power, directions = power.flip(0)[:count], directions.flip(1)[:, :count]
    filters = directions / (power + VARIANCE_FLOOR).sqrt()  # (C·k·k, count)
    return filters.T.reshape(count, images.shape[1], kernel, kernel).to(images)


def _stage(
    in_channels: int, out_channels: int, depth: int, *, halve: Literal["stride", "pool"]
) -> nn.Sequential:
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for i in range(1, depth + 1):
        channels, stride = (in_channels, 2 if halve == "stride" else 1) if i == 1 else (out_channels, 1)
        layers[f"conv{i}"] = nn.Conv2d(channels, out_channels, 3, stride, padding=1, bias=False)
        if i == 1 and halve == "pool":
            layers["pool"] = nn.MaxPool2d(2)
        layers[f"norm{i}"] = nn.BatchNorm2d(out_channels, momentum=NORM_MOMENTUM)
        layers[f"relu{i}"] = nn.ReLU()
    return nn.Sequential(layers)
