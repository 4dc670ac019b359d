"""Recurrent cells and additive attention: by hand, by finite differences, and against torch through time."""

import numpy as np
import pytest
import torch
from torch import nn

from foveate.reference import additive_attention as additive
from foveate.reference.additive_attention import additive_attention, additive_attention_backward
from foveate.reference.recurrent import (
    Weights,
    back_through_time,
    embedding,
    embedding_backward,
    gru,
    gru_backward,
    lstm,
    lstm_backward,
    rnn,
    rnn_backward,
    through_time,
)

KINDS = {  # gates, parts of the state, forward, backward, torch's layer
    "rnn": (1, 1, rnn, rnn_backward, nn.RNN),
    "lstm": (4, 2, lstm, lstm_backward, nn.LSTM),
    "gru": (3, 1, gru, gru_backward, nn.GRU),
}


def weights_of(rng, gates, features, units):
    shapes = [(gates * units, features), (gates * units, units), (gates * units,), (gates * units,)]
    return Weights(*(rng.standard_normal(shape) for shape in shapes))


def test_an_lstm_by_hand():
    """All sums are 0: gates are half open, nothing is taken in, half of the memory stays."""
    w = Weights(np.zeros((4, 1)), np.zeros((4, 1)), np.zeros(4), np.zeros(4))
    state = lstm(np.array([[7.0]]), np.array([[5.0, 2.0]]), w)
    assert state == pytest.approx(np.array([[0.5 * np.tanh(1.0), 1.0]]))


def test_a_gru_by_hand():
    """With z nearly 1 the state goes on as it is, whatever comes in."""
    w = Weights(np.zeros((3, 1)), np.zeros((3, 1)), np.array([0.0, 50.0, 0.0]), np.zeros(3))
    assert gru(np.array([[3.0]]), np.array([[0.7]]), w) == pytest.approx(np.array([[0.7]]))


@pytest.mark.parametrize("kind", KINDS)
def test_cells_gradients(kind, rng, numeric_gradient):
    gates, parts, step, backward, _ = KINDS[kind]
    x, state = rng.standard_normal((2, 3)), rng.standard_normal((2, 4 * parts))
    w, grad = weights_of(rng, gates, 3, 4), rng.standard_normal((2, 4 * parts))
    dx, dstate, dw = backward(grad, x, state, w)
    for array, gradient in zip((x, state, *w), (dx, dstate, *dw), strict=True):
        numeric = numeric_gradient(lambda: np.vdot(grad, step(x, state, w)), array)
        assert np.allclose(gradient, numeric, atol=1e-7)


@pytest.mark.parametrize("kind", KINDS)
def test_through_time_as_torch_has_it(kind, rng):
    """Outputs and all gradients of torch's own layers, over seven steps, to 1e-10."""
    gates, parts, step, backward, layer = KINDS[kind]
    steps, rows, features, units = 7, 3, 5, 4
    x, h = rng.standard_normal((steps, rows, features)), rng.standard_normal((parts, rows, units))
    w, grad = weights_of(rng, gates, features, units), rng.standard_normal((steps, rows, units))

    theirs = layer(features, units).double()
    for name, value in zip(("weight_ih", "weight_hh", "bias_ih", "bias_hh"), w, strict=True):
        getattr(theirs, f"{name}_l0").data = torch.from_numpy(value)
    inputs = torch.from_numpy(x).requires_grad_()
    first = [torch.from_numpy(part[None]).requires_grad_() for part in h]
    out, _ = theirs(inputs, tuple(first) if parts == 2 else first[0])
    out.backward(torch.from_numpy(grad))

    start = np.concatenate(list(h), axis=1)
    states = through_time(step, x, start, w)
    assert np.abs(states[..., :units] - out.detach().numpy()).max() < 1e-10
    whole = np.zeros_like(states)
    whole[..., :units] = grad  # nothing else looks at an LSTM's memory
    dx, dstate, dw = back_through_time(backward, whole, x, np.concatenate([start[None], states]), w)
    assert np.abs(dx - inputs.grad.numpy()).max() < 1e-10
    for part, one in zip(np.split(dstate, parts, axis=1), first, strict=True):
        assert np.abs(part - one.grad[0].numpy()).max() < 1e-10
    for name, value in zip(("weight_ih", "weight_hh", "bias_ih", "bias_hh"), dw, strict=True):
        assert np.abs(value - getattr(theirs, f"{name}_l0").grad.numpy()).max() < 1e-10


def test_an_embedding_is_a_product_with_one_hot_vectors(rng):
    table, ids = rng.standard_normal((6, 3)), np.array([[1, 4], [4, 0]])
    one_hot, grad = np.eye(6)[ids], rng.standard_normal((2, 2, 3))
    assert np.allclose(embedding(ids, table), one_hot @ table)
    assert np.allclose(embedding_backward(grad, ids, table), np.einsum("abk,abf->kf", one_hot, grad))


def test_equal_places_are_looked_at_alike(rng):
    places = np.repeat(rng.standard_normal((2, 1, 5)), 4, axis=1)
    w = additive.Weights(*(rng.standard_normal(shape) for shape in ((6, 5), (6, 3), (6,))))
    seen, weights = additive_attention(places, rng.standard_normal((2, 3)), w)
    assert np.allclose(weights, 0.25)
    assert np.allclose(seen, places[:, 0])


def test_additive_attentions_gradients(rng, numeric_gradient):
    arrays = [rng.standard_normal(shape) for shape in ((2, 4, 5), (2, 3), (6, 5), (6, 3), (6,))]
    places, state, w = arrays[0], arrays[1], additive.Weights(*arrays[2:])
    grad, grad_weights = rng.standard_normal((2, 5)), rng.standard_normal((2, 4))

    def together():
        seen, weights = additive_attention(places, state, w)
        return np.vdot(grad, seen) + np.vdot(grad_weights, weights)

    dplaces, dstate, dw = additive_attention_backward(grad, grad_weights, places, state, w)
    for array, gradient in zip(arrays, (dplaces, dstate, *dw), strict=True):
        assert np.allclose(gradient, numeric_gradient(together, array), atol=1e-7)
