"""The right labels of each picture."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from foveate.errors import ShapeError


@dataclass(frozen=True, eq=False)
class LabelTargets:
    """present: (N, K) uint8 of 0 and 1, read-only: which of the task's labels each picture has."""

    present: NDArray[Any]

    def __post_init__(self) -> None:
        present = np.array(self.present, np.uint8)
        if present.ndim != 2:
            raise ShapeError(f"Label targets are a row of 0 and 1 a picture, (N, K), not {present.shape}.")
        present.setflags(write=False)
        object.__setattr__(self, "present", present)

    def __len__(self) -> int:
        return len(self.present)

    def take(self, rows: ArrayLike) -> LabelTargets:
        return LabelTargets(self.present[np.asarray(rows, np.int64)])

    @property
    def arrays(self) -> Mapping[str, NDArray[np.uint8]]:
        return {"present": self.present}

    @property
    def keys(self) -> NDArray[np.int64]:
        """CRC-32 of the labels, eight to the byte: up to 32 labels no two sets share one."""
        bits = np.packbits(self.present, axis=1)
        return np.array([zlib.crc32(row.tobytes()) for row in bits], np.int64)

    @property
    def strata(self) -> NDArray[np.int64]:
        """The rarest label that a picture has, of equally rare ones the first; K for pictures without any.

        So the few pictures of a rare label are dealt out in its shares, whatever else they show, which is how
        iterative stratification begins (Sechidis, Tsoumakas, Vlahavas: "On the stratification of multi-label
        data", ECML 2011); frequent labels follow by their number.
        """
        rarest_first = np.argsort(self.present.sum(axis=0, dtype=np.int64), kind="stable")
        ordered = self.present[:, rarest_first]
        without = np.full(len(self), self.present.shape[1])
        return np.where(ordered.any(axis=1), rarest_first[ordered.argmax(axis=1)], without)
