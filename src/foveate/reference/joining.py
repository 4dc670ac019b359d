"""Where branches meet: addition (residual networks) and concatenation (inception), forward and backward."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from foveate.errors import ShapeError
from foveate.reference.windows import Array


def add(a: Array, b: Array) -> Array:
    """a + b, of one shape. Raises ShapeError."""
    if a.shape != b.shape:
        raise ShapeError(f"Branches that are added must have one shape, and have {a.shape} and {b.shape}.")
    return a + b


def add_backward(grad: Array) -> tuple[Array, Array]:
    """Both get all of it: this is why a shortcut lets the gradient through a deep network."""
    return grad, grad


def concat(parts: Sequence[Array]) -> Array:
    """Channel behind channel: (N, C1, H, W), (N, C2, H, W) to (N, C1 + C2, H, W). Raises ShapeError."""
    if len({(len(part), *part.shape[2:]) for part in parts}) != 1:
        shapes = ", ".join(str(part.shape) for part in parts)
        raise ShapeError(f"Branches that are joined may differ in channels alone, and have {shapes}.")
    return np.concatenate(parts, axis=1)


def concat_backward(grad: Array, parts: Sequence[Array]) -> list[Array]:
    """Each branch gets its own channels back."""
    return np.split(grad, np.cumsum([part.shape[1] for part in parts])[:-1], axis=1)
