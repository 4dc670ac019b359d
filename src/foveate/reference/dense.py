"""Flattening and dense (fully connected) layers, forward and backward."""

from __future__ import annotations

from foveate.errors import ShapeError
from foveate.reference.windows import Array


def flatten(x: Array) -> Array:
    """(N, C, H, W) to (N, C·H·W): all values stay, channel by channel, row by row."""
    return x.reshape(len(x), -1)


def flatten_backward(grad: Array, x: Array) -> Array:
    """The shape back."""
    return grad.reshape(x.shape)


def dense(x: Array, w: Array, b: Array | None = None) -> Array:
    """x·wᵀ + b: (N, F), with w (K, F) and b (K,), to (N, K). Raises ShapeError."""
    if x.ndim != 2 or x.shape[1] != w.shape[1]:
        raise ShapeError(
            f"This dense layer takes (N, {w.shape[1]}), and the input is {x.shape}; flatten it first."
        )
    y = x @ w.T
    return y if b is None else y + b


def dense_backward(grad: Array, x: Array, w: Array) -> tuple[Array, Array, Array]:
    """(dx, dw, db)."""
    return grad @ w, grad.T @ x, grad.sum(0)
