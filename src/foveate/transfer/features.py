"""Features of a data set's pictures: taken from the store where they are known, computed where not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from foveate.errors import WeightsError
from foveate.exporter.features import BATCH_SIZE, Extractor
from foveate.models.model import Model
from foveate.transfer.backbone import FEATURES_VERSION, identity, network_of, width
from foveate.transfer.store import FeatureStore, as_stored, key_of, remove_older
from foveate.words import bytes_text

CHECKED = 2  # real pictures on which torch and ONNX Runtime are compared
STRETCH = 64 * BATCH_SIZE  # pictures after which what was computed is kept: an interrupted run loses no more
PLAIN, MIRRORED = 0, 1  # the numbers of the views in the store
_OLDER = "Features that an earlier version kept ({}) are of no use to this one and were removed."


@dataclass(frozen=True)
class Extracted:
    """views: (V, N, D) float32. computed: how many of the V N rows were not known before."""

    views: NDArray[np.float32]
    computed: int


class Features:
    """The features of one backbone, with their store in ``folder``. A context manager.

    The inference session is made when the first unknown picture comes, so a second run does without.
    """

    def __init__(self, backbone: Model, folder: Path) -> None:
        self.backbone = backbone
        freed = remove_older(folder, backbone.name, FEATURES_VERSION)
        name = f"{backbone.name}-v{FEATURES_VERSION}-{identity(backbone)}.sqlite"
        self.store = FeatureStore(folder / name, width(backbone))
        self._older = (_OLDER.format(bytes_text(freed)),) if freed else ()
        self._extractor: Extractor | None = None

    def __enter__(self) -> Features:
        return self

    def __exit__(self, *error: object) -> None:
        self.store.close()

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know of what was kept, a sentence each."""
        return (*self._older, *self.store.notes)

    def of(
        self,
        pixels: NDArray[np.uint8],
        *,
        mirrored: bool = False,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> Extracted:
        """The features of pictures, and of their mirror images.

        Args:
            pixels: (N, H, W, 1 or 3) uint8 as the backbone's preprocessing makes them.
            mirrored: V = 2 views, the picture and its mirror image; else V = 1.
            progress: called with (done, all) rows; what it raises ends the work, and what is done is kept.

        Raises:
            WeightsError: a feature is no number, or beyond what half precision holds.
        """
        views = (PLAIN, MIRRORED) if mirrored else (PLAIN,)
        total = len(views) * len(pixels)
        result = np.empty((len(views), len(pixels), width(self.backbone)), np.float32)
        computed = 0
        keys = [key_of(picture) for picture in pixels]
        for place, view in enumerate(views):
            known = self.store.get(keys, view)
            for row, values in known.items():
                result[place, row] = values
            missing = np.array([row for row in range(len(pixels)) if row not in known], dtype=np.int64)
            done = place * len(pixels) + len(known)
            for rows in np.split(missing, range(STRETCH, len(missing), STRETCH)):
                for first in range(0, len(rows), BATCH_SIZE):
                    batch = rows[first : first + BATCH_SIZE]
                    result[place, batch] = self._extract(pixels[batch], view)
                    done += len(batch)
                    progress(done, total)
                self.store.put([keys[row] for row in rows], view, result[place, rows])
            computed += len(missing)
        return Extracted(result, computed)

    def _extract(self, pictures: NDArray[np.uint8], view: int) -> NDArray[np.float32]:
        if view == MIRRORED:
            pictures = pictures[:, :, ::-1]
        fresh = self._extractor is None
        extractor = self._extractor or Extractor(network_of(self.backbone), self.backbone.preprocessing)
        features = as_stored(extractor(pictures))
        if not np.isfinite(features).all():
            raise WeightsError(
                f"{self.backbone.name} with {self.backbone.source} gives features that are no numbers, or "
                "too large ones: the weights are damaged or belong to another network; take others."
            )
        if fresh:
            extractor.check(pictures[:CHECKED])
            self._extractor = extractor
        return features
