"""The anatomy of networks that find objects: a trunk, and boxes with a class and a score each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from foveate.errors import InputError
from foveate.layers.suppression import nms
from foveate.models.on_trunk import OnTrunk


class Where(NamedTuple):
    """A number that a layer gave: which layer, the how manieth time that it ran, and the number's place in
    what it gave of one picture.
    """

    layer: str
    run: int
    place: tuple[int, ...]


class Origin(NamedTuple):
    """What a detector's box comes from.

    score: the number that its score is made of. sides: by name, the four that its corners are made of; none
    where each corner is made of many. region: (4,) the region that was looked at; None where places tell of
    boxes. points: (P, 2) x and y at which the map was read for it. stride: of that map, in pixels.
    """

    score: Where
    sides: Mapping[str, Where]
    region: Tensor | None
    points: Tensor
    stride: float


PIXELS_OF_SCORE = 100.0  # as far apart as a score of 1 is
CANDIDATES = 300  # boxes that a detector gives of a picture, before suppression


class Detector(OnTrunk):
    """Base of detectors: ``forward`` gives candidates (N, M, 6) of pictures (N, in_channels, H, W).

    A candidate is x1, y1, x2, y2 in pixels of the input, a score from 0 to 1, and a class from 0. They stand
    by falling score, before suppression, and what fills up has the score 0. A family makes its trunk, calls
    ``super().__init__`` first, and writes ``forward_features``, ``forward`` and ``forward_to_learn``.
    """

    def origin(self, x: Tensor, candidate: Tensor) -> Origin:
        """Where a candidate (6,) comes from, found again in one picture (1, in_channels, H, W)."""
        raise InputError(f"{type(self).__name__} does not tell where its boxes come from.")

    def looked_at(self, x: Tensor) -> Tensor:
        """(R, 5) the regions of a picture (1, in_channels, H, W) that are looked at, the likeliest first.

        Boxes and a score; none of a detector whose places tell of boxes.
        """
        return x.new_zeros(0, 5)

    def forward_head(self, features: Tensor) -> Tensor:
        raise InputError(f"{type(self).__name__} looks at maps of several sizes; call it on pictures.")


def limits_of(x: Tensor) -> Tensor:
    """(4,) where boxes in pictures (N, C, H, W) end: width, height, width, height."""
    height, width = x.shape[2:]
    return torch.tensor([width, height, width, height], dtype=x.dtype, device=x.device)


def nearest(boxes: Tensor, scores: Tensor, candidate: Tensor) -> int:
    """Which of boxes (P, 4) and scores (P,) a candidate is: several may have the same box."""
    apart = (boxes - candidate[:4]).abs().sum(dim=1) + PIXELS_OF_SCORE * (scores - candidate[4]).abs()
    return int(apart.argmin())


def norms_with(module: nn.Module, eps: float) -> None:
    """Give all batch norms this eps."""
    for one in module.modules():
        if isinstance(one, _BatchNorm):
            one.eps = eps


def suppressed(candidates: Tensor, *, threshold: float, most: int, least_score: float) -> Tensor:
    """(K, 6) of one picture's candidates (M, 6): greedy, class by class; those above ``least_score``."""
    found = candidates[candidates[:, 4] > least_score]
    return found[nms(found[:, :4], found[:, 4], threshold, found[:, 5])[:most]]
