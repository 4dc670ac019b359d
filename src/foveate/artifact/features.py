"""The features of pictures, as a network's last layer is given them, computed by ONNX Runtime."""

from __future__ import annotations

import contextlib

import numpy as np
import torch
from torch import Tensor, nn

from foveate.artifact.emitter import NotInTable, emit
from foveate.artifact.export import FEATURES_NAME, TRACE_BATCH, Deployed, FeatureTap
from foveate.artifact.predictor import INPUT_NAME, open_session
from foveate.images.preprocess import Preprocessing

BATCH_SIZE = 32


def features_of(network: nn.Module, preprocessing: Preprocessing, pictures: np.ndarray) -> np.ndarray:
    """(N, D) float32 of pictures (N, H, W, 1 or 3) uint8 as the preprocessing makes them.

    Raises InputError for a network that does not say which its last layer is.
    """
    tapped = _Features(network, preprocessing).eval()
    if pictures.shape[3] == 1:
        pictures = np.repeat(pictures, 3, axis=3)
    sample = torch.zeros((TRACE_BATCH, *pictures.shape[1:]), dtype=torch.uint8)
    session = None
    with contextlib.suppress(NotInTable):  # torch is slower, and does
        session = open_session(emit(tapped, sample, INPUT_NAME, FEATURES_NAME).SerializeToString())
    parts = []
    for at in range(0, len(pictures), BATCH_SIZE):
        batch = np.ascontiguousarray(pictures[at : at + BATCH_SIZE])
        if session is not None:
            parts.append(session.run([FEATURES_NAME], {INPUT_NAME: batch})[0])
        else:
            with torch.inference_mode():
                parts.append(tapped(torch.from_numpy(batch)).numpy())
    return np.concatenate(parts)


class _Features(nn.Module):
    """uint8 pictures (N, H, W, 3) -> what the last layer is given (N, D)."""

    def __init__(self, network: nn.Module, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.deployed = Deployed(network, preprocessing, 1.0)
        self.tap = FeatureTap(self.deployed.network)

    def forward(self, images: Tensor) -> Tensor:
        self.deployed.logits(images)
        return self.tap.features()
