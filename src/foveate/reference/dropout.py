"""Dropout (Srivastava et al., 2014), and stochastic depth (Huang et al., 2016): the same, picture by picture.

Both take their mask, so that a result can be repeated; :func:`keep_mask` draws one. What is kept is scaled by
1/(1 − p), so that in evaluation, where neither does anything, the expected value is the same.
"""

from __future__ import annotations

import numpy as np

from foveate.reference.windows import Array


def keep_mask(shape: tuple[int, ...], p: float, rng: np.random.Generator) -> Array:
    """True where a unit is kept, each with probability 1 − p."""
    return rng.random(shape) >= p


def dropout(x: Array, mask: Array, p: float) -> Array:
    """x / (1 − p) where ``mask`` (of x's shape) is true, else 0."""
    return x * _scale(x, mask, p)


def dropout_backward(grad: Array, mask: Array, p: float) -> Array:
    """What was dropped learns nothing."""
    return grad * _scale(grad, mask, p)


def stochastic_depth(x: Array, mask: Array, p: float) -> Array:
    """Dropout of a whole residual branch (N, ...), picture by picture: ``mask`` is (N,)."""
    return dropout(x, mask.reshape(-1, *(1,) * (x.ndim - 1)), p)


def stochastic_depth_backward(grad: Array, mask: Array, p: float) -> Array:
    return stochastic_depth(grad, mask, p)


def _scale(x: Array, mask: Array, p: float) -> Array:
    return mask.astype(x.dtype) * (1 / (1 - p) if p < 1 else 0)
