"""Garments of Fashion-MNIST, cut out by their own soft outline."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from foveate.dataset.samples import DataSet, Images, Split
from foveate.dataset.sources.scenes.objects import SOLID, Drawn
from foveate.tasks.base import Task

# Fashion-MNIST's class -> the word for it. Its shirts and coats are left out: at the sizes drawn here nobody
# can tell them from T-shirts and pullovers, and a truth that nobody can see is no truth to learn.
WORDS = {
    "T-shirt/top": "shirt",
    "Trouser": "trousers",
    "Pullover": "pullover",
    "Dress": "dress",
    "Sandal": "sandal",
    "Sneaker": "sneaker",
    "Bag": "bag",
    "Ankle boot": "boot",
}
# Rows and columns that are inside any garment of a class. Where they are black, the garment is too dark on
# the publisher's black for its outline to be found: these pictures are left out.
_INSIDE = {
    "shirt": np.s_[8:24, 11:17],
    "pullover": np.s_[8:24, 11:17],
    "dress": np.s_[8:24, 12:16],
    "bag": np.s_[15:22, 8:20],
}
_FEWEST_PX, _SHORTEST_PX = 100, 20  # that are to be seen of any garment, and of its longer side
_VAL_EVERY = 6  # each sixth training garment is kept for validation scenes
_TURN_DEGREES = 15
_FAINT, _FULL = 10, 70  # grey values: nothing of the garment, and all of it
_FRAME_PX = 2  # put around the publisher's frame, which many garments touch
_SMOOTH_PX = 0.6
_LIGHT = 190  # on the average of a garment
_RESAMPLING = Image.Resampling.BICUBIC


class Garments:
    """The garments of one split, by class."""

    name = "garments"
    classes = tuple(WORDS.values())

    def __init__(self, images: Images, rows: Sequence[NDArray[np.int64]]) -> None:
        """rows: of each of ``classes``, the numbers of its pictures."""
        self._images = images
        self._rows = tuple(rows)

    def draw(self, rng: np.random.Generator, number: int, longest_px: int) -> Drawn:
        """A garment that is ``longest_px`` long or a little less, where it is turned; see `Kind`."""
        rows = self._rows[number]
        row = int(rows[rng.integers(len(rows))])
        mirrored, angle = rng.random() < 0.5, rng.uniform(-_TURN_DEGREES, _TURN_DEGREES)
        layers = _cut_out(self._images.read(row)[:, :: -1 if mirrored else 1, 0])
        scale = longest_px / _longest_turned(layers[0] >= SOLID, angle)
        coverage, light = (_scaled(layer, scale, angle) for layer in layers)
        # As soft an outline after it was enlarged as before.
        steep = (coverage.astype(np.float32) - SOLID) * max(1.0, scale) + SOLID
        coverage = steep.clip(0, 255).astype(np.uint8)
        window = _extent(coverage >= SOLID)
        return Drawn(coverage[window], light[window], self._images.name(row))


def split_garments(dataset: DataSet) -> dict[str, Garments]:
    """The garments of Fashion-MNIST (or a part of it) for each split of scenes; none is in two of them.

    Test scenes have the garments of its test pictures, validation scenes a sixth of its training pictures.
    """
    clear = {key: _clear_rows(split, dataset.task) for key, split in dataset.splits.items()}
    parts: dict[str, Garments] = {}
    for part, source, kept in (("train", "train", False), ("val", "train", True), ("test", "test", None)):
        rows = clear[source]
        if kept is not None:
            rows = [one[(one % _VAL_EVERY == _VAL_EVERY - 1) == kept] for one in rows]
        parts[part] = Garments(dataset.splits[source].images, rows)
    return parts


def _clear_rows(split: Split, task: Task) -> list[NDArray[np.int64]]:
    """Of each class, the numbers of the pictures whose garment can be told from the black around it."""
    grey = np.stack([np.frombuffer(split.images.data(i), np.uint8) for i in range(len(split))])
    solid = grey.reshape(-1, 28, 28) >= (_FAINT + _FULL) // 2  # (N, 28, 28)
    longest = np.maximum(*(np.ptp(_ends(np.any(solid, axis=axis)), axis=0) + 1 for axis in (1, 2)))
    clear = (solid.sum(axis=(1, 2)) >= _FEWEST_PX) & (longest >= _SHORTEST_PX)
    names = np.array(task.cells(split.targets))
    rows = []
    for name, word in WORDS.items():
        inside = solid[(slice(None), *_INSIDE[word])].all(axis=(1, 2)) if word in _INSIDE else True
        rows.append(np.flatnonzero(clear & inside & (names == name)))
    return rows


def _ends(lines: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The first and the last place of each row of ``(N, n)`` that is set: int64 ``(2, N)``."""
    return np.stack([lines.argmax(axis=1), lines.shape[1] - 1 - lines[:, ::-1].argmax(axis=1)])


def _cut_out(grey: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Coverage and light of a garment on black, ``(H, W)`` uint8, in a frame a little larger.

    Dark seams and prints within it belong to it: what a closing by 3 x 3 pixels fills is covered. Light is
    told outside as well, as it is nearby, so that no dark fringe comes in when it is scaled.
    """
    framed = Image.fromarray(np.pad(grey, _FRAME_PX))
    wide = framed.filter(ImageFilter.MaxFilter(3))
    closed = np.asarray(wide.filter(ImageFilter.MinFilter(3)), np.float32)
    hard = ((closed - _FAINT) * (255 / (_FULL - _FAINT))).clip(0, 255).astype(np.uint8)
    coverage = np.asarray(Image.fromarray(hard).filter(ImageFilter.GaussianBlur(_SMOOTH_PX)))
    inside = coverage >= SOLID
    light = np.where(inside, np.asarray(framed), np.asarray(wide)).astype(np.float64)
    light = light * (_LIGHT / max(1.0, float(light[inside].mean())))
    light = np.where(inside | (light > _LIGHT / 2), light, _LIGHT)
    return coverage, light.clip(0, 255).astype(np.uint8)


def _longest_turned(solid: NDArray[np.bool_], angle_degrees: float) -> float:
    """How long the longer side of a garment becomes, at most, when it is turned."""
    height, width = solid[_extent(solid)].shape
    cosine, sine = np.cos(np.radians(angle_degrees)), np.sin(np.radians(abs(angle_degrees)))
    return float(max(width * cosine + height * sine, width * sine + height * cosine))


def _scaled(layer: NDArray[np.uint8], scale: float, angle_degrees: float) -> NDArray[np.uint8]:
    """The layer scaled and turned about its middle; its frame is wide enough for what then leaves it."""
    height, width = (max(1, round(side * scale)) for side in layer.shape)
    sized = Image.fromarray(layer).resize((width, height), _RESAMPLING)
    return np.asarray(sized.rotate(angle_degrees, _RESAMPLING, expand=True))


def _extent(solid: NDArray[np.bool_]) -> tuple[slice, slice]:
    """The rows and columns that hold anything."""
    rows, columns = (np.flatnonzero(solid.any(axis=axis)) for axis in (1, 0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
