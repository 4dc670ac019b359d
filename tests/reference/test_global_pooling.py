"""Whole maps and cells by hand; finite differences."""

import numpy as np
import pytest

from foveate.errors import ShapeError
from foveate.reference import global_pooling as pools

X = np.arange(1.0, 6.0).reshape(1, 1, 1, 5)


def test_global_pooling_by_hand(rng):
    x = rng.standard_normal((2, 3, 4, 5))
    assert np.allclose(pools.global_average_pool(x)[:, :, 0, 0], x.reshape(2, 3, 20).mean(2))
    assert np.array_equal(pools.global_max_pool(x)[:, :, 0, 0], x.reshape(2, 3, 20).max(2))


def test_neighbouring_cells_share_a_pixel():
    """5 pixels to 2 cells: 1 2 3 and 3 4 5."""
    assert pools.adaptive_average_pool(X, (1, 2))[0, 0, 0].tolist() == [2, 4]
    assert pools.adaptive_max_pool(X, (1, 2))[0, 0, 0].tolist() == [3, 5]
    shared = pools.adaptive_average_pool_backward(np.full((1, 1, 1, 2), 3.0), X, (1, 2))
    assert shared[0, 0, 0].tolist() == [1, 1, 2, 1, 1]


def test_more_cells_than_pixels_repeat_them():
    assert pools.adaptive_max_pool(X[..., :2], (1, 4))[0, 0, 0].tolist() == [1, 1, 2, 2]


@pytest.mark.parametrize("name", ["average", "max"])
def test_gradients_against_finite_differences(rng, numeric_gradient, name):
    x, grad = rng.standard_normal((1, 2, 5, 4)), rng.standard_normal((1, 2, 3, 3))
    forward, backward = (getattr(pools, f"adaptive_{name}_pool{end}") for end in ("", "_backward"))
    numeric = numeric_gradient(lambda: np.vdot(grad, forward(x, 3)), x)
    assert np.allclose(backward(grad, x, 3), numeric, atol=1e-8)
    forward, backward = (getattr(pools, f"global_{name}_pool{end}") for end in ("", "_backward"))
    numeric = numeric_gradient(lambda: np.vdot(grad[:, :, :1, :1], forward(x)), x)
    assert np.allclose(backward(grad[:, :, :1, :1], x), numeric, atol=1e-8)


def test_no_cells_are_refused():
    with pytest.raises(ShapeError, match="at least 1x1 cells, and 0x2"):
        pools.adaptive_average_pool(X, (0, 2))
