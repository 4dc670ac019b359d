"""Dense layers by hand, and why a convolution is not one."""

import numpy as np
import pytest

from foveate.errors import ShapeError
from foveate.reference.convolution import conv2d
from foveate.reference.dense import dense, dense_backward, flatten, flatten_backward


def test_flatten_keeps_all_values_in_order(rng):
    x = np.arange(24).reshape(2, 3, 2, 2)
    assert flatten(x).tolist() == [list(range(12)), list(range(12, 24))]
    assert np.array_equal(flatten_backward(flatten(x), x), x)


def test_dense_by_hand():
    x, w, b = np.array([[1.0, 2.0]]), np.array([[3.0, 4.0], [5.0, 6.0]]), np.array([0.5, -0.5])
    assert dense(x, w, b).tolist() == [[11.5, 16.5]]
    dx, dw, db = dense_backward(np.array([[1.0, 10.0]]), x, w)
    assert (dx.tolist(), dw.tolist(), db.tolist()) == ([[53, 64]], [[1, 2], [10, 20]], [1, 10])


def test_a_dense_layer_is_a_convolution_with_a_kernel_as_large_as_the_picture(rng):
    x, w = rng.standard_normal((2, 3, 4, 5)), rng.standard_normal((7, 3, 4, 5))
    assert np.allclose(conv2d(x, w)[:, :, 0, 0], dense(flatten(x), w.reshape(7, -1)))


def test_the_guides_comparison_of_sizes():
    """A dense layer from 224x224x3 to 224x224x64 against 64 kernels of 3x3 over 3 channels."""
    dense_weights = (224 * 224 * 3) * (224 * 224 * 64)
    assert dense_weights == 150_528 * 3_211_264
    assert f"{dense_weights:.1e}" == "4.8e+11"
    kernels, biases = np.zeros((64, 3, 3, 3)), np.zeros(64)
    assert conv2d(np.zeros((1, 3, 5, 5)), kernels, biases).shape[1] == 64
    assert kernels.size + biases.size == 64 * (3 * 3 * 3 + 1) == 1_792


def test_maps_must_be_flattened_first():
    with pytest.raises(
        ShapeError, match=r"takes \(N, 12\), and the input is \(1, 3, 2, 2\); flatten it first"
    ):
        dense(np.ones((1, 3, 2, 2)), np.ones((5, 12)))
