"""Anchors: boxes of a few shapes at every place of a map, from which a detector measures (Faster R-CNN).

Ren, He, Girshick, Sun: "Faster R-CNN", 2015, arXiv 1506.01497, section 3.1.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from foveate.operators.optional_torch import Tensor, torch


@runtime_checkable
class Anchored(Protocol):
    """A network that measures boxes from anchors."""

    @property
    def anchor_shapes(self) -> list[list[tuple[float, float]]]:
        """Of each level the anchors' widths and heights in pixels."""


def cell_anchors(sizes: Sequence[float], aspect_ratios: Sequence[float]) -> Tensor:
    """(A, 4) float32: the anchors around (0, 0), for each ratio of height to width one of each size.

    size: the root of the area, in pixels. Rounded to whole pixels, as torchvision's are. On the processor
    whatever torch's usual device is: they are constants.
    """
    sides = torch.tensor(list(sizes), dtype=torch.float32, device="cpu")
    roots = torch.tensor(list(aspect_ratios), dtype=torch.float32, device="cpu").sqrt()
    widths = ((1 / roots)[:, None] * sides[None]).reshape(-1)
    heights = (roots[:, None] * sides[None]).reshape(-1)
    return (torch.stack([-widths, -heights, widths, heights], dim=1) / 2).round()


def anchors_of_shapes(shapes: Sequence[tuple[float, float]]) -> Tensor:
    """(A, 4) float32: anchors of these (width, height) around (0, 0), not rounded."""
    halves = torch.tensor(list(shapes), dtype=torch.float32, device="cpu").reshape(-1, 2) / 2
    return torch.cat([-halves, halves], dim=1)


def grid_anchors(cells: Tensor, size: tuple[int, int], stride: tuple[int, int]) -> Tensor:
    """(h·w·A, 4): the anchors of every place of a map of ``size`` (h, w), row by row.

    cells: (A, 4). stride: (down, across) pixels of the picture from a place to the next.
    """
    (rows, columns), (down, across) = size, stride
    y = torch.arange(rows, dtype=cells.dtype, device=cells.device) * down
    x = torch.arange(columns, dtype=cells.dtype, device=cells.device) * across
    y, x = (line.reshape(-1) for line in torch.meshgrid(y, x, indexing="ij"))
    places = torch.stack([x, y, x, y], dim=1)  # (h·w, 4)
    return (places[:, None] + cells[None]).reshape(-1, 4)
