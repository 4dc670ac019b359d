"""The loss of a classifier: softmax cross-entropy, smoothed, every sample weighed as much as its class."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def cross_entropy(
    logits: Tensor,
    labels: Tensor,
    *,
    class_weights: Tensor | None = None,
    label_smoothing: float = 0.0,
) -> Tensor:
    """The mean loss of a batch in nats: a sample of weight w counts as w samples do.

    torch's own weights multiply each class's part of a smoothed target by that class's weight, so that the
    share which smoothing gives to a rare class outweighs the label of a frequent one; a class of weight 50
    then draws every answer to itself. Here the weight stands before the loss of the whole sample.

    Args:
        logits: (N, K). labels: (N,) in 0..K-1.
        class_weights: (K,) what a sample of each class counts; None counts all alike.
        label_smoothing: the share of the target that is spread evenly over all classes (Szegedy et al., 2016,
            arXiv 1512.00567, section 7).
    """
    if class_weights is None:
        return F.cross_entropy(logits, labels, label_smoothing=label_smoothing)
    losses = F.cross_entropy(logits, labels, reduction="none", label_smoothing=label_smoothing)  # (N,)
    weights = class_weights[labels]
    return (losses * weights).sum() / weights.sum()
