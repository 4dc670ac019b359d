"""Batch normalisation (Ioffe, Szegedy, 2015) forward and backward, in training and in evaluation.

x is (N, C, H, W) or (N, C); ``weight`` and ``bias``, the paper's γ and β, are (C,), as are the statistics.
"""

from __future__ import annotations

import math

import numpy as np

from foveate.errors import ShapeError
from foveate.reference.windows import Array


def batch_norm_train(x: Array, weight: Array, bias: Array, eps: float = 1e-5) -> tuple[Array, Array, Array]:
    """(out, mean, variance): each channel of the batch made of mean 0 and variance 1, then scaled and moved.

    The variance divides by the number of values; :func:`running_statistics` takes it so.

    Raises:
        ShapeError: one value a channel has no variance.
    """
    if values_a_channel(x) < 2:
        raise ShapeError(
            f"Batch norm in training needs at least 2 values a channel, and the input is {x.shape}; "
            "use a larger batch, or evaluation mode."
        )
    mean, variance = x.mean(_others(x)), x.var(_others(x))
    return batch_norm_eval(x, weight, bias, mean, variance, eps=eps), mean, variance


def batch_norm_train_backward(
    grad: Array, x: Array, weight: Array, eps: float = 1e-5
) -> tuple[Array, Array, Array]:
    """(dx, dweight, dbias).

    Mean and variance are functions of x too: what of the gradient points along "all up together" or "all
    spread out" would be normalised away again, so it is taken off.
    """
    inverse = 1 / np.sqrt(x.var(_others(x)) + eps)
    normal = (x - _wide(x.mean(_others(x)), x)) * _wide(inverse, x)
    dweight, dbias = (grad * normal).sum(_others(x)), grad.sum(_others(x))
    count = values_a_channel(x)
    free = grad - _wide(dbias / count, x) - normal * _wide(dweight / count, x)
    return _wide(weight * inverse, x) * free, dweight, dbias


def batch_norm_eval(
    x: Array, weight: Array, bias: Array, mean: Array, variance: Array, *, eps: float = 1e-5
) -> Array:
    """weight·(x − mean)/√(variance + eps) + bias, with the running statistics: an affine map a channel."""
    inverse = 1 / np.sqrt(variance + eps)
    return (x - _wide(mean, x)) * _wide(weight * inverse, x) + _wide(bias, x)


def batch_norm_eval_backward(
    grad: Array, x: Array, weight: Array, mean: Array, variance: Array, *, eps: float = 1e-5
) -> tuple[Array, Array, Array]:
    """(dx, dweight, dbias)."""
    inverse = 1 / np.sqrt(variance + eps)
    normal = (x - _wide(mean, x)) * _wide(inverse, x)
    return grad * _wide(weight * inverse, x), (grad * normal).sum(_others(x)), grad.sum(_others(x))


def running_statistics(
    running_mean: Array,
    running_variance: Array,
    mean: Array,
    variance: Array,
    count: int,
    *,
    momentum: float = 0.1,
) -> tuple[Array, Array]:
    """The running mean and variance after one more batch of ``count`` values a channel.

    torch's rule: ``momentum`` is the share of the new value, and the variance that is kept is the unbiased
    one, n/(n − 1) of that which normalised the batch.
    """
    unbiased = variance * (count / (count - 1))
    return (
        (1 - momentum) * running_mean + momentum * mean,
        (1 - momentum) * running_variance + momentum * unbiased,
    )


def values_a_channel(x: Array) -> int:
    """N·H·W."""
    return math.prod(x.shape) // x.shape[1]


def _others(x: Array) -> tuple[int, ...]:
    return tuple(axis for axis in range(x.ndim) if axis != 1)


def _wide(of_channel: Array, x: Array) -> Array:
    """(C,) to (C, 1, 1), so that it meets the channels of x."""
    return of_channel.reshape(-1, *(1,) * (x.ndim - 2))
