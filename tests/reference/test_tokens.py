"""Layer norm and attention: by hand, by finite differences, and what must not change them."""

import numpy as np
import pytest

from foveate.reference.attention import attention, attention_backward, attention_weights
from foveate.reference.layer_norm import layer_norm, layer_norm_backward


def weights_of(rng, features):
    shapes = [(3 * features, features), (3 * features,), (features, features), (features,)]
    return [rng.standard_normal(shape) for shape in shapes]


def test_layer_norm_by_hand():
    x = np.array([[1.0, 2.0, 3.0]])  # mean 2, variance 2/3
    out = layer_norm(x, np.array([1.0, 2.0, 3.0]), np.array([0.0, 0.5, 1.0]), eps=0.0)
    assert out == pytest.approx(np.array([[-np.sqrt(1.5), 0.5, 3 * np.sqrt(1.5) + 1]]))


def test_layer_norm_ignores_shift_and_scale_of_a_place(rng):
    x, weight, bias = rng.standard_normal((2, 5, 8)), rng.standard_normal(8), rng.standard_normal(8)
    assert np.allclose(layer_norm(3 * x + 7, weight, bias, 0.0), layer_norm(x, weight, bias, 0.0))


def test_layer_norms_gradients(rng, numeric_gradient):
    x, grad = rng.standard_normal((2, 3, 5)), rng.standard_normal((2, 3, 5))
    weight, bias = rng.standard_normal(5), rng.standard_normal(5)
    found = layer_norm_backward(grad, x, weight)
    for array, gradient in zip((x, weight, bias), found, strict=True):
        numeric = numeric_gradient(lambda: np.vdot(grad, layer_norm(x, weight, bias)), array)
        assert np.allclose(gradient, numeric, atol=1e-7)


def test_attention_of_two_tokens_by_hand():
    """One head of one feature: scores are products of the tokens, values the tokens themselves."""
    x, w = np.array([[[1.0], [2.0]]]), np.ones((3, 1))
    share = 1 / (1 + np.exp(-1.0))  # of the second token for the first: e^2 / (e^1 + e^2)
    second = 1 / (1 + np.exp(-2.0))  # e^4 / (e^2 + e^4)
    out = attention(x, w, np.zeros(3), np.ones((1, 1)), np.zeros(1), heads=1)
    assert out.ravel() == pytest.approx([1 + share, 1 + second])
    assert attention_weights(x, w, np.zeros(3), heads=1)[0, 0, 0] == pytest.approx([1 - share, share])


def test_attention_does_not_mind_the_order_of_tokens(rng):
    x, parts, order = rng.standard_normal((2, 5, 6)), weights_of(rng, 6), [3, 0, 4, 2, 1]
    turned = attention(x[:, order], *parts, heads=3)
    assert np.allclose(turned, attention(x, *parts, heads=3)[:, order])


def test_attentions_gradients(rng, numeric_gradient):
    x, (w, b, w_out, b_out) = rng.standard_normal((2, 3, 4)), weights_of(rng, 4)
    grad = rng.standard_normal(x.shape)
    found = attention_backward(grad, x, w, b, w_out, heads=2)
    for array, gradient in zip((x, w, b, w_out, b_out), found, strict=True):
        numeric = numeric_gradient(lambda: np.vdot(grad, attention(x, w, b, w_out, b_out, heads=2)), array)
        assert np.allclose(gradient, numeric, atol=1e-7)
