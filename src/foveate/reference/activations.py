"""Activations forward and backward; each is applied to a sum, element by element but for softmax.

``name_backward(grad, x)`` takes the input x again, not the output. At a kink the slope is the flatter side's,
as in torch.
"""

from __future__ import annotations

import math

import numpy as np

from foveate.reference.windows import Array


def relu(x: Array) -> Array:
    """max(0, x)."""
    return np.maximum(x, 0)


def relu_backward(grad: Array, x: Array) -> Array:
    """``grad`` where x > 0: a unit that is never above zero is never changed (it is dead)."""
    return grad * (x > 0)


def leaky_relu(x: Array, slope: float = 0.01) -> Array:
    """x above zero, slope·x below."""
    return np.where(x > 0, x, slope * x)


def leaky_relu_backward(grad: Array, x: Array, slope: float = 0.01) -> Array:
    return np.where(x > 0, grad, slope * grad)


def relu6(x: Array) -> Array:
    """min(max(0, x), 6)."""
    return np.clip(x, 0, 6)


def relu6_backward(grad: Array, x: Array) -> Array:
    return grad * ((x > 0) & (x < 6))


def sigmoid(x: Array) -> Array:
    """1 / (1 + e^−x), written so that no exponential overflows."""
    decay = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, decay) / (1 + decay)


def sigmoid_backward(grad: Array, x: Array) -> Array:
    """At most a quarter of ``grad``, and next to nothing far from zero (saturation)."""
    y = sigmoid(x)
    return grad * y * (1 - y)


def tanh(x: Array) -> Array:
    """(e^x − e^−x) / (e^x + e^−x), centred on zero."""
    return np.tanh(x)


def tanh_backward(grad: Array, x: Array) -> Array:
    return grad * (1 - np.tanh(x) ** 2)


def silu(x: Array) -> Array:
    """x·sigmoid(x), also called swish."""
    return x * sigmoid(x)


def silu_backward(grad: Array, x: Array) -> Array:
    y = sigmoid(x)
    return grad * y * (1 + x * (1 - y))


def hardsigmoid(x: Array) -> Array:
    """min(max(0, x + 3), 6)/6: the sigmoid of three straight lines."""
    return np.clip(x + 3, 0, 6) / 6


def hardsigmoid_backward(grad: Array, x: Array) -> Array:
    """A sixth of ``grad`` between −3 and 3, nothing outside."""
    return grad * ((x > -3) & (x < 3)) / 6


def hardswish(x: Array) -> Array:
    """x·hardsigmoid(x)."""
    return x * hardsigmoid(x)


def hardswish_backward(grad: Array, x: Array) -> Array:
    """x/3 + 1/2 times ``grad`` between −3 and 3, all of it above, nothing below."""
    return grad * np.where(x <= -3, 0, np.where(x < 3, x / 3 + 0.5, 1))


def gelu(x: Array) -> Array:
    """x·Φ(x), where Φ is the share of the normal distribution that lies below x (Hendrycks, Gimpel, 2016)."""
    return x * _below(x)


def gelu_backward(grad: Array, x: Array) -> Array:
    """``grad`` times Φ(x) + x·φ(x), where φ is the normal distribution's density."""
    density = np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
    return grad * (_below(x) + x * density)


def _below(x: Array) -> Array:
    shares: Array = np.vectorize(math.erfc, otypes=[x.dtype])(-x / math.sqrt(2)) / 2
    return shares


def softmax(x: Array, axis: int = 1) -> Array:
    """e^x / Σ e^x along ``axis``: in 0..1, of sum 1. The largest x is taken off first against overflow."""
    powers = np.exp(x - x.max(axis, keepdims=True))
    return powers / powers.sum(axis, keepdims=True)


def softmax_backward(grad: Array, x: Array, axis: int = 1) -> Array:
    """dx_k = y_k·(grad_k − Σ_m grad_m·y_m): raising one score lowers the share of all others."""
    y = softmax(x, axis)
    return y * (grad - (grad * y).sum(axis, keepdims=True))
