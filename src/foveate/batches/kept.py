"""Batches of what a frozen trunk saw, while it is frozen, and of pictures once it learns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from foveate.batches.loader import Batch, EvaluationBatches, Shared, TrainingBatches, mix_seed
from foveate.tasks.learning import Learner


class KeptBatches(TrainingBatches):
    """The training split: for the first ``kept_share`` of a run what was seen of it, in the same order.

    seen: (V, N, W) float16, of each picture as it is and, V = 2, of its mirror image: then each is seen from
    either side as the augmentation has it; nothing else of it is moved or brightened. learner: knows what
    the answers of mirror images are.
    """

    def __init__(
        self,
        *args: Any,
        seen: NDArray[np.float16],
        kept_share: float,
        learner: Learner,
        **settings: Any,
    ) -> None:
        super().__init__(*args, **settings)
        self.seen, self.kept_share, self.keeps = seen, kept_share, kept_share > 0
        self.learner = learner

    def begin(self, progress: float) -> None:
        super().begin(progress)
        self.keeps = progress < self.kept_share

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        if not self.keeps:
            yield from super().epoch(epoch, start)
            return
        order, generator = self._order(epoch), torch.Generator()
        for number, rows, within, shared in self._parts(start):
            indices = order[rows]
            views = torch.zeros(len(indices), dtype=torch.bool)
            if len(self.seen) > 1:
                generator.manual_seed(mix_seed(self.seed, 2, epoch, number))
                views = self.augmentation.flipped(indices, epoch, generator, within)
            yield self._kept(indices, views, shared)

    def _kept(self, indices: Tensor, views: Tensor, shared: Shared | None) -> Batch:
        """What was seen of pictures, of those in ``views`` (n,) bool of their mirror images."""
        batch = _kept(self, self.seen[views.long().numpy(), indices.numpy()], indices, shared)
        if not views.any():
            return batch
        device = self.pixels.device
        height, width = self.pixels.images.shape[1:3]
        geometry = torch.eye(2, 3).repeat(len(views), 1, 1)  # (n, 2, 3)
        geometry[views, 0] = torch.tensor([-1.0, 0.0, width])
        targets = self.learner.moved(batch.targets, geometry.to(device), (height, width))
        return Batch(batch.images, targets, shared=shared)


class KeptEvaluation(EvaluationBatches):
    """A split in its own order: what was seen of it, as long as the training batches are of that kind.

    seen: (N, W) float16.
    """

    def __init__(self, *args: Any, seen: NDArray[np.float16], training: KeptBatches, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.seen, self.training = seen, training

    def __iter__(self) -> Iterator[Batch]:
        if not self.training.keeps:
            yield from super().__iter__()
            return
        for rows in self._rows():
            yield _kept(self, self.seen[rows.numpy()], rows)


def _kept(
    batches: TrainingBatches | EvaluationBatches,
    seen: NDArray[np.float16],
    rows: Tensor,
    shared: Shared | None = None,
) -> Batch:
    """seen: (n, W), of the pictures in these rows."""
    device = batches.pixels.device
    found = torch.from_numpy(seen).to(device).float()
    return Batch(found, batches.pixels.answers(rows.to(device)), shared=shared)
