"""A map by hand, what pooling and unpooling leave of each other, and finite differences."""

import numpy as np
import pytest

from foveate.errors import ShapeError
from foveate.reference.pooling import max_pool, max_pool_places
from foveate.reference.unpooling import max_unpool, max_unpool_backward

X = np.array([[1, 3, 2, 4], [5, 6, 1, 2], [3, 2, 8, 1], [4, 1, 3, 7]], dtype=float)[None, None]


def test_a_map_by_hand():
    places = max_pool_places(X, 2)
    assert places[0, 0].tolist() == [[5, 3], [12, 10]]
    out = max_unpool(max_pool(X, 2), places, (4, 4))
    assert out[0, 0].tolist() == [[0, 0, 0, 4], [0, 6, 0, 0], [0, 0, 8, 0], [4, 0, 0, 0]]


def test_of_equals_the_first_and_never_the_padding():
    assert max_pool_places(np.zeros((1, 1, 3, 3)), 3)[0, 0].tolist() == [[0]]
    assert max_pool_places(np.full((1, 1, 2, 2), -1.0), 2, 2, 1)[0, 0].tolist() == [[0, 1], [2, 3]]


def test_pooling_again_gives_what_was_unpooled(rng):
    x = rng.standard_normal((2, 3, 7, 9)) + 10  # above the zeros around
    pooled = max_pool(x, (2, 3))
    assert np.array_equal(max_pool(max_unpool(pooled, max_pool_places(x, (2, 3)), (7, 9)), (2, 3)), pooled)


def test_gradients_against_finite_differences(rng, numeric_gradient):
    places = max_pool_places(rng.standard_normal((1, 2, 5, 6)), 2)
    x, grad = rng.standard_normal((1, 2, 2, 3)), rng.standard_normal((1, 2, 5, 6))
    numeric = numeric_gradient(lambda: np.vdot(grad, max_unpool(x, places, (5, 6))), x)
    assert np.allclose(max_unpool_backward(grad, places), numeric, atol=1e-8)


def test_places_outside_are_refused():
    with pytest.raises(ShapeError, match="2x2 has the places 0 to 3, and the places given are 3 to 12"):
        max_unpool(max_pool(X, 2), max_pool_places(X, 2), (2, 2))
