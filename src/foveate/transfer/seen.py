"""What a frozen trunk sees of pictures, kept on disk by content, for networks that learn from it.

As the features of `foveate.transfer.features`, but whole maps of them where a network looks at places: half
precision, some fifty kilobytes a picture of 128 px.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from foveate.exporter.features import BATCH_SIZE, Extractor
from foveate.images.preprocess import Preprocessing
from foveate.kept import cache_folder
from foveate.models.captioner import Captioner
from foveate.models.model import Model
from foveate.transfer.backbone import FEATURES_VERSION, identity
from foveate.transfer.features import MIRRORED, PLAIN
from foveate.transfer.store import STORED, FeatureStore, key_of

CHECKED = 2  # real pictures on which torch and ONNX Runtime are compared
KEPT_AT_ONCE = 256  # pictures after which what was computed is kept
Progress = Callable[[int, int], None]


class SeenByTrunk:
    """What the trunk of a network sees of pictures, known or computed now. A context manager.

    trunk: the model whose weights the network's trunk has; by them what was seen is known again.
    """

    def __init__(self, network: Captioner, trunk: Model, preprocessing: Preprocessing) -> None:
        self.network, self._preprocessing = network, preprocessing
        self.width = network.seen_width(preprocessing.height, preprocessing.width)
        facts = (identity(trunk), network.seen_name, preprocessing.height, preprocessing.width)
        digest = hashlib.blake2b(repr(facts).encode(), digest_size=12).hexdigest()
        name = f"{trunk.name}-{network.seen_name}-v{FEATURES_VERSION}-{digest}.sqlite"
        self.store = FeatureStore(Path(cache_folder()) / "features" / name, self.width)
        self._extractor: Extractor | None = None

    def __enter__(self) -> SeenByTrunk:
        return self

    def __exit__(self, *error: object) -> None:
        self.store.close()

    def of(
        self,
        pixels: NDArray[np.uint8],
        progress: Progress = lambda done, total: None,
        *,
        mirrored: bool = False,
    ) -> NDArray[np.float16]:
        """(V, N, W) of pictures (N, H, W, C) as the preprocessing makes them.

        progress: called with (done, all); what it raises ends the work, and what is done is kept. mirrored:
        V = 2 views, the picture and its mirror image; else V = 1.
        """
        views = (PLAIN, MIRRORED) if mirrored else (PLAIN,)
        total = len(views) * len(pixels)
        result = np.empty((len(views), len(pixels), self.width), STORED)
        for place, view in enumerate(views):

            def tell(done: int, before: int = place * len(pixels)) -> None:
                progress(before + done, total)

            self._look(pixels, view, result[place], tell)
        return result

    def _look(
        self, pixels: NDArray[np.uint8], view: int, result: NDArray[np.float16], tell: Callable[[int], None]
    ) -> None:
        """One view of pictures, into ``result`` (N, W); tell: of how many are done."""
        for first in range(0, len(pixels), KEPT_AT_ONCE):
            rows = np.arange(first, min(first + KEPT_AT_ONCE, len(pixels)))
            keys = [key_of(pixels[row]) for row in rows]
            known = self.store.get(keys, view)
            for place, values in known.items():
                result[rows[place]] = values
            missing = np.array([place for place in range(len(rows)) if place not in known], np.int64)
            for at in range(0, len(missing), BATCH_SIZE):
                batch = rows[missing[at : at + BATCH_SIZE]]
                result[batch] = self._extract(pixels[batch], view)
                tell(first + len(known) + at)
            if len(missing):
                fresh = result[rows[missing]].astype(np.float32)
                self.store.put([keys[place] for place in missing], view, fresh)
            tell(int(rows[-1]) + 1)

    def _extract(self, pictures: NDArray[np.uint8], view: int) -> NDArray[np.float32]:
        if view == MIRRORED:
            pictures = pictures[:, :, ::-1]
        if self._extractor is None:
            self._extractor = Extractor(self.network, self._preprocessing, _Seeing(self.network))
            self._extractor.check(pictures[:CHECKED])
        return self._extractor(pictures)


class _Seeing(nn.Module):
    """Pictures (N, C, H, W) to what the trunk sees (N, W)."""

    def __init__(self, network: Captioner) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        return self.network.seen(x)
