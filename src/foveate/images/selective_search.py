"""Selective search: regions of a picture that may hold a thing, found without having learnt anything.

Uijlings, van de Sande, Gevers, Smeulders: "Selective search for object recognition", International Journal of
Computer Vision 104, 2013. A picture is cut into small parts (`foveate.images.segments`); of all neighbours
the two most alike become one, again and again, until there is one part. The box around every part that there
ever was is a proposal. What alike means, and in which colours, is varied (section 3.2): a thing that one way
tears apart another keeps whole. R-CNN and Fast R-CNN look at these regions.

The same picture gives the same boxes anywhere: there is no chance in it, but for numbers fixed once.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from foveate.images.resample import resized
from foveate.images.segments import Array, blurred, segments
from foveate.kept import Kept, key_of

Boxes = NDArray[np.float32]
MOST_PIXELS = 80_000  # of a picture that is cut into parts; a larger one is looked at smaller
LEAST_SIDE = 4  # of a proposal, in pixels of that picture
COLOUR_BINS, TEXTURE_BINS, DIRECTIONS = 25, 10, 8
STEEPEST = 32.0  # levels a pixel; where edges are steeper the last bin has them


class Cut(NamedTuple):
    """Colours in which a picture is cut into parts, and the tolerance of `segments` at that."""

    colours: str
    tolerance: float


# The paper's "fast" has Lab and HSV, both at 50 and at 100, from which half the parts come twice.
CUTS = (Cut("lab", 100.0), Cut("hsv", 150.0))
LATELY = 2_000  # pictures whose boxes stay in memory: some 10 MB
_KEPT, _LATELY = Kept("proposals"), dict[str, Boxes]()
ALIKE = ("colour texture size fill", "texture size fill")  # the same paper's two measures


class Kind(NamedTuple):
    """What is asked of `kept_proposals`. most: boxes of a picture. made: counts the ways they were made."""

    most: int
    made: int = 1


def kept_proposals(pictures: NDArray[np.uint8], kind: Kind, *, keep: bool = False) -> Boxes:
    """(N, most, 4) the proposals of pictures (N, H, W, C), filled up with zeros.

    Those that are kept on the disk are read; ``keep`` keeps those that are not. A picture that was looked at
    a moment ago is not looked at again.
    """
    found = np.zeros((len(pictures), kind.most, 4), np.float32)
    for row, picture in enumerate(pictures):
        boxes = _of_one(key_of(picture, *kind), picture, kind, keep=keep)
        found[row, : len(boxes)] = boxes
    return found


def _of_one(key: str, picture: NDArray[np.uint8], kind: Kind, *, keep: bool) -> Boxes:
    boxes = _LATELY.get(key)
    if boxes is None:
        boxes = _KEPT.get(key)
        if boxes is None or boxes.ndim != 2 or boxes.shape[1] != 4 or len(boxes) > kind.most:
            boxes = selective_search(picture, kind.most)
            if keep:
                _KEPT.put(key, boxes)
        if len(_LATELY) >= LATELY:
            _LATELY.pop(next(iter(_LATELY)), None)
        _LATELY[key] = boxes
    return boxes


def selective_search(picture: NDArray[np.uint8], most: int) -> Boxes:
    """(R, 4) at most ``most`` boxes of a picture (H, W, 1 or 3), in its pixels, the likeliest first.

    Raises nothing: a picture of one pixel has itself as a proposal.
    """
    height, width = picture.shape[:2]
    small = _smaller(picture)
    ranks = np.random.Generator(np.random.PCG64(0))  # the paper multiplies ranks by chance: large are not all
    found, order = [], []
    for cut in CUTS:
        colours = in_colours(small, cut.colours)
        parts = segments(colours, cut.tolerance, least=max(round(cut.tolerance / 5), 1))
        start = parts_of(parts, colours)
        for measure in ALIKE:
            boxes = grouped(start, measure.split())
            found.append(boxes)
            order.append(np.arange(len(boxes), 0, -1) * ranks.random(len(boxes)))
    boxes = np.concatenate(found)[np.argsort(np.concatenate(order), kind="stable")]
    sides = boxes[:, 2:] - boxes[:, :2]
    boxes = boxes[(sides >= min(LEAST_SIDE, *small.shape[:2])).all(axis=1)]
    _, first = np.unique(boxes, axis=0, return_index=True)
    scale = np.tile([width / small.shape[1], height / small.shape[0]], 2)
    return (boxes[np.sort(first)[:most]] * scale).astype(np.float32)


def _smaller(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(h, w, 3) with at most MOST_PIXELS."""
    if picture.shape[2] == 1:
        picture = np.repeat(picture, 3, axis=2)
    height, width = picture.shape[:2]
    share = (MOST_PIXELS / (height * width)) ** 0.5
    if share >= 1:
        return picture
    size = max(round(width * share), 1), max(round(height * share), 1)
    return resized(picture, size, "box")


# --- Colours ------------------------------------------------------------------------------------------

_TO_XYZ = np.array(
    [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
)  # of sRGB (IEC 61966-2-1); the white point D65 is the sum of each row


def in_colours(picture: NDArray[np.uint8], colours: str) -> Array:
    """(H, W, 3) of "lab" or "hsv", each channel from 0 to 255."""
    if colours == "hsv":
        return np.asarray(Image.fromarray(picture).convert("HSV")).astype(np.float64)
    linear = (np.arange(256) / 255.0 + 0.055) / 1.055
    linear = np.where(np.arange(256) <= 10, np.arange(256) / 255.0 / 12.92, linear**2.4)
    xyz = linear[picture] @ _TO_XYZ.T / _TO_XYZ.sum(axis=1)
    bent = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    light = 116 * bent[..., 1] - 16
    lab = (light * 2.55, 500 * (bent[..., 0] - bent[..., 1]) + 128, 200 * (bent[..., 1] - bent[..., 2]) + 128)
    return np.clip(np.stack(lab, axis=-1), 0, 255)


# --- Parts and what they are like ----------------------------------------------------------------------


@dataclass(frozen=True)
class Parts:
    """N parts of a picture of ``area`` pixels. pixels: (N,) how many; boxes: (N, 4); neighbours: of each.

    colour, texture: (N, bins), histograms that sum to 1.
    """

    area: int
    pixels: NDArray[np.int64]
    boxes: NDArray[np.int64]
    colour: Array
    texture: Array
    neighbours: tuple[frozenset[int], ...]


def parts_of(numbers: NDArray[np.int64], colours: Array) -> Parts:
    """The parts (H, W) that `segments` gave of a picture in its colours (H, W, C) from 0 to 255."""
    count = int(numbers.max()) + 1
    flat = numbers.ravel()
    pixels = np.bincount(flat, minlength=count)
    boxes = np.empty((count, 4), np.int64)
    y, x = (line.ravel() for line in np.indices(numbers.shape))
    for column, line in ((0, x), (1, y)):
        order = np.lexsort((line, flat))
        last = np.cumsum(pixels)
        boxes[:, column], boxes[:, column + 2] = line[order][last - pixels], line[order][last - 1] + 1
    values = np.minimum(colours * COLOUR_BINS / 256, COLOUR_BINS - 1)
    steep = np.stack(list(_steepness(colours)), axis=-1)
    return Parts(
        area=flat.size,
        pixels=pixels,
        boxes=boxes,
        colour=_histograms(flat, values, COLOUR_BINS, pixels),
        texture=_histograms(flat, steep, TEXTURE_BINS, pixels),
        neighbours=_neighbours(numbers, count),
    )


def _steepness(colours: Array) -> Iterator[Array]:
    """Of each channel and each of eight directions (H, W): the bin of how steeply it rises there."""
    smooth = blurred(colours, 1.0)
    around = np.pad(smooth, ((1, 1), (1, 1), (0, 0)), mode="edge")
    down = (around[2:, 1:-1] - around[:-2, 1:-1]) / 2
    across = (around[1:-1, 2:] - around[1:-1, :-2]) / 2
    for channel in range(colours.shape[2]):
        for turn in np.arange(DIRECTIONS) * 2 * np.pi / DIRECTIONS:
            rise = across[..., channel] * np.cos(turn) + down[..., channel] * np.sin(turn)
            yield np.clip(rise * TEXTURE_BINS / STEEPEST, 0, TEXTURE_BINS - 1)


def _histograms(numbers: NDArray[np.int64], bins: Array, count: int, pixels: NDArray[np.int64]) -> Array:
    """(N, C · count) of each part the shares of its pixels in each bin of each of C channels, together 1."""
    channels = bins.shape[-1]
    which = bins.reshape(-1, channels).astype(np.int64)
    found = [
        np.bincount(numbers * count + which[:, channel], minlength=len(pixels) * count)
        for channel in range(channels)
    ]
    table = np.stack(found, axis=0).reshape(channels, len(pixels), count).transpose(1, 0, 2)
    shares: Array = table.reshape(len(pixels), -1) / (pixels[:, None] * channels)
    return shares


def _neighbours(numbers: NDArray[np.int64], count: int) -> tuple[frozenset[int], ...]:
    """Of each part those that touch it, at a corner too."""
    pairs = [
        (one * count + other)[one != other]
        for one, other in (
            (numbers[:, :-1], numbers[:, 1:]),
            (numbers[:-1], numbers[1:]),
            (numbers[:-1, :-1], numbers[1:, 1:]),
            (numbers[:-1, 1:], numbers[1:, :-1]),
        )
    ]
    found: list[set[int]] = [set() for _ in range(count)]
    for pair in np.unique(np.concatenate(pairs)).tolist():
        a, b = divmod(pair, count)
        found[a].add(b)
        found[b].add(a)
    return tuple(map(frozenset, found))


def grouped(parts: Parts, measures: list[str]) -> NDArray[np.int64]:
    """(2N − 1, 4) the boxes of N parts and of all that they become as the most alike are joined, in order.

    measures: of "colour", "texture", "size", "fill", whose sum says how alike two parts are; the paper's
    equations 2 to 6. Of pairs that are just as much alike the earlier parts are joined.
    """
    group = _Grouping(parts, measures)
    alive = set(range(len(parts.pixels)))
    neighbours = [set(one) for one in parts.neighbours]
    waiting = [
        (-alike, a, b)
        for a in sorted(alive)
        for others in [sorted(b for b in neighbours[a] if b > a)]
        for b, alike in zip(others, group.alike(a, others), strict=True)
    ]
    heapq.heapify(waiting)
    while waiting:
        _, a, b = heapq.heappop(waiting)
        if a not in alive or b not in alive:
            continue
        joined = group.join(a, b)
        around = (neighbours[a] | neighbours[b]) - {a, b}
        alive -= {a, b}
        alive.add(joined)
        for other in around:
            neighbours[other] -= {a, b}
            neighbours[other].add(joined)
        neighbours.append(around)
        others = sorted(around)
        for other, alike in zip(others, group.alike(joined, others), strict=True):
            heapq.heappush(waiting, (-alike, other, joined))
    return group.boxes[: group.count]


class _Grouping:
    """What N parts are like and all that they become, 2N − 1 in the end."""

    def __init__(self, parts: Parts, measures: list[str]) -> None:
        room = 2 * len(parts.pixels) - 1
        self.area, self.count = parts.area, len(parts.pixels)
        self.boxes, self.pixels = _with_room(parts.boxes, room), _with_room(parts.pixels, room)
        tables = [
            _with_room(table, room)
            for name, table in (("colour", parts.colour), ("texture", parts.texture))
            if name in measures
        ]
        self.histograms = np.concatenate(tables, axis=1) if tables else np.zeros((room, 0))
        self.size, self.fill = float("size" in measures), float("fill" in measures)

    def alike(self, one: int, others: list[int]) -> list[float]:
        shared = np.minimum(self.histograms[one], self.histograms[others]).sum(axis=1)
        pixels = self.pixels[one] + self.pixels[others]
        low = np.minimum(self.boxes[one, :2], self.boxes[others, :2])
        high = np.maximum(self.boxes[one, 2:], self.boxes[others, 2:])
        empty = (high - low).prod(axis=1) - pixels
        found: list[float] = (
            shared + self.size * (1 - pixels / self.area) + self.fill * (1 - empty / self.area)
        ).tolist()
        return found

    def join(self, a: int, b: int) -> int:
        number, self.count = self.count, self.count + 1
        pixels = self.pixels[a] + self.pixels[b]
        self.pixels[number] = pixels
        self.boxes[number, :2] = np.minimum(self.boxes[a, :2], self.boxes[b, :2])
        self.boxes[number, 2:] = np.maximum(self.boxes[a, 2:], self.boxes[b, 2:])
        sums = self.histograms[a] * self.pixels[a] + self.histograms[b] * self.pixels[b]
        self.histograms[number] = sums / pixels
        return number


def _with_room(table: NDArray[Any], room: int) -> NDArray[Any]:
    grown = np.zeros((room, *table.shape[1:]), table.dtype)
    grown[: len(table)] = table
    return grown
