"""The right class of each picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from foveate.errors import ShapeError


@dataclass(frozen=True, eq=False)
class ClassTargets:
    """labels: (N,) int64, read-only, counting the task's classes."""

    labels: NDArray[Any]

    def __post_init__(self) -> None:
        labels = np.array(self.labels, np.int64)
        if labels.ndim != 1:
            raise ShapeError(f"Class targets are one number a picture, (N,), not an array {labels.shape}.")
        labels.setflags(write=False)
        object.__setattr__(self, "labels", labels)

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: ArrayLike) -> ClassTargets:
        return ClassTargets(self.labels[np.asarray(rows, np.int64)])

    @property
    def arrays(self) -> Mapping[str, NDArray[np.int64]]:
        return {"labels": self.labels}

    @property
    def keys(self) -> NDArray[np.int64]:
        return self.labels

    @property
    def strata(self) -> NDArray[np.int64]:
        return self.labels
