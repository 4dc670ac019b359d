"""Receptive fields by interval arithmetic: which input pixels each position of a map can depend on.

Along each axis a map's position ``i`` sees the input pixels ``first[i] … last[i]``; every operation on maps
becomes an operation on these intervals. Where paths meet, the union is taken (its hull), so residual sums and
concatenations show the largest of their branches. Padding that copies pixels (reflect, replicate, circular)
shows the pixels that it copies: a window that wraps around sees both ends, and the hull is all between.

Beside them stand the intervals ``lo[i] … hi[i]`` of the theory (Araujo, Norris and Sim, *Computing receptive
fields of convolutional neural networks*, Distill 2019): there the picture goes on before pixel 0 and behind
the last one, so that the size of a field does not shrink at the border.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import numpy as np

FAR = 1 << 40  # further than any picture reaches


@dataclass(frozen=True)
class Axis:
    """What the positions of a map see along one axis; all arrays are int64 (positions,).

    first, last: the first and last pixel of the input that a position can depend on; where it sees nothing
    but zeros, last is before first. lo, hi: the same as if the picture went on; both are increasing.
    jump: input pixels from one position to the next; None when there is no next one to speak of.
    """

    lo: np.ndarray
    hi: np.ndarray
    jump: float | None
    first: np.ndarray
    last: np.ndarray

    @classmethod
    def of_input(cls, n: int) -> Axis:
        return cls(np.arange(n), np.arange(n), 1, np.arange(n), np.arange(n))

    @classmethod
    def everything(cls, n: int, jump: float | None = None) -> Axis:
        low, high = np.full(n, -FAR), np.full(n, FAR)
        return cls(low, high, jump, low, high)

    def __len__(self) -> int:
        return len(self.lo)

    @property
    def size(self) -> int | None:
        """Pixels that one position sees, padding included; None for the whole picture."""
        size = int((self.hi - self.lo).max()) + 1
        return size if size < FAR else None

    def at(self, first: np.ndarray, last: np.ndarray, jump: float | None, step: int = 1) -> Axis:
        """The axis whose position i sees what positions ``first[i], first[i] + step … last[i]`` of this see.

        Positions that this axis does not have are padding of zeros.
        """
        places = first[:, None] + np.arange(0, int((last - first).max(initial=0)) + 1, step)  # (n, window)
        there = (places <= last[:, None]) & (places >= 0) & (places < len(self))
        inside = np.clip(places, 0, len(self) - 1)
        return Axis(
            self._edge(self.lo, first),
            self._edge(self.hi, last),
            jump,
            np.where(there, self.first[inside], FAR).min(axis=1),
            np.where(there, self.last[inside], -FAR).max(axis=1),
        )

    def _edge(self, edge: np.ndarray, index: np.ndarray) -> np.ndarray:
        inside = np.clip(index, 0, len(edge) - 1)
        outside = np.rint((index - inside) * (self.jump or 0)).astype(np.int64)
        return edge[inside] + outside

    def _scaled(self, factor: float) -> float | None:
        if self.jump is None:
            return None
        jump = self.jump * factor
        return int(jump) if jump == int(jump) else jump

    def window(self, n: int, kernel: int, stride: int = 1, before: int = 0, dilation: int = 1) -> Axis:
        """A convolution or pooling that takes ``n`` places."""
        first = np.arange(n) * stride - before
        return self.at(first, first + dilation * (kernel - 1), self._scaled(stride), dilation)

    def spread(self, n: int, kernel: int, stride: int = 1, before: int = 0, dilation: int = 1) -> Axis:
        """A transposed convolution with ``n`` outputs."""
        place = np.arange(n) + before
        first = -((dilation * (kernel - 1) - place) // stride)
        return self.at(first, place // stride, self._scaled(1 / stride))

    def adaptive(self, n: int) -> Axis:
        """Adaptive pooling to ``n`` windows: floor(i·size/n) … ceil((i+1)·size/n) − 1."""
        i = np.arange(n)
        last = -(-(i + 1) * len(self) // n) - 1
        return self.at(i * len(self) // n, last, self._scaled(len(self) / n))

    def taken(self, first: np.ndarray, last: np.ndarray) -> Axis:
        """Resizing whose place i takes the lines ``first[i]`` to ``last[i]``."""
        return self.at(first, last, self._scaled(len(self) / len(first)))

    def resized(self, n: int, reach: int = 0) -> Axis:
        """Resizing to ``n``: each takes the pixel under it, and ``reach`` neighbours on both sides."""
        under = np.arange(n) * len(self) // n
        return self.at(under - reach, under + reach, self._scaled(len(self) / n))

    def pad(self, before: int, after: int, fill: str = "zeros") -> Axis:
        """Padding with zeros (or another constant), or by copies: "reflect", "replicate", "circular"."""
        index = np.arange(-before, len(self) + after)
        padded = self.at(index, index, self.jump)
        source = copied(index, len(self), fill)
        return padded if source is None else replace(padded, first=self.first[source], last=self.last[source])

    def take(self, start: int, stop: int, step: int) -> Axis:
        index = np.arange(len(self))[start:stop:step]
        return self.at(index, index, self._scaled(step))

    def joined(self, other: Axis) -> Axis:
        """The hull of both; an axis of length 1 is broadcast."""
        jumps = [axis.jump for axis in (self, other) if axis.jump is not None]
        lo, hi = np.minimum(self.lo, other.lo), np.maximum(self.hi, other.hi)
        first, last = np.minimum(self.first, other.first), np.maximum(self.last, other.last)
        return Axis(lo, hi, max(jumps, default=None), first, last)


def copied(index: np.ndarray, n: int, fill: str) -> np.ndarray | None:
    """Which of ``n`` positions a padding copies to each index, (-n …, 2n); None where it copies none."""
    match fill:
        case "replicate":
            return np.clip(index, 0, n - 1)
        case "reflect":
            mirrored = np.abs(index)
            return np.where(mirrored < n, mirrored, 2 * (n - 1) - mirrored)
        case "circular":
            return index % n
    return None


@dataclass(frozen=True)
class Field:
    """What the positions of a map see along both axes."""

    rows: Axis
    columns: Axis

    @classmethod
    def of_input(cls, height: int, width: int) -> Field:
        return cls(Axis.of_input(height), Axis.of_input(width))

    @classmethod
    def everything(cls, shape: Sequence[int] = ()) -> Field:
        """Sees the whole picture: what global pooling, dense layers and operations unknown here do."""
        height, width = shape[-2:] if len(shape) >= 4 else (1, 1)
        return cls(Axis.everything(height), Axis.everything(width))

    @property
    def axes(self) -> tuple[Axis, Axis]:
        return self.rows, self.columns

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.rows), len(self.columns)

    def through(self, window: Mapping[str, Any], size: tuple[int, ...]) -> Field:
        """The field behind a sliding window, from its settings, that leaves a map of ``size`` (h, w)."""
        kernel, stride, dilation = window["kernel"], window["stride"], window["dilation"]
        fill, axes = window.get("fill", "zeros"), []
        for i, axis in enumerate(self.axes):
            before, after = window["around"][i]
            if fill != "zeros":  # copies of pixels are seen where they came from
                axis, before = axis.pad(before, after, fill), 0  # noqa: PLW2901
            axes.append(axis.window(size[i], kernel[i], stride[i], before, dilation[i]))
        return Field(*axes)

    def sees(self, row: int, column: int) -> tuple[int, int, int, int]:
        """(top, bottom, left, right): the first and last input row and column that a position depends on.

        (0, -1) stands for an axis along which the position sees nothing but zeros around the picture.
        """
        sides = []
        for axis, place in zip(self.axes, (row, column), strict=True):
            first, last = int(axis.first[place]), int(axis.last[place])
            sides += [first, last] if first <= last else [0, -1]
        return sides[0], sides[1], sides[2], sides[3]


def union(fields: Sequence[Field]) -> Field:
    """The hull of fields that meet in a sum, a product or a concatenation of channels."""
    return reduce(lambda a, b: Field(a.rows.joined(b.rows), a.columns.joined(b.columns)), fields)
