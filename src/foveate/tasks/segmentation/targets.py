"""The right class of each pixel of each picture."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from foveate.images.preprocess import Preprocessing
from foveate.tasks.segmentation.grid import placed
from foveate.tasks.segmentation.masks import Mask, class_counts
from foveate.tasks.segmentation.names import IGNORED

MASKS = "masks"


@dataclass(frozen=True, eq=False)
class MaskTargets:
    """Masks of N pictures, read when they are asked for.

    numbers: (256,) uint8, what each number in the masks is among the task's classes; IGNORED stays itself.
    on_input: (N, height, width) uint8, the masks as they lie on the network's input, once they were placed.
    """

    masks: tuple[Mask, ...]
    classes: int
    numbers: NDArray[np.uint8] = field(default_factory=lambda: np.arange(256, dtype=np.uint8))
    on_input: NDArray[np.uint8] | None = None
    _counted: dict[int, NDArray[np.int64]] = field(default_factory=dict, repr=False)  # id of a mask -> (K,)

    def __len__(self) -> int:
        return len(self.masks)

    def take(self, rows: ArrayLike) -> MaskTargets:
        chosen = np.asarray(rows, np.int64)
        masks = tuple(self.masks[row] for row in chosen.tolist())
        whole = self.on_input is not None and np.array_equal(chosen, np.arange(len(self)))
        on_input = self.on_input if whole or self.on_input is None else self.on_input[chosen]
        return replace(self, masks=masks, on_input=on_input)

    def mask(self, row: int) -> NDArray[np.uint8]:
        """(H, W) the classes of a picture's pixels, or IGNORED. Raises as `Mask.read`."""
        return self.numbers[self.masks[row].read()]

    @property
    def arrays(self) -> Mapping[str, NDArray[np.uint8]]:
        return {} if self.on_input is None else {MASKS: self.on_input}

    @property
    def keys(self) -> NDArray[np.int64]:
        return np.array([zlib.crc32(mask.data()) for mask in self.masks], np.int64)

    @property
    def strata(self) -> NDArray[np.int64]:
        """One group: a picture shows several classes, each in most of the pictures or in few."""
        return np.zeros(len(self), np.int64)

    @property
    def pixels(self) -> NDArray[np.int64]:
        """(N, K) how many pixels of each picture are of each class. Each mask is read once."""
        for row, mask in enumerate(self.masks):
            if id(mask) not in self._counted:
                self._counted[id(mask)] = class_counts(self.mask(row), self.classes)
        return np.array([self._counted[id(mask)] for mask in self.masks], np.int64).reshape(-1, self.classes)

    def placed(
        self,
        preprocessing: Preprocessing,
        allocate: Callable[[tuple[int, ...]], NDArray[np.uint8]] = lambda shape: np.zeros(shape, np.uint8),
    ) -> MaskTargets:
        """The same with each mask as it lies on the network's input. Raises as `Mask.read`."""
        height, width = preprocessing.height, preprocessing.width
        made = allocate((len(self), height, width))
        for row in range(len(self)):
            mask = self.mask(row)
            self._counted.setdefault(id(self.masks[row]), class_counts(mask, self.classes))
            place = preprocessing.place(mask.shape[1], mask.shape[0])
            made[row] = placed(mask, place, height, width)
        return replace(self, on_input=made)

    def renumbered(self, names: Sequence[str], among: Sequence[str]) -> MaskTargets:
        """The same where the classes ``names`` are to have the places that they have in ``among``."""
        place = {name: number for number, name in enumerate(among)}
        table = np.full(256, IGNORED, np.uint8)
        table[: len(names)] = [place[name] for name in names]
        return MaskTargets(self.masks, len(among), table[self.numbers])
