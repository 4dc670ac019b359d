"""Softmax cross-entropy forward and backward, with label smoothing, and each sample weighed as its class."""

from __future__ import annotations

import numpy as np

from foveate.errors import ShapeError
from foveate.reference.activations import softmax
from foveate.reference.windows import Array


def cross_entropy(
    logits: Array, labels: Array, *, class_weights: Array | None = None, label_smoothing: float = 0.0
) -> float:
    """The mean of −log p(label), in nats.

    Each sample weighs as much as its class; the mean divides by the weights of all samples. With smoothing ε,
    a share ε of the target is spread evenly over the K classes (Szegedy et al., 2015). torch weighs each part
    of a smoothed target by its own class instead, so that the label of a frequent class may count less than
    the share of a rare one; with weights or smoothing alone both are the same.

    Args:
        logits: (N, K) scores before the softmax.
        labels: (N,) whole numbers in 0..K−1.
        class_weights: (K,), or None for 1 each.

    Raises:
        ShapeError: logits and labels do not belong together.
    """
    shifted = logits - logits.max(1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    targets = _weighted_targets(logits, labels, class_weights, label_smoothing)
    return float(-(targets * log_p).sum())


def cross_entropy_backward(
    logits: Array, labels: Array, *, class_weights: Array | None = None, label_smoothing: float = 0.0
) -> Array:
    """The gradient of the loss (N, K). Without weights and smoothing it is (softmax − one-hot)/N."""
    targets = _weighted_targets(logits, labels, class_weights, label_smoothing)
    return softmax(logits) * targets.sum(1, keepdims=True) - targets


def _weighted_targets(logits: Array, labels: Array, class_weights: Array | None, smoothing: float) -> Array:
    """(N, K): what multiplies −log p; every sample's weight over the weights of all is in it."""
    count, classes = logits.shape
    if labels.shape != (count,) or (count and not 0 <= labels.min() <= labels.max() < classes):
        raise ShapeError(f"Logits {logits.shape} take labels ({count},) in 0..{classes - 1}.")
    weights = np.ones(classes, logits.dtype) if class_weights is None else class_weights
    targets = np.full((count, classes), smoothing / classes, logits.dtype)
    targets[np.arange(count), labels] += 1 - smoothing
    return targets * (weights[labels] / weights[labels].sum())[:, None]
