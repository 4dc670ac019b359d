"""Do the probabilities mean what they say? Reliability bins, calibration error, temperature scaling.

Source: Guo, Pleiss, Sun, Weinberger, "On Calibration of Modern Neural Networks" (ICML 2017).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from foveate.errors import InputError, ShapeError
from foveate.tasks.classification.labels import checked_labels

RELIABILITY_BINS = 15  # what Guo et al. use, and what published calibration errors are comparable with
TEMPERATURE_RANGE = (0.01, 100.0)
_NEWTON_STEPS = 60  # quadratic near the minimum (about 6 steps); the rest is for bisection's worst case


@dataclass(frozen=True)
class Reliability:
    """Confidence against accuracy, in equal-width bins of confidence; bin b holds (b/bins, (b+1)/bins].

    An empty bin has count 0, confidence 0 and accuracy 0, and weighs nothing.
    """

    counts: NDArray[np.int64]  # (bins,)
    confidence: NDArray[np.float64]  # (bins,) mean probability of the predicted class
    accuracy: NDArray[np.float64]  # (bins,) fraction of those predictions that are right

    @property
    def ece(self) -> float:
        """Expected calibration error: mean |accuracy - confidence|, bins weighted by count (eq. 3)."""
        total = int(self.counts.sum())
        gaps = np.abs(self.accuracy - self.confidence)
        return float((self.counts * gaps).sum() / total) if total else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "ece": self.ece,
            "counts": self.counts.tolist(),
            "confidence": self.confidence.tolist(),
            "accuracy": self.accuracy.tolist(),
        }


def reliability(confidence: ArrayLike, correct: ArrayLike, bins: int = RELIABILITY_BINS) -> Reliability:
    """Bin predictions by the probability given to the predicted class.

    confidence: (N,) in 0..1. correct: (N,) bool. N may be 0.
    """
    sure = np.asarray(confidence, dtype=np.float64)
    right = np.asarray(correct, dtype=np.float64)
    if sure.shape != right.shape or sure.ndim != 1:
        raise ShapeError(
            f"Confidence and correctness must be two (N,) arrays; got {sure.shape} and {right.shape}."
        )
    index = np.clip(np.ceil(sure * bins).astype(np.int64) - 1, 0, bins - 1)
    counts = np.bincount(index, minlength=bins)
    weight = np.maximum(counts, 1)
    return Reliability(
        counts=counts,
        confidence=np.bincount(index, weights=sure, minlength=bins) / weight,
        accuracy=np.bincount(index, weights=right, minlength=bins) / weight,
    )


def apply_temperature(logits: ArrayLike, temperature: float = 1.0) -> NDArray[np.float64]:
    """Softmax of logits / temperature: (N, K) -> probabilities (N, K).

    The logarithm of probabilities serves as logits (softmax does not see a constant added to a row), so
    ``apply_temperature(np.log(p), 1 / T)`` takes a temperature T out of probabilities again.
    """
    if not (np.isfinite(temperature) and temperature > 0):
        raise InputError(f"A temperature must be a positive number; got {temperature}.")
    z = np.asarray(logits, dtype=np.float64) / temperature
    z = z - z.max(axis=-1, keepdims=True)
    np.exp(z, out=z)
    z /= z.sum(axis=-1, keepdims=True)
    return z


def fit_temperature(logits: ArrayLike, labels: ArrayLike) -> float:
    """The temperature T that makes softmax(logits / T) fit the labels best (Guo et al., section 4.2).

    logits: (N, K), labels: (N,) in 0..K-1, from data that was not trained on. Minimises the negative
    log-likelihood, which is convex in 1/T, by Newton's method kept inside a shrinking bracket.

    Deviation: targets are softened as in Platt (1999): the true class gets (N+1)/(N+2), the others share
    1/(N+2). On thousands of samples that changes nothing to speak of; on a few samples that all happen to be
    right (where the plain optimum is T = 0, "100 % sure of everything") it keeps confidence near what N
    samples can support. The result lies in ``TEMPERATURE_RANGE``; with nothing to learn from, it is 1.

    Raises ShapeError for shapes that do not fit, InputError for logits that are not finite or bad labels.
    """
    z, y = _checked(logits, labels)
    n, k = z.shape
    if n == 0 or k < 2:
        return 1.0
    z = z - z.max(axis=1, keepdims=True)
    own = z[np.arange(n), y]
    others = (z.sum(axis=1) - own) / (k - 1)
    target = float(((n + 1) * own + others).mean() / (n + 2))  # mean logit under the softened targets

    low, high = -np.log(TEMPERATURE_RANGE[1]), -np.log(TEMPERATURE_RANGE[0])  # u = log(1/T)
    u = 0.0
    for _ in range(_NEWTON_STEPS):
        slope, curvature = _slope(z, float(np.exp(u)), target)
        if slope == 0.0:
            break
        low, high = (low, u) if slope > 0 else (u, high)
        step = u - slope / curvature if curvature > 0 else np.nan
        previous, u = u, step if low < step < high else (low + high) / 2
        if abs(u - previous) < 1e-9:
            break
    return float(np.clip(np.exp(-u), *TEMPERATURE_RANGE))


def _slope(z: NDArray[np.float64], beta: float, target: float) -> tuple[float, float]:
    """First derivative of the loss by u = log beta, and a positive stand-in for the second (see below)."""
    p = apply_temperature(z, 1 / beta)
    mean = (p * z).sum(axis=1)
    variance = (p * z * z).sum(axis=1) - mean * mean
    slope = beta * (float(mean.mean()) - target)
    # By the chain rule the second derivative in u is beta^2 Var + slope; far from the minimum the slope may
    # turn it negative, so only its positive part is used (Gauss-Newton there, Newton near the minimum).
    return slope, beta * beta * float(variance.mean()) + max(slope, 0.0)


def _checked(logits: ArrayLike, labels: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    z = np.asarray(logits, dtype=np.float64)
    y = np.asarray(labels)
    if z.ndim != 2 or y.shape != z.shape[:1]:
        raise ShapeError(f"Expected logits (N, K) and labels (N,); got {z.shape} and {y.shape}.")
    if not np.isfinite(z).all():
        raise InputError("Logits must be finite to fit a temperature; some are infinite or NaN.")
    return z, checked_labels(y, z.shape[1])
