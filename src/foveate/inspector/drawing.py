"""Maps as pictures: one sheet of a node's maps, and one grid of thumbnails of the whole network."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from foveate.explanation.colour import coloured, heat_colours, signed_colours
from foveate.inspector.runs import Run

SPRITE_COLUMNS = 16
MAX_SHEET_PX = 4096  # a side of a sheet

Rgba = NDArray[np.uint8]  # (H, W, 4)


@dataclass(frozen=True)
class Scale:
    """The range of values that the colours stand for; ``signed`` where there are values below 0."""

    low: float
    high: float

    @property
    def signed(self) -> bool:
        return self.low < 0

    def coloured(self, values: NDArray[np.floating]) -> NDArray[np.uint8]:
        """(..., 3) uint8: heat from 0 up, or blue over white to orange, both ends equally far from 0."""
        if self.signed:
            most = max(-self.low, self.high) or 1.0
            return coloured(0.5 + 0.5 * values / most, signed_colours())
        return coloured(values / (self.high or 1.0), heat_colours())


def scale_of(values: Tensor) -> Scale:
    """The scale of a node's values; what is no number is left out."""
    finite = torch.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    return Scale(float(finite.min()), float(finite.max()))


def sheet(values: Tensor, first: int, count: int, size: int, columns: int) -> tuple[Rgba, Scale]:
    """Maps ``first`` ... of (C, H, W) in cells of ``size`` px, row after row, on one scale for all C."""
    scale = scale_of(values)
    maps = _resized(values[first : first + count], size)
    height, width = maps.shape[1:]
    rows = -(-len(maps) // columns)
    canvas = np.zeros((rows * size, columns * size, 4), np.uint8)
    for i, picture in enumerate(scale.coloured(maps.numpy())):
        top = (i // columns) * size + (size - height) // 2
        left = (i % columns) * size + (size - width) // 2
        canvas[top : top + height, left : left + width, :3] = picture
        canvas[top : top + height, left : left + width, 3] = 255
    return canvas, scale


def sprites(run: Run, size: int, nodes: Sequence[int]) -> Rgba:
    """A thumbnail for each of these nodes, in square cells of ``size`` px, 16 in a row.

    Of maps the one with the greatest mean size; of a vector its numbers, folded into a square; of the input
    the picture.
    """
    values = run.recording.values
    rows = -(-len(nodes) // SPRITE_COLUMNS)
    canvas = np.zeros((rows * size, SPRITE_COLUMNS * size, 4), np.uint8)
    for i, node in enumerate(nodes):
        picture = _picture(run, size) if node == 0 else _thumbnail(values[node], size)
        height, width = picture.shape[:2]
        top = (i // SPRITE_COLUMNS) * size + (size - height) // 2
        left = (i % SPRITE_COLUMNS) * size + (size - width) // 2
        canvas[top : top + height, left : left + width, :3] = picture
        canvas[top : top + height, left : left + width, 3] = 255
    return canvas


def _picture(run: Run, size: int) -> NDArray[np.uint8]:
    pixels = torch.from_numpy(run.pixels.copy()).permute(2, 0, 1).float()
    small = _resized(pixels, size).permute(1, 2, 0).numpy()
    return np.rint(np.repeat(small, 3, axis=2) if small.shape[2] == 1 else small).astype(np.uint8)


def _thumbnail(value: Tensor, size: int) -> NDArray[np.uint8]:
    if value.ndim == 1:
        side = int(np.ceil(np.sqrt(len(value))))
        folded = F.pad(value, (0, side * side - len(value))).reshape(1, side, side)
        rows = -(-len(value) // side)
        picked = folded[:, :rows]
    else:
        strength = value.abs().mean(dim=(1, 2))
        picked = value[int(torch.nan_to_num(strength).argmax())][None]
    return scale_of(picked).coloured(_resized(picked, size)[0].numpy())


def _resized(maps: Tensor, size: int) -> Tensor:
    """(N, h, w) with ``size`` as the longer side: enlarged pixels stay visible, areas are averaged."""
    height, width = maps.shape[1:]
    factor = size / max(height, width)
    target = (max(1, round(height * factor)), max(1, round(width * factor)))
    batch = torch.nan_to_num(maps.float())[None]
    if factor >= 1:
        return F.interpolate(batch, target, mode="nearest")[0]
    return F.adaptive_avg_pool2d(batch, target)[0]


def to_png(picture: NDArray[np.uint8]) -> bytes:
    """(H, W), (H, W, 3) or (H, W, 4) as a PNG, packed quickly rather than small."""
    file = io.BytesIO()
    pixels = picture[:, :, 0] if picture.ndim == 3 and picture.shape[2] == 1 else picture
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "PNG", compress_level=1)
    return file.getvalue()
