"""The right boxes of N pictures."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from foveate.images.preprocess import Preprocessing
from foveate.tasks.detection.names import BOXES, CROWD, LABELS, NO_BOX, PROPOSALS
from foveate.tasks.detection.truth import ROUNDING_PX, Naming, PictureBoxes


@dataclass(frozen=True, eq=False)
class BoxTargets:
    """Boxes of N pictures, one naming for all.

    on_input: of each picture (B, 4) float32, its boxes in pixels of the network's input, once they were
    placed. proposals: (N, R, 4) float32, where a network is to look that is told, filled up with zeros.
    """

    pictures: tuple[PictureBoxes, ...]
    naming: Naming
    on_input: tuple[NDArray[np.float32], ...] | None = None
    proposals: NDArray[np.float32] | None = None
    _sizes: dict[int, tuple[int, int]] = field(default_factory=dict, repr=False)  # by the id of a picture

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, row: int) -> PictureBoxes:
        return self.pictures[row]

    def take(self, rows: ArrayLike) -> BoxTargets:
        chosen = np.asarray(rows, np.int64).tolist()
        on_input = None if self.on_input is None else tuple(self.on_input[row] for row in chosen)
        pictures = tuple(self.pictures[row] for row in chosen)
        proposals = None if self.proposals is None else self.proposals[chosen]
        return replace(self, pictures=pictures, on_input=on_input, proposals=proposals)

    def size(self, row: int) -> tuple[int, int] | None:
        """(width, height) of a picture, where it is known."""
        one = self.pictures[row]
        return one.size or self._sizes.get(id(one))

    def fault(self, row: int, size: tuple[int, int] | None) -> str | None:
        """Why a picture cannot be used for its boxes; its size is remembered. Several threads may ask."""
        one = self.pictures[row]
        if size is None:
            return None
        self._sizes[id(one)] = size
        if not len(one):
            return None
        x1, y1 = one.boxes[:, :2].min(axis=0).tolist()
        x2, y2 = one.boxes[:, 2:].max(axis=0).tolist()
        if min(x1, y1) < -ROUNDING_PX or x2 > size[0] + ROUNDING_PX or y2 > size[1] + ROUNDING_PX:
            around = ", ".join(f"{side:g}" for side in (x1, y1, x2, y2))
            return f"its boxes reach to {around} and it has {size[0]} x {size[1]} pixels"
        if (one.boxes[:, 2:] <= one.boxes[:, :2]).any():
            return "one of its boxes is empty, or has its corners exchanged"
        return None

    @cached_property
    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """Once they are placed: boxes (N, B, 4) float32 in pixels of the input, labels (N, B) int64 and crowd
        (N, B) bool; B is the most that a picture has, at least 1, and what fills up has the label NO_BOX.
        And the proposals, where there are some.
        """
        if self.on_input is None:
            return {}
        count, most = len(self), max((len(one) for one in self.pictures), default=0)
        boxes = np.zeros((count, max(most, 1), 4), np.float32)
        labels = np.full(boxes.shape[:2], NO_BOX, np.int64)
        crowd = np.zeros(boxes.shape[:2], bool)
        for row, (one, placed) in enumerate(zip(self.pictures, self.on_input, strict=True)):
            boxes[row, : len(one)], labels[row, : len(one)] = placed, one.labels
            crowd[row, : len(one)] = one.crowd
        told = {} if self.proposals is None else {PROPOSALS: self.proposals}
        return {BOXES: boxes, LABELS: labels, CROWD: crowd, **told}

    @property
    def keys(self) -> NDArray[np.int64]:
        found = [
            zlib.crc32(one.boxes.tobytes() + one.labels.tobytes() + one.crowd.tobytes())
            for one in self.pictures
        ]
        return np.array(found, np.int64)

    @property
    def strata(self) -> NDArray[np.int64]:
        """The rarest of the classes that a picture shows, from 1; 0 of pictures without boxes.

        So the rare ones are shared out evenly, and the frequent ones are by themselves.
        """
        shown = self.shown
        order = np.argsort(np.argsort(shown.sum(axis=0), kind="stable"), kind="stable")  # 0: the rarest
        rank = np.where(shown, order, len(self.naming.classes))
        none = ~shown.any(axis=1)
        return np.where(none, 0, 1 + rank.argmin(axis=1)).astype(np.int64)

    @property
    def box_counts(self) -> NDArray[np.int64]:
        """(N, K) how many boxes of each class a picture has, crowds left out."""
        size = len(self.naming.classes)
        rows = [np.bincount(one.labels[~one.crowd], minlength=size) for one in self.pictures]
        return np.array(rows, np.int64).reshape(-1, size)

    @property
    def shown(self) -> NDArray[np.bool_]:
        """(N, K) whether a picture shows each class."""
        return self.box_counts > 0

    def placed(self, preprocessing: Preprocessing) -> BoxTargets:
        """The same with the boxes as they lie on the network's input.

        Raises ValueError for pictures whose size nobody knows, which no scan has seen.
        """
        on_input = []
        for row, one in enumerate(self.pictures):
            if (size := self.size(row)) is None:
                raise ValueError("boxes are placed by the size of their picture, which is not known")
            moved = preprocessing.place(*size).boxes(one.boxes.astype(np.float64))
            on_input.append(moved.astype(np.float32).reshape(-1, 4))
        return replace(self, on_input=tuple(on_input))

    def renamed(self, naming: Naming) -> BoxTargets:
        """The same under another naming. Raises InputError for a box whose class it lacks."""
        pictures = tuple(replace(one.named(naming), size=self.size(i)) for i, one in enumerate(self.pictures))
        return BoxTargets(pictures, naming, self.on_input, self.proposals)
