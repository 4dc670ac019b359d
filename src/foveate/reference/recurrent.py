"""Recurrent cells forward and backward, and through time: RNN, LSTM (1997), GRU (2014); and embeddings.

A cell makes a new state of an input x (N, F) and a state (N, S). The state of an LSTM is [h, c], its output
beside its memory: S = 2H; of the others S = H. Weights are laid out as torch's: ``w_ih`` (G H, F), ``w_hh``
(G H, H), ``b_ih`` and ``b_hh`` (G H,), with the gates one behind the other: G = 1 for an RNN; i, f, g, o for
an LSTM (Hochreiter, Schmidhuber; with the forget gate of Gers et al.); r, z, n for a GRU (Cho et al., arXiv
1406.1078).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from foveate.reference.activations import sigmoid
from foveate.reference.windows import Array


class Weights(NamedTuple):
    """Of a cell, or the gradients with respect to them."""

    w_ih: Array
    w_hh: Array
    b_ih: Array
    b_hh: Array


Step = Callable[[Array, Array, Weights], Array]
StepBackward = Callable[[Array, Array, Array, Weights], tuple[Array, Array, Weights]]


def rnn(x: Array, state: Array, w: Weights) -> Array:
    """h' = tanh(w_ih x + w_hh h + b)."""
    return np.tanh(_given(x, w) + _kept(state, w))


def rnn_backward(grad: Array, x: Array, state: Array, w: Weights) -> tuple[Array, Array, Weights]:
    """(dx, dstate, dw)."""
    dsum = grad * (1 - rnn(x, state, w) ** 2)
    return _through_sums(dsum, dsum, x, state, w)


def lstm(x: Array, state: Array, w: Weights) -> Array:
    """c' = f c + i g and h' = o tanh(c'): what is forgotten, what is taken in, what is shown."""
    _, c = np.split(state, 2, axis=1)
    i, f, g, o = _lstm_gates(x, state, w)
    memory = f * c + i * g
    return np.concatenate([o * np.tanh(memory), memory], axis=1)


def lstm_backward(grad: Array, x: Array, state: Array, w: Weights) -> tuple[Array, Array, Weights]:
    """(dx, dstate, dw). Along c' to c nothing is multiplied but by f: that is why it remembers long."""
    h, c = np.split(state, 2, axis=1)
    dh, dc = np.split(grad, 2, axis=1)
    i, f, g, o = _lstm_gates(x, state, w)
    shown = np.tanh(f * c + i * g)
    dc = dc + dh * o * (1 - shown**2)
    dsum = np.concatenate(
        [dc * g * i * (1 - i), dc * c * f * (1 - f), dc * i * (1 - g**2), dh * shown * o * (1 - o)], axis=1
    )
    dx, dh_before, dw = _through_sums(dsum, dsum, x, h, w)
    return dx, np.concatenate([dh_before, dc * f], axis=1), dw


def gru(x: Array, state: Array, w: Weights) -> Array:
    """h' = (1 − z) n + z h: each number goes on as it is, or is made anew."""
    _, z, n, _ = _gru_gates(x, state, w)
    return (1 - z) * n + z * state


def gru_backward(grad: Array, x: Array, state: Array, w: Weights) -> tuple[Array, Array, Weights]:
    """(dx, dstate, dw)."""
    r, z, n, old = _gru_gates(x, state, w)
    dn = grad * (1 - z) * (1 - n**2)
    dz = grad * (state - n) * z * (1 - z)
    dr = dn * old * r * (1 - r)
    from_x = np.concatenate([dr, dz, dn], axis=1)
    from_h = np.concatenate([dr, dz, dn * r], axis=1)
    dx, dstate, dw = _through_sums(from_x, from_h, x, state, w)
    return dx, dstate + grad * z, dw


def through_time(step: Step, x: Array, state: Array, w: Weights) -> Array:
    """(T, N, S) the states after each of the inputs (T, N, F)."""
    states = []
    for each in x:
        state = step(each, state, w)
        states.append(state)
    return np.stack(states)


def back_through_time(
    backward: StepBackward, grad: Array, x: Array, states: Array, w: Weights
) -> tuple[Array, Array, Weights]:
    """(dx, dstate, dw): gradients of all steps, the last one first.

    grad: (T, N, S) with respect to each state as others use it. states: (T + 1, N, S), the first one before
    all inputs.
    """
    dx, dstate = np.zeros_like(x), np.zeros_like(states[0])
    summed = Weights(*(np.zeros_like(one) for one in w))
    for t in reversed(range(len(x))):
        dx[t], dstate, dw = backward(grad[t] + dstate, x[t], states[t], w)
        summed = Weights(*(a + b for a, b in zip(summed, dw, strict=True)))
    return dx, dstate, summed


def embedding(ids: NDArray[np.integer], table: Array) -> Array:
    """Rows of a table (K, F), (...,) to (..., F): what a product with one-hot vectors gives."""
    return table[ids]


def embedding_backward(grad: Array, ids: NDArray[np.integer], table: Array) -> Array:
    """dtable: of a row that was taken twice, both gradients."""
    dtable = np.zeros_like(table)
    np.add.at(dtable, ids, grad)
    return dtable


def _given(x: Array, w: Weights) -> Array:
    return x @ w.w_ih.T + w.b_ih


def _kept(h: Array, w: Weights) -> Array:
    return h @ w.w_hh.T + w.b_hh


def _lstm_gates(x: Array, state: Array, w: Weights) -> tuple[Array, Array, Array, Array]:
    h, _ = np.split(state, 2, axis=1)
    i, f, g, o = np.split(_given(x, w) + _kept(h, w), 4, axis=1)
    return sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)


def _gru_gates(x: Array, state: Array, w: Weights) -> tuple[Array, Array, Array, Array]:
    """r, z, n, and what of the old state goes into n before r lets it in."""
    (r, z, n), (r_h, z_h, old) = (np.split(part, 3, axis=1) for part in (_given(x, w), _kept(state, w)))
    reset = sigmoid(r + r_h)
    return reset, sigmoid(z + z_h), np.tanh(n + reset * old), old


def _through_sums(
    from_x: Array, from_h: Array, x: Array, h: Array, w: Weights
) -> tuple[Array, Array, Weights]:
    """Back through the sums of the gates, (N, G H) of the input's and of the state's part."""
    dw = Weights(from_x.T @ x, from_h.T @ h, from_x.sum(0), from_h.sum(0))
    return from_x @ w.w_ih, from_h @ w.w_hh, dw
