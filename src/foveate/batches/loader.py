"""From pixels in memory to shuffled, augmented, normalised batches.

Nothing here keeps a random state between batches: a batch is a function of seed, epoch and its number in the
epoch, so training resumes in the middle of an epoch without replaying it.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, overload

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from foveate.batches.augment import Augmentation, Rows
from foveate.batches.recording import Repeated, recorder_for
from foveate.errors import InputError
from foveate.images.preprocess import Preprocessing
from foveate.tasks.learning import Learner
from foveate.tasks.targets import Targets


def mix_seed(*numbers: int) -> int:
    """One 63-bit seed from several numbers, well mixed (NumPy's SeedSequence)."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))


class Shared(NamedTuple):
    """A batch of ``total`` pictures is shared by ``ranks`` processes, to one picture alike."""

    ranks: int
    total: int


@dataclass(frozen=True)
class Batch:
    """images: (N, C, H, W) float32, normalised, channels_last; targets: (N, ...) each, by name.

    The targets are those of the pictures as they were. geometry: (N, 2, 3) float32, how `Augmentation` moved
    each picture since; None: not at all. shared: who has the rest of the batch, if these are not all of it.
    """

    images: Tensor
    targets: Mapping[str, Tensor]
    geometry: Tensor | None = None
    shared: Shared | None = None

    def moved_targets(self, learner: Learner) -> Mapping[str, Tensor]:
        """The targets as they lie in ``images``."""
        if self.geometry is None:
            return self.targets
        return learner.moved(self.targets, self.geometry, (self.images.shape[2], self.images.shape[3]))


@dataclass(frozen=True)
class Part:
    """Which part of all pictures is this process's: number ``number`` of ``parts``."""

    number: int = 0
    parts: int = 1

    def of(self, first: int, last: int) -> tuple[int, int, Shared | None]:
        """(first, last) of this part of the rows ``first`` to ``last``, and who has the rest of them.

        Parts differ by one row at most. Rows that are fewer than the parts are not shared: everybody has all.
        """
        count, parts = last - first, self.parts
        if parts == 1 or count < parts:
            return first, last, None
        low, high = (first + count * number // parts for number in (self.number, self.number + 1))
        return low, high, Shared(parts, count)


WHOLE = Part()
LARGEST_SHARE = 0.4  # of a card's free memory that pictures may take: networks need the rest


class Pixels:
    """A split's pictures, (N, H, W, C) uint8, and their answers as tensors.

    The pictures may be a memory map on disk; they are then read batch by batch. ``resident``: whether they
    lie on the device. On a card they do where they fit; else they go there batch by batch.
    """

    def __init__(self, images: np.ndarray, targets: Targets, device: torch.device | str = "cpu") -> None:
        if images.ndim != 4 or images.dtype != np.uint8:
            raise InputError(f"Pixels takes (N, H, W, C) uint8 pictures, not {images.shape} {images.dtype}.")
        if len(targets) != len(images):
            raise InputError(
                f"Pixels takes an answer a picture: {len(images)} pictures, {len(targets)} answers."
            )
        self.device = torch.device(device)
        self.targets = targets
        self._answers = _answers(targets, self.device)
        # A memory map that was opened read-only stays usable: the tensor is never written to.
        self.images = torch.from_numpy(images if images.flags.writeable else _as_writeable_view(images))
        self.images, self.resident = _on(self.device, self.images)

    def __len__(self) -> int:
        return len(self.images)

    def answered(self, targets: Targets) -> Pixels:
        """The same pictures with other answers."""
        other = copy.copy(self)
        other.targets, other._answers = targets, _answers(targets, self.device)
        return other

    def take(self, indices: Tensor) -> Tensor:
        """The pictures with these numbers as (n, C, H, W) uint8 on the device, stored channels last."""
        if self.resident:
            return self.images.index_select(0, indices).permute(0, 3, 1, 2)
        chosen = self.images.index_select(0, indices.cpu()).pin_memory()
        return chosen.to(self.device, non_blocking=True).permute(0, 3, 1, 2)

    def answers(self, indices: Tensor) -> dict[str, Tensor]:
        """The answers of the pictures with these numbers, by name."""
        return {name: values[indices] for name, values in self._answers.items()}


def _answers(targets: Targets, device: torch.device) -> dict[str, Tensor]:
    return {name: torch.from_numpy(np.array(values)).to(device) for name, values in targets.arrays.items()}


def _on(device: torch.device, images: Tensor) -> tuple[Tensor, bool]:
    """The pictures on the device, and True; as they are, and False, where they are too many for it."""
    if device.type != "cuda":
        return images.to(device), True
    free, _ = torch.cuda.mem_get_info(device)
    if images.nbytes > LARGEST_SHARE * free:
        return images, False
    return images.to(device), True


def _as_writeable_view(images: np.ndarray) -> np.ndarray:
    """torch warns about read-only memory; nothing here writes, so a copy is made only if one is needed."""
    return images if images.flags.writeable else np.array(images)


class Normaliser:
    """uint8 (N, C, H, W) -> float32 (N, C, H, W): the multiply and add of `Preprocessing.normalise`."""

    def __init__(self, preprocessing: Preprocessing, device: torch.device | str = "cpu") -> None:
        channels = preprocessing.channels
        self.scale = torch.from_numpy(preprocessing.scale.reshape(1, channels, 1, 1).copy()).to(device)
        self.shift = torch.from_numpy(preprocessing.shift.reshape(1, channels, 1, 1).copy()).to(device)

    def __call__(self, images: Tensor) -> Tensor:
        return images.to(torch.float32, memory_format=torch.channels_last).mul_(self.scale).add_(self.shift)


class Bounds(Sequence[tuple[int, int]]):
    """``count`` samples cut into batches; every sample is kept, and no batch holds a single one.

    A last batch of one has no variance for batch normalisation, so it joins the batch before it.
    """

    def __init__(self, count: int, batch_size: int) -> None:
        self.samples, self.batch_size = count, batch_size
        batches = -(-count // batch_size)
        alone = batches > 1 and count - (batches - 1) * batch_size == 1
        self._batches = batches - alone

    def __len__(self) -> int:
        return self._batches

    @overload
    def __getitem__(self, number: int) -> tuple[int, int]: ...
    @overload
    def __getitem__(self, number: slice) -> list[tuple[int, int]]: ...
    def __getitem__(self, number: int | slice) -> tuple[int, int] | list[tuple[int, int]]:
        if isinstance(number, slice):
            return [self[one] for one in range(*number.indices(len(self)))]
        at = range(len(self))[number]
        last = at == len(self) - 1
        return at * self.batch_size, self.samples if last else (at + 1) * self.batch_size

    @property
    def smallest(self) -> int:
        """The fewest samples of a batch."""
        return min(last - first for first, last in {self[0], self[-1]})


class TrainingBatches:
    """The training split, shuffled and augmented.

    Args:
        pixels: the pictures.
        batch_size: samples a step; tiny data sets give smaller batches, never dropped samples.
        seed: with the epoch's number it decides order and augmentation.
        halved_share: for this share of a run pictures have half their sides.
        part: of each batch what this process makes of it. Batches are the same however many share them.
    """

    def __init__(
        self,
        pixels: Pixels,
        normalise: Normaliser,
        *,
        batch_size: int,
        augmentation: Augmentation | None = None,
        seed: int = 0,
        halved_share: float = 0.0,
        part: Part = WHOLE,
    ) -> None:
        if batch_size < 1:
            raise InputError(f"The batch size is at least 1, not {batch_size}.")
        self.pixels = pixels
        self.normalise = normalise
        self.batch_size = batch_size
        self.augmentation = augmentation or Augmentation()
        self.seed = seed
        self.halved_share, self.halved = halved_share, halved_share > 0
        self.part = part
        self._rows: Rows | None = None  # of the batch that is being made
        self.bounds = Bounds(len(pixels), batch_size)

    @cached_property
    def _generator(self) -> torch.Generator:
        return torch.Generator(device=self.pixels.device)

    @cached_property
    def made(self) -> Repeated:
        """`_make`, recorded where the device records and the pictures lie there."""
        recorder = recorder_for(self.pixels.device) if self.pixels.resident else None
        return Repeated(self._make, recorder, self._generator)

    def __len__(self) -> int:
        """Batches an epoch."""
        return len(self.bounds)

    @property
    def count(self) -> int:
        """Pictures an epoch."""
        return self.bounds.samples

    def begin(self, progress: float) -> None:
        """Say how much of the run is over as an epoch begins."""
        self.halved = progress < self.halved_share

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The batches of an epoch (counted from 0), from number ``start`` on.

        On a card a batch lies where the one before it lay: it holds until the next one is asked for.
        """
        device = self.pixels.device
        which = torch.full((), epoch, device=device)
        order = self._order(epoch)
        if self.pixels.resident:
            order = order.to(device)
        for number, rows, within, shared in self._parts(start):
            self._generator.manual_seed(mix_seed(self.seed, 2, epoch, number))
            self._rows = within
            pictures, geometry, *answers = self.made(order[rows], which, kind=(self.halved, within))
            targets = dict(zip(self.pixels.targets.arrays, answers, strict=True))
            yield Batch(pictures, targets, geometry, shared)

    def _order(self, epoch: int) -> Tensor:
        """(N,) in which order the pictures come."""
        shuffle = torch.Generator().manual_seed(mix_seed(self.seed, 1, epoch))
        return torch.randperm(len(self.pixels), generator=shuffle)

    def _parts(self, start: int) -> Iterator[tuple[int, slice, Rows | None, Shared | None]]:
        """Of each batch its number, where in the order and in the batch this process's part lies, and who has
        the rest.
        """
        for number in range(start, len(self.bounds)):
            first, last = self.bounds[number]
            low, high, shared = self.part.of(first, last)
            yield number, slice(low, high), shared and Rows(low - first, last - first), shared

    def _make(self, indices: Tensor, epoch: Tensor) -> tuple[Tensor, ...]:
        """Pictures (N, C, H, W), how they were moved (N, 2, 3), and each of their answers."""
        images, indices = self.pixels.take(indices), indices.to(self.pixels.device)
        return *self._moved(images, indices, epoch), *self.pixels.answers(indices).values()

    def _moved(self, images: Tensor, indices: Tensor, epoch: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures (N, C, H, W) uint8 as the network gets them, and how they were moved (N, 2, 3)."""
        images, geometry = self.augmentation(images, indices, epoch, self._generator, self._rows)
        pictures = self.normalise(images)
        if self.halved:
            pictures = F.avg_pool2d(pictures, 2, ceil_mode=True, count_include_pad=False)
        return pictures, geometry

    def preview(self, count: int) -> tuple[np.ndarray, Targets]:
        """Augmented pictures before normalisation, (n, H, W, C) uint8, and their answers."""
        count = min(count, len(self.pixels))
        shuffle = torch.Generator().manual_seed(mix_seed(self.seed, 3))
        indices = torch.randperm(len(self.pixels), generator=shuffle)[:count].to(self.pixels.device)
        generator = torch.Generator(device=self.pixels.device).manual_seed(mix_seed(self.seed, 4))
        images, _ = self.augmentation(self.pixels.take(indices), indices, 0, generator)
        answers = self.pixels.targets.take(indices.cpu().numpy())
        return images.permute(0, 2, 3, 1).cpu().numpy(), answers


class EvaluationBatches:
    """A split in its own order, as it is: no shuffling, no augmentation.

    part: of the split what this process goes through; ``targets`` are those of all.
    """

    def __init__(
        self, pixels: Pixels, normalise: Normaliser, *, batch_size: int = 500, part: Part = WHOLE
    ) -> None:
        self.pixels = pixels
        self.normalise = normalise
        self.batch_size = batch_size
        self.part = part

    @property
    def targets(self) -> Targets:
        """The answers of all its pictures, in their order."""
        return self.pixels.targets

    def __len__(self) -> int:
        first, last, _ = self.part.of(0, len(self.pixels))
        return math.ceil((last - first) / self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        for indices in self._rows():
            rows = indices.to(self.pixels.device)
            yield Batch(self.normalise(self.pixels.take(rows)), self.pixels.answers(rows))

    def _rows(self) -> Iterator[Tensor]:
        """The numbers of each batch's pictures."""
        begin, end, _ = self.part.of(0, len(self.pixels))
        for first in range(begin, end, self.batch_size):
            yield torch.arange(first, min(first + self.batch_size, end))
