"""Additive attention (Bahdanau, Cho, Bengio, 2014, arXiv:1409.0473, appendix A.1.2) forward and backward.

    e_i = v · tanh(W a_i + U h),   α = softmax(e),   z = Σ α_i a_i

``places`` a is (N, L, D), the ``state`` h (N, H); W (A, D), U (A, H) and v (A,).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from foveate.reference.activations import softmax, softmax_backward
from foveate.reference.windows import Array


class Weights(NamedTuple):
    """W, U and v, or the gradients with respect to them."""

    w: Array
    u: Array
    v: Array


def additive_attention(places: Array, state: Array, weights: Weights) -> tuple[Array, Array]:
    """What is looked at, z (N, D), and where, α (N, L); each row of α sums to 1."""
    shares = softmax(_likeness(places, state, weights) @ weights.v, axis=1)
    return (shares[:, :, None] * places).sum(1), shares


def additive_attention_backward(
    grad: Array, grad_shares: Array, places: Array, state: Array, weights: Weights
) -> tuple[Array, Array, Weights]:
    """(dplaces, dstate, dweights), of gradients with respect to z (N, D) and to α (N, L)."""
    w, u, v = weights
    likeness = _likeness(places, state, weights)
    scores = likeness @ v
    shares = softmax(scores, axis=1)
    dshares = grad_shares + np.einsum("nld,nd->nl", places, grad)
    dscores = softmax_backward(dshares, scores, axis=1)
    dsum = dscores[:, :, None] * v * (1 - likeness**2)  # (N, L, A)
    dplaces = shares[:, :, None] * grad[:, None] + dsum @ w
    together = dsum.sum(1)  # (N, A): the state is the same for all places
    dw, dv = np.einsum("nla,nld->ad", dsum, places), np.einsum("nl,nla->a", dscores, likeness)
    return dplaces, together @ u, Weights(dw, together.T @ state, dv)


def _likeness(places: Array, state: Array, weights: Weights) -> Array:
    """(N, L, A)"""
    return np.tanh(places @ weights.w.T + (state @ weights.u.T)[:, None])
