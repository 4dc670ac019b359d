"""The definition as loops, convolution's transpose, and finite differences."""

import numpy as np
import pytest

from foveate.errors import ShapeError
from foveate.reference.convolution import conv2d
from foveate.reference.transposed_convolution import conv_transpose2d, conv_transpose2d_backward

HOW = {"stride": (2, 3), "padding": (1, 0), "output_padding": (1, 2), "dilation": (2, 1), "groups": 2}


def test_a_pixel_leaves_its_kernel():
    """One pixel of 3 in an empty map, stride 2: three times the kernel, around twice its place."""
    x, w = np.zeros((1, 1, 3, 3)), np.arange(9.0).reshape(1, 1, 3, 3)
    x[0, 0, 1, 2] = 3
    expected = np.zeros((7, 7))
    expected[2:5, 4:7] = 3 * w[0, 0]
    assert np.array_equal(conv_transpose2d(x, w, stride=2)[0, 0], expected)


def test_the_definition_as_loops(rng):
    x, w, b = rng.standard_normal((2, 4, 3, 2)), rng.standard_normal((4, 3, 3, 2)), rng.standard_normal(6)
    out = conv_transpose2d(x, w, b, **HOW)
    expected = np.zeros((2, 6, 2 * 2 - 2 + 2 * 2 + 1 + 1, 3 + 1 + 2 + 1)) + b[:, None, None]
    for n, c, i, j in np.ndindex(x.shape):
        for o, m, k in np.ndindex(w.shape[1:]):
            row, column = 2 * i + 2 * m - 1, 3 * j + k
            if 0 <= row < expected.shape[2] and column < expected.shape[3]:
                expected[n, 3 * (c // 2) + o, row, column] += x[n, c, i, j] * w[c, o, m, k]
    assert np.allclose(out, expected, atol=1e-12)


def test_it_is_the_transpose_of_a_convolution(rng):
    """⟨conv(x), y⟩ = ⟨x, transposed(y)⟩ with the same weights."""
    x, w = rng.standard_normal((1, 3, 9, 7)), rng.standard_normal((2, 3, 3, 3))
    how = {"stride": 2, "padding": 1}
    y = rng.standard_normal(conv2d(x, w, **how).shape)
    assert np.vdot(conv2d(x, w, **how), y) == pytest.approx(np.vdot(x, conv_transpose2d(y, w, **how)))


def test_gradients_against_finite_differences(rng, numeric_gradient):
    x, w, b = rng.standard_normal((2, 4, 3, 2)), rng.standard_normal((4, 3, 3, 2)), rng.standard_normal(6)
    grad = rng.standard_normal(conv_transpose2d(x, w, b, **HOW).shape)
    for array, analytic in zip((x, w, b), conv_transpose2d_backward(grad, x, w, **HOW), strict=True):
        numeric = numeric_gradient(lambda: np.vdot(grad, conv_transpose2d(x, w, b, **HOW)), array)
        assert np.allclose(analytic, numeric, atol=1e-8)


def test_refusals():
    x, w = np.ones((1, 3, 2, 2)), np.ones((3, 1, 2, 2))
    with pytest.raises(
        ShapeError, match="take 3 input channels, and the groups must divide them; the input has 2"
    ):
        conv_transpose2d(x[:, :2], w)
    with pytest.raises(
        ShapeError, match=r"Of 2 pixels .* leaves \(2 − 1\)·1 − 2·2 \+ 1·\(2−1\) \+ 0 \+ 1 = −1"
    ):
        conv_transpose2d(x, w, padding=2)
    with pytest.raises(ShapeError, match="output padding of 2 must be less than the stride 2 or dilation 1"):
        conv_transpose2d(x, w, stride=2, output_padding=2)
