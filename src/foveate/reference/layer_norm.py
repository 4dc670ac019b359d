"""Layer normalisation (Ba, Kiros, Hinton, 2016) forward and backward.

x is (..., F); ``weight`` and ``bias``, the γ and β, are (F,). Training and evaluation are the same.
"""

from __future__ import annotations

import numpy as np

from foveate.reference.windows import Array


def layer_norm(x: Array, weight: Array, bias: Array, eps: float = 1e-6) -> Array:
    """The F numbers of each place made of mean 0 and variance 1, then scaled and moved."""
    return _normal(x, eps) * weight + bias


def layer_norm_backward(
    grad: Array, x: Array, weight: Array, eps: float = 1e-6
) -> tuple[Array, Array, Array]:
    """(dx, dweight, dbias).

    As in batch norm in training, but for each place by itself: what of the gradient points along "all up
    together" or "all spread out" would be normalised away again, so it is taken off.
    """
    normal, others = _normal(x, eps), tuple(range(x.ndim - 1))
    inward = grad * weight
    together = inward.mean(-1, keepdims=True)
    apart = normal * (inward * normal).mean(-1, keepdims=True)
    dx = (inward - together - apart) / _deviation(x, eps)
    return dx, (grad * normal).sum(others), grad.sum(others)


def _deviation(x: Array, eps: float) -> Array:
    deviation: Array = np.sqrt(x.var(-1, keepdims=True) + eps)
    return deviation


def _normal(x: Array, eps: float) -> Array:
    return (x - x.mean(-1, keepdims=True)) / _deviation(x, eps)
