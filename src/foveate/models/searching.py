"""What detectors have in common whose regions come from outside the network: R-CNN and Fast R-CNN.

picture -> selective search -> boxes, the same for every network
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from foveate.images.selective_search import Kind, kept_proposals
from foveate.layers.truth import ToLearn, Truth
from foveate.models.region_detector import MEAN, STD, RegionDetector
from foveate.models.roi_heads import RoIHeads
from foveate.operators.onnx import OnnxGraph
from foveate.operators.reading import Reading, Value
from foveate.operators.table import MODULES, LayerEntry


class SelectiveSearch(nn.Module):
    """Pictures (N, C, H, W) as the network is given them to boxes (N, most, 4), filled up with zeros.

    It computes on the pixels as they were (`foveate.images.selective_search`), which it finds again from the
    ``mean`` and ``std`` that they were normalised by, in units of 0..1. Boxes of pictures that
    `prepare` has seen are read from the disk. There is no such operator in ONNX: the boxes are an input of
    the graph, ``proposals``, and whoever runs it makes them (`foveate.runtime.predictor`).
    """

    def __init__(self, most: int, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.kind = Kind(most)
        self.mean, self.std = tuple(mean), tuple(std)

    def forward(self, x: Tensor) -> Tensor:
        alike = x.mean((1, 2, 3))[:, None, None] * 0.0  # so that boxes are, to a trace, of this picture
        if x.is_meta:
            return alike.expand(-1, self.kind.most, 4)
        boxes = torch.from_numpy(kept_proposals(self._pixels(x), self.kind))
        return boxes.to(device=x.device, dtype=x.dtype) + alike

    def prepare(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(N, most, 4) of pictures (N, H, W, C), kept on the disk for the next time."""
        return kept_proposals(pictures, self.kind, keep=True)

    def _pixels(self, x: Tensor) -> NDArray[np.uint8]:
        mean, std = (x.new_tensor(values)[:, None, None] for values in (self.mean, self.std))
        pixels = ((x.detach() * std + mean) * 255).round().clamp(0, 255)
        return pixels.permute(0, 2, 3, 1).to("cpu", torch.uint8).contiguous().numpy()

    def extra_repr(self) -> str:
        return f"most={self.kind.most}"


def _read(module: Any, x: Value, out: Value) -> Reading:
    return Reading("selective_search", "selective search", {"most": module.kind.most})


def _write(g: OnnxGraph, module: Any, x: Value) -> str:
    return g.input("proposals", g.out)


MODULES[SelectiveSearch] = LayerEntry(_read, onnx=_write, multiply_adds=lambda module, x, out: 0)


@dataclass(frozen=True)
class GivenToLearn:
    """Maps of pictures, and where to look in them if the truth does not tell: (N, R, 5)."""

    heads: RoIHeads
    maps: Sequence[Tensor]
    search: SelectiveSearch
    pictures: Tensor

    def losses(self, truths: Sequence[Truth]) -> dict[str, Tensor]:
        own = []
        for row, truth in enumerate(truths):
            boxes = truth.proposals
            if boxes is None:
                boxes = self.search(self.pictures[row : row + 1])[0]
            own.append(boxes[(boxes[:, 2:] > boxes[:, :2]).all(1)])
        return self.heads.losses(self.maps, own, truths)

    def detach(self) -> Self:
        return self


class Searching(RegionDetector):
    """A family sets ``search`` and ``roi_heads``, and writes ``forward_maps``."""

    search: SelectiveSearch

    def proposals(self, x: Tensor, maps: Sequence[Tensor], limits: Tensor) -> Tensor:
        boxes = torch.minimum(self.search(x), limits)
        there = ((boxes[..., 2:] - boxes[..., :2]).amin(2) > 0).to(boxes.dtype)
        return torch.cat([boxes, there.unsqueeze(2)], dim=2)

    def to_learn(self, x: Tensor, limits: Tensor) -> ToLearn:
        return GivenToLearn(self.roi_heads, self.forward_maps(x), self.search, x)


@dataclass(frozen=True)
class Proposals:
    """proposals: of a picture, at most. mean, std: pictures are normalised by these; None: by ImageNet's."""

    proposals: int = 300
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None

    def of(self, in_channels: int) -> SelectiveSearch:
        """With ImageNet's mean and deviation where none are given, and none for grey pictures."""
        usual = (MEAN, STD) if in_channels == len(MEAN) else ((0.0,) * in_channels, (1.0,) * in_channels)
        mean, std = self.mean or usual[0], self.std or usual[1]
        return SelectiveSearch(self.proposals, mean, std)


PROPOSALS = Proposals()
