"""The features of pictures, as a network's last layer is given them, computed by ONNX Runtime."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from foveate.errors import ParityError
from foveate.exporter.emitter import emit
from foveate.exporter.simplify import rewrite
from foveate.exporter.to_onnx import FEATURES_NAME, TRACE_BATCH, FeatureTap, FromPixels
from foveate.images.preprocess import Preprocessing
from foveate.operators.onnx import NotInTable
from foveate.runtime.session import Session
from foveate.tasks.values import MODEL_INPUT

BATCH_SIZE = 16
# Of the largest feature: float32 sums in another order differ by about 1e-6 a layer.
TOLERANCE = 1e-3


class Extractor:
    """A network up to its last layer: pictures as the preprocessing makes them -> features.

    On two cores ONNX Runtime does it about three times as fast as torch, which computes them where the
    network cannot be written as a graph. Raises InputError for a network that does not say which its last
    layer is.

    taps: what of the network gives the features, (N, C, H, W) to (N, D), where it is something else.
    """

    def __init__(
        self, network: nn.Module, preprocessing: Preprocessing, taps: nn.Module | None = None
    ) -> None:
        tapped = _Tapped(network, preprocessing) if taps is None else FromPixels(taps, preprocessing)
        self._tapped = tapped.eval()
        shape = (TRACE_BATCH, preprocessing.height, preprocessing.width, 3)
        try:
            model = emit(self._tapped, torch.zeros(shape, dtype=torch.uint8), MODEL_INPUT, FEATURES_NAME)
        except NotInTable:
            self._session = None
            return
        rewrite(model.graph, MODEL_INPUT)
        self._session = Session(model.SerializeToString())

    def __call__(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(N, H, W, 1 or 3) uint8 -> (N, D) float32."""
        parts = [self._batch(pictures[at : at + BATCH_SIZE]) for at in range(0, len(pictures), BATCH_SIZE)]
        return np.concatenate(parts)

    def check(self, pictures: NDArray[np.uint8]) -> None:
        """Compare with torch on a few real pictures. Raises ParityError."""
        expected, found = self._torch(_in_colour(pictures)), self(pictures)
        difference = float(np.abs(expected - found).max() / max(np.abs(expected).max(), 1.0))
        if not difference <= TOLERANCE:
            raise ParityError(
                f"Features from ONNX Runtime differ from torch's by {difference:.2g} of the largest; "
                "this is a fault of the export: please report it."
            )

    def _batch(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        pictures = _in_colour(pictures)
        if self._session is None:
            return self._torch(pictures)
        features: NDArray[np.float32] = self._session.run([FEATURES_NAME], {MODEL_INPUT: pictures})[0]
        return features

    def _torch(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        with torch.inference_mode():
            features: NDArray[np.float32] = self._tapped(torch.from_numpy(pictures)).numpy()
        return features


def _in_colour(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(np.repeat(pictures, 3, axis=3) if pictures.shape[3] == 1 else pictures)


class _Tapped(nn.Module):
    """uint8 pictures (N, H, W, 3) -> what the last layer is given (N, D)."""

    def __init__(self, network: nn.Module, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.from_pixels = FromPixels(network, preprocessing)
        self.tap = FeatureTap(self.from_pixels.network)

    def forward(self, images: Tensor) -> Tensor:
        self.from_pixels.outputs(images)
        return self.tap.features()
