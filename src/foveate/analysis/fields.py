"""Receptive fields by interval arithmetic: which input pixels each position of a map can depend on.

Along each axis a map's position ``i`` sees the input pixels ``lo[i] … hi[i]``; every operation on maps
becomes an operation on these intervals. Where paths meet, the union is taken (its hull), so residual sums and
concatenations show the largest of their branches. Pixels before 0 or behind the image are padding: intervals
may reach there, so that the size is the one of the theory (Araujo, Norris and Sim, *Computing receptive
fields of convolutional neural networks*, Distill 2019) and does not shrink at the border. Padding that copies
pixels (reflect, replicate, circular) is counted as if the picture went on; circular windows wrap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

FAR = 1 << 40  # further than any picture reaches


@dataclass(frozen=True)
class Axis:
    """What the positions of a map see along one axis.

    lo, hi: int64 arrays (positions,), first and last input pixel; both are increasing.
    jump: input pixels from one position to the next; None when there is no next one to speak of.
    """

    lo: np.ndarray
    hi: np.ndarray
    jump: float | None

    @classmethod
    def of_input(cls, n: int) -> Axis:
        return cls(np.arange(n), np.arange(n), 1)

    @classmethod
    def everything(cls, n: int, jump: float | None = None) -> Axis:
        return cls(np.full(n, -FAR), np.full(n, FAR), jump)

    def __len__(self) -> int:
        return len(self.lo)

    @property
    def size(self) -> int | None:
        """Pixels that one position sees, padding included; None for the whole picture."""
        size = int((self.hi - self.lo).max()) + 1
        return size if size < FAR else None

    def at(self, first: np.ndarray, last: np.ndarray, jump: float | None) -> Axis:
        """The axis whose position i sees what positions ``first[i] … last[i]`` of this one see."""
        return Axis(self._edge(self.lo, first), self._edge(self.hi, last), jump)

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
        return self.at(first, first + dilation * (kernel - 1), self._scaled(stride))

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

    def resized(self, n: int, reach: int = 0) -> Axis:
        """Resizing to ``n``: each takes the pixel under it, and ``reach`` neighbours on both sides."""
        under = np.arange(n) * len(self) // n
        return self.at(under - reach, under + reach, self._scaled(len(self) / n))

    def pad(self, before: int, after: int) -> Axis:
        index = np.arange(-before, len(self) + after)
        return self.at(index, index, self.jump)

    def take(self, start: int, stop: int, step: int) -> Axis:
        index = np.arange(len(self))[start:stop:step]
        return self.at(index, index, self._scaled(step))

    def joined(self, other: Axis) -> Axis:
        """The hull of both; an axis of length 1 is broadcast."""
        jumps = [axis.jump for axis in (self, other) if axis.jump is not None]
        lo, hi = np.minimum(self.lo, other.lo), np.maximum(self.hi, other.hi)
        return Axis(lo, hi, max(jumps, default=None))


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

    def sees(self, row: int, column: int) -> tuple[int, int, int, int]:
        """(top, bottom, left, right): the first and last input row and column that a position depends on."""
        r, c = self.axes
        return int(r.lo[row]), int(r.hi[row]), int(c.lo[column]), int(c.hi[column])


def union(fields: Sequence[Field]) -> Field:
    """The hull of fields that meet in a sum, a product or a concatenation of channels."""
    return reduce(lambda a, b: Field(a.rows.joined(b.rows), a.columns.joined(b.columns)), fields)
