"""The anatomy of networks that find objects: a trunk, and boxes with a class and a score each."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from foveate.errors import InputError
from foveate.layers.suppression import nms
from foveate.models.on_trunk import OnTrunk

CANDIDATES = 300  # boxes that a detector gives of a picture, before suppression


class Detector(OnTrunk):
    """Base of detectors: ``forward`` gives candidates (N, M, 6) of pictures (N, in_channels, H, W).

    A candidate is x1, y1, x2, y2 in pixels of the input, a score from 0 to 1, and a class from 0. They stand
    by falling score, before suppression, and what fills up has the score 0. A family makes its trunk, calls
    ``super().__init__`` first, and writes ``forward_features``, ``forward`` and ``forward_to_learn``.
    """

    def forward_head(self, features: Tensor) -> Tensor:
        raise InputError(f"{type(self).__name__} looks at maps of several sizes; call it on pictures.")


def norms_with(module: nn.Module, eps: float) -> None:
    """Give all batch norms this eps."""
    for one in module.modules():
        if isinstance(one, _BatchNorm):
            one.eps = eps


def suppressed(candidates: Tensor, *, threshold: float, most: int, least_score: float) -> Tensor:
    """(K, 6) of one picture's candidates (M, 6): greedy, class by class; those above ``least_score``."""
    found = candidates[candidates[:, 4] > least_score]
    return found[nms(found[:, :4], found[:, 4], threshold, found[:, 5])[:most]]
