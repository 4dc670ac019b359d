"""What heat maps are laid over where answers have a place: the picture itself, to which they go back.

What a network sees of a picture may be stretched, cut or bordered (`Preprocessing.place`).
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from foveate.explanation.methods import HeatMap
from foveate.explanation.render import fitted, framed
from foveate.geometry import Affine, Box
from foveate.images.preprocess import Preprocessing, Seen
from foveate.models.model import Model
from foveate.tasks.base import Task
from foveate.tasks.learning import learner_of
from foveate.tasks.prediction import Drawn
from foveate.tasks.values import Answered

OPACITY = 0.5  # of an answer over its picture


@dataclass(frozen=True)
class Decoded:
    """A picture as it was decoded, perhaps smaller than it is.

    pixels: (H, W, 3) uint8. box: where in them the picture lies, see `ImageInfo`; None: all over. size: its
    own width and height.
    """

    pixels: NDArray[np.uint8]
    box: Box | None
    size: tuple[float, float]


def decoded(picture: NDArray[np.uint8] | Decoded) -> Decoded:
    """Pixels (H, W, 3) are a picture of their own size."""
    if isinstance(picture, Decoded):
        return picture
    return Decoded(picture, None, (picture.shape[1], picture.shape[0]))


@dataclass(frozen=True)
class Ground:
    """pixels: (H, W, 1 or 3) uint8. place: from these pixels to the network's input; None: they are that.

    region: (x1, y1, x2, y2) of the pixels, to be framed.
    """

    pixels: NDArray[np.uint8]
    place: Affine | None = None
    region: Box | None = None

    def under(self, found: HeatMap) -> NDArray[np.uint8]:
        """(H, W, 3) with the heat laid over."""
        if self.place is not None:
            found = replace(found, values=brought_back(found.values, self.place, *self.pixels.shape[:2]))
        return self.framed(found.over(self.pixels))

    def framed(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A picture of this size with the region's frame, where there is one."""
        if self.region is None:
            return picture
        left, top, right, bottom = (round(number) for number in self.region)
        return framed(picture, (top - 1, bottom, left - 1, right))


def own_pixels(
    picture: Decoded, preprocessing: Preprocessing, side_px: int, region: Box | None = None
) -> Ground:
    """A picture with ``side_px`` as its longer side. region: in pixels of its own size."""
    shown = fitted(picture.pixels, side_px)
    sides = (float(shown.shape[1]), float(shown.shape[0]))
    height, width = picture.pixels.shape[:2]
    whole = Affine.between((0, 0, *sides), (0, 0, width, height))
    given = Affine.between(picture.box or (0, 0, width, height), (0, 0, *picture.size)) @ whole
    here = None
    if region is not None:
        x1, y1, x2, y2 = given.inverse().boxes([region])[0].tolist()
        here = (x1, y1, x2, y2)
    return Ground(shown, preprocessing.place(*picture.size) @ given, here)


def brought_back(values: NDArray[np.float32], place: Affine, height: int, width: int) -> NDArray[np.float32]:
    """Values of the network's input (h, w) on another grid (height, width), bilinear; 0 beyond the input.

    place: the map from pixels of the grid to those of the input; it neither turns nor shears.
    """
    rows = _between(height, values.shape[0], place.matrix[1, 1], place.matrix[1, 2])
    columns = _between(width, values.shape[1], place.matrix[0, 0], place.matrix[0, 2])
    return np.asarray(rows @ values @ columns.T, np.float32)


def _between(count: int, side: int, factor: float, offset: float) -> NDArray[np.float64]:
    """(count, side): what each of so many centres takes of an axis; rows of 0 for those outside."""
    at = factor * (np.arange(count) + 0.5) + offset
    inside = (at >= 0) & (at <= side)
    place = np.clip(at - 0.5, 0, side - 1)
    first = np.minimum(place.astype(np.int64), side - 1)
    share = place - first
    taken, numbers = np.zeros((count, side)), np.arange(count)
    np.add.at(taken, (numbers, first), 1 - share)
    np.add.at(taken, (numbers, np.minimum(first + 1, side - 1)), share)
    taken[~inside] = 0
    return taken


def drawn_over(ground: Ground, model: Model, outputs: Tensor) -> NDArray[np.uint8]:
    """The answer of a task that draws, laid over the picture: (H, W, 3); outputs: (1, ...) of the network."""
    height, width = ground.pixels.shape[:2]
    seen = Seen(model.preprocessing, [(width, height)])
    (told,) = model.task.predictions(answered(model.task, outputs, seen))
    drawn = np.asarray(Image.open(io.BytesIO(cast(Drawn, told).png())).convert("RGB"))
    mixed = (1 - OPACITY) * ground.pixels.astype(np.float32) + OPACITY * drawn
    return ground.framed(np.asarray(np.rint(mixed), np.uint8))


def answered(task: Task, outputs: Tensor, seen: Seen | None = None) -> Answered:
    """What ``model.onnx`` would give for a network's outputs (N, ...), by name."""
    with torch.no_grad():
        found = learner_of(task)(task).answer()(outputs)
    tensors = (found,) if isinstance(found, Tensor) else found
    values = {output.name: one.numpy() for output, one in zip(task.outputs, tensors, strict=False)}
    return Answered(values, seen)
