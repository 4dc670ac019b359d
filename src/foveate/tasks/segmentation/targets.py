"""The right class of each pixel of each picture."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from foveate.errors import ImageError, UnreadableImageError
from foveate.images.preprocess import Preprocessing
from foveate.tasks.segmentation.grid import placed
from foveate.tasks.segmentation.masks import Mask, MisreadMaskError, Oddity, class_counts, look
from foveate.tasks.segmentation.names import IGNORED

MASKS = "masks"


class Facts(NamedTuple):
    """What one reading of a mask found.

    pixels: (K,) how many are of each class, none where it cannot be used. area: of the picture, in pixels.
    size: width and height. digest: equal for equal masks. fault: why it cannot be used. misread: what
    condemns all masks of the data set.
    """

    pixels: NDArray[np.int64]
    size: tuple[int, int] = (0, 0)
    digest: bytes = b""
    oddities: tuple[Oddity, ...] = ()
    fault: str | None = None
    misread: MisreadMaskError | None = None

    @property
    def area(self) -> int:
        return self.size[0] * self.size[1]


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
    _facts: dict[int, Facts] = field(default_factory=dict, repr=False)  # by the id of a mask

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
        found = [
            self.facts(row).digest or self.masks[row].name.encode("utf-8", "surrogateescape")
            for row in range(len(self))
        ]
        return np.array([zlib.crc32(each) for each in found], np.int64)

    @property
    def strata(self) -> NDArray[np.int64]:
        """One group: a picture shows several classes, each in most of the pictures or in few."""
        return np.zeros(len(self), np.int64)

    @property
    def pixels(self) -> NDArray[np.int64]:
        """(N, K) how many pixels of each picture are of each class; none of a mask that cannot be used."""
        counts = [self.facts(row).pixels for row in range(len(self))]
        return np.array(counts, np.int64).reshape(-1, self.classes)

    def facts(self, row: int) -> Facts:
        """What a picture's mask holds. Each mask is read once; several threads may ask."""
        mask = self.masks[row]
        found = self._facts.get(id(mask))
        if found is None:
            found = self._facts[id(mask)] = self._looked_at(mask)
        return found

    def fault(self, row: int, size: tuple[int, int] | None) -> str | None:
        """Why a picture cannot be used for its mask. size: of the picture, where it is known."""
        facts = self.facts(row)
        if facts.fault is None and facts.misread is None and size is not None and facts.size != size:
            (width, height), (wanted, high) = facts.size, size
            fault = f"it is {width} x {height}, and its picture {wanted} x {high}"
            facts = facts._replace(pixels=np.zeros_like(facts.pixels), fault=fault)
            self._facts[id(self.masks[row])] = facts
        return None if facts.fault is None else f"its mask {self.masks[row].name!r}: {facts.fault}"

    def _looked_at(self, mask: Mask) -> Facts:
        none = np.zeros(self.classes, np.int64)
        try:
            found = look(mask)
        except MisreadMaskError as error:
            return Facts(none, misread=error)
        except UnreadableImageError as error:
            return Facts(none, fault=error.reason)
        except ImageError as error:
            return Facts(none, fault=str(error).rstrip("."))
        pixels = self.numbers[found.pixels]
        height, width = pixels.shape
        digest = blake2b(np.array(pixels.shape, "<i8").tobytes() + pixels.tobytes(), digest_size=16).digest()
        return Facts(class_counts(pixels, self.classes), (width, height), digest, found.oddities)

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
            place = preprocessing.place(mask.shape[1], mask.shape[0])
            made[row] = placed(mask, place, height, width)
        return replace(self, on_input=made)

    def renumbered(self, names: Sequence[str], among: Sequence[str]) -> MaskTargets:
        """The same where the classes ``names`` have the places that they have in ``among``; else ignored."""
        place = {name: number for number, name in enumerate(among)}
        table = np.full(256, IGNORED, np.uint8)
        table[: len(names)] = [place.get(name, IGNORED) for name in names]
        return MaskTargets(self.masks, len(among), table[self.numbers])
