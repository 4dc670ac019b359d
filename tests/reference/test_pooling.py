"""The guides' worked example, gradients by hand and by finite differences, and what pooling never does."""

import numpy as np
import pytest

from foveate.errors import ShapeError
from foveate.reference import pooling
from foveate.reference.pooling import POOLINGS, distance_weights

EXAMPLE_C = np.array([[1, 3, 2, 4], [5, 6, 1, 2], [3, 2, 8, 1], [4, 1, 3, 7]], dtype=float)[None, None]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("max", [[6, 4], [4, 8]]),
        ("average", [[3.75, 2.25], [2.5, 4.75]]),
        ("min", [[1, 1], [1, 1]]),
        ("sum", [[15, 9], [10, 19]]),
        ("l2", np.sqrt([[71, 25], [30, 123]]).tolist()),
        ("distance_weighted", [[3.75, 2.25], [2.5, 4.75]]),  # in a 2x2 window all are equally far
    ],
)
def test_worked_example_c(name, expected):
    assert np.allclose(POOLINGS[name].forward(EXAMPLE_C, 2, 2)[0, 0], expected, rtol=1e-15)


def test_the_gradient_goes_to_the_winner_or_is_shared_out():
    grad = np.array([[1.0, 2.0], [3.0, 4.0]])[None, None]
    won = pooling.max_pool_backward(grad, EXAMPLE_C, 2)[0, 0]
    assert won.tolist() == [[0, 0, 0, 2], [0, 1, 0, 0], [0, 0, 4, 0], [3, 0, 0, 0]]
    shared = pooling.average_pool_backward(grad, EXAMPLE_C, 2)[0, 0]
    assert shared[:2].tolist() == [[0.25, 0.25, 0.5, 0.5]] * 2


def test_of_equals_the_first_wins():
    back = pooling.max_pool_backward(np.ones((1, 1, 1, 1)), np.zeros((1, 1, 2, 2)), 2)
    assert back[0, 0].tolist() == [[1, 0], [0, 0]]


@pytest.mark.parametrize("name", POOLINGS)
def test_each_channel_is_pooled_alone(rng, name):
    """Never another number of channels; a permutation of channels goes through."""
    x = rng.standard_normal((2, 5, 7, 6))
    out = POOLINGS[name].forward(x, 3, 2, 1)
    assert out.shape == (2, 5, 4, 3)
    order = [3, 0, 4, 1, 2]
    assert np.array_equal(POOLINGS[name].forward(x[:, order], 3, 2, 1), out[:, order])


@pytest.mark.parametrize("name", POOLINGS)
@pytest.mark.parametrize("arguments", [(2,), ((3, 2), (1, 2), (1, 0))])
def test_gradients_against_finite_differences(rng, numeric_gradient, name, arguments):
    x = rng.standard_normal((1, 2, 5, 6))
    forward, backward = POOLINGS[name]
    grad = rng.standard_normal(forward(x, *arguments).shape)
    numeric = numeric_gradient(lambda: np.vdot(grad, forward(x, *arguments)), x)
    assert np.allclose(backward(grad, x, *arguments), numeric, atol=1e-8)


def test_l2_of_nothing_has_no_gradient():
    assert not pooling.l2_pool_backward(np.ones((1, 1, 2, 2)), np.zeros((1, 1, 4, 4)), 2).any()


def test_distance_weights_are_a_bell():
    weights = distance_weights((5, 3))
    assert weights.sum() == pytest.approx(1)
    assert weights.argmax() == 7  # the centre
    assert np.array_equal(weights, weights[::-1, ::-1])
    assert weights[2, 1] / weights[0, 1] == pytest.approx(np.exp(0.5 * (2 / 1.25) ** 2))


def test_padding_does_not_dim_a_distance_weighted_average():
    assert np.allclose(pooling.distance_weighted_pool(np.ones((1, 1, 5, 5)), 3, 1, 1), 1)


def test_ceil_mode_keeps_the_rest():
    x = np.arange(5.0).reshape(1, 1, 1, 5)
    assert pooling.max_pool(x, (1, 2), 2)[0, 0, 0].tolist() == [1, 3]
    assert pooling.max_pool(x, (1, 2), 2, ceil_mode=True)[0, 0, 0].tolist() == [1, 3, 4]


@pytest.mark.parametrize("name", POOLINGS)
def test_a_window_larger_than_the_picture_is_refused(name):
    with pytest.raises(ShapeError, match="A window of 4 does not fit into a padded width of 3"):
        POOLINGS[name].forward(np.ones((1, 1, 4, 3)), 4)
