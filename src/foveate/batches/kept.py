"""Batches of what a frozen trunk saw, while it is frozen, and of pictures once it learns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from foveate.batches.loader import Batch, EvaluationBatches, Shared, TrainingBatches


class KeptBatches(TrainingBatches):
    """The training split: for the first ``kept_share`` of a run what was seen of it, in the same order.

    seen: (N, W) float16, of each picture as it is; nothing of it is moved or brightened.
    """

    def __init__(self, *args: Any, seen: NDArray[np.float16], kept_share: float, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.seen, self.kept_share, self.keeps = seen, kept_share, kept_share > 0

    def begin(self, progress: float) -> None:
        super().begin(progress)
        self.keeps = progress < self.kept_share

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        if not self.keeps:
            yield from super().epoch(epoch, start)
            return
        order = self._order(epoch)
        for _, rows, _, shared in self._parts(start):
            yield _kept(self, self.seen, order[rows], shared)


class KeptEvaluation(EvaluationBatches):
    """A split in its own order: what was seen of it, as long as the training batches are of that kind."""

    def __init__(self, *args: Any, seen: NDArray[np.float16], training: KeptBatches, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.seen, self.training = seen, training

    def __iter__(self) -> Iterator[Batch]:
        if not self.training.keeps:
            yield from super().__iter__()
            return
        for rows in self._rows():
            yield _kept(self, self.seen, rows)


def _kept(
    batches: TrainingBatches | EvaluationBatches,
    seen: NDArray[np.float16],
    rows: Tensor,
    shared: Shared | None = None,
) -> Batch:
    device = batches.pixels.device
    found = torch.from_numpy(seen[rows.numpy()]).to(device).float()  # (n, W)
    return Batch(found, batches.pixels.answers(rows.to(device)), shared=shared)
