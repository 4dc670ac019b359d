"""The article's network for 28x28 grey pictures, twin of :mod:`foveate.models.convnet1`."""

from __future__ import annotations

import numpy as np

from foveate.reference.activations import relu, relu_backward
from foveate.reference.dense import flatten, flatten_backward
from foveate.reference.network import BatchNorm, Conv2d, Dense, Operation, Sequential
from foveate.reference.pooling import max_pool, max_pool_backward


def convnet1(kernel: int = 5, *, rng: np.random.Generator, num_classes: int = 10) -> Sequential:
    """Two stages and a dense layer: (N, 1, 28, 28) to scores (N, num_classes).

    Args:
        kernel: 5 as in the article's text, or 3 as in its code; padding keeps the size.
    """
    return Sequential(
        {
            "layer1": _stage(1, 16, kernel, rng),  # (N, 16, 14, 14)
            "layer2": _stage(16, 32, kernel, rng),  # (N, 32, 7, 7)
            "flatten": Operation(flatten, flatten_backward),  # (N, 1568)
            "fc": Dense(32 * 7 * 7, num_classes, rng=rng),
        }
    )


def _stage(in_channels: int, out_channels: int, kernel: int, rng: np.random.Generator) -> Sequential:
    return Sequential(
        [
            Conv2d(in_channels, out_channels, kernel, padding=kernel // 2, rng=rng),
            BatchNorm(out_channels),
            Operation(relu, relu_backward),
            Operation(max_pool, max_pool_backward, 2),
        ]
    )
