"""The guides' worked examples, the definition as four loops, invariances, and finite differences."""

import numpy as np
import pytest

from foveate.errors import InputError, ShapeError
from foveate.reference.convolution import conv2d, conv2d_backward


def plane(*rows):
    return np.array(rows, dtype=float)[None, None]


def test_worked_example_a():
    x, k = np.arange(9.0).reshape(1, 1, 3, 3), np.arange(4.0).reshape(1, 1, 2, 2)
    assert conv2d(x, k)[0, 0].tolist() == [[19, 25], [37, 43]]


def test_worked_example_b():
    checkerboard = (np.indices((5, 5)).sum(0) % 2 == 0).astype(float)[None, None]
    kernel = plane([1, 0, 1], [0, 1, 0], [1, 0, 1])
    assert conv2d(checkerboard, kernel)[0, 0].tolist() == [[5, 0, 5], [0, 5, 0], [5, 0, 5]]


def test_known_kernels_on_a_known_picture():
    """A ramp has slope 1: Sobel gives 8 times that, Laplacian nothing, identity the ramp."""
    ramp = np.tile(np.arange(6.0), (6, 1))[None, None]
    assert np.all(conv2d(ramp, plane([-1, 0, 1], [-2, 0, 2], [-1, 0, 1])) == 8)
    assert np.all(conv2d(ramp, plane([0, 1, 0], [1, -4, 1], [0, 1, 0])) == 0)
    identity = plane([0, 0, 0], [0, 1, 0], [0, 0, 0])
    assert np.array_equal(conv2d(ramp, identity, padding=1), ramp)


def test_the_definition_as_loops(rng):
    x, w, b = rng.standard_normal((2, 4, 6, 7)), rng.standard_normal((6, 2, 2, 3)), rng.standard_normal(6)
    out = conv2d(x, w, b, stride=(2, 1), dilation=(1, 2), groups=2)
    assert out.shape == (2, 6, 3, 3)
    for n, o, i, j in np.ndindex(out.shape):
        first = 2 * (o // 3)  # three filters a group, two channels a group
        expected = b[o] + sum(
            x[n, first + c, 2 * i + m, j + 2 * k] * w[o, c, m, k]
            for c in range(2)
            for m in range(2)
            for k in range(3)
        )
        assert out[n, o, i, j] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_same_padding_gives_the_ceiling(rng, stride):
    out = conv2d(rng.standard_normal((1, 1, 11, 10)), np.ones((1, 1, 4, 3)), stride=stride, padding="same")
    assert out.shape[2:] == (-(-11 // stride), -(-10 // stride))


def test_same_padding_puts_the_odd_pixel_behind():
    """As TensorFlow does: 4 pixels, kernel 2 see (0,1) (1,2) (2,3) (3,pad)."""
    row = np.array([1.0, 10.0, 100.0, 1000.0]).reshape(1, 1, 1, 4)
    assert conv2d(row, np.ones((1, 1, 1, 2)), padding="same")[0, 0, 0].tolist() == [11, 110, 1100, 1000]


def test_equivariance_to_translation(rng):
    """Shift the input, and the map shifts: exactly so on a picture without an edge."""
    x, w = rng.standard_normal((1, 3, 9, 8)), rng.standard_normal((4, 3, 3, 5))
    around = {"padding": "same", "padding_mode": "circular"}
    shifted = conv2d(np.roll(x, (2, -3), (2, 3)), w, **around)
    assert np.allclose(shifted, np.roll(conv2d(x, w, **around), (2, -3), (2, 3)), atol=1e-13, rtol=0)


def test_linear_in_picture_and_in_kernel(rng):
    x, w = rng.standard_normal((2, 1, 2, 6, 6)), rng.standard_normal((2, 3, 2, 3, 3))
    assert np.allclose(conv2d(x[0] + 2 * x[1], w[0]), conv2d(x[0], w[0]) + 2 * conv2d(x[1], w[0]))
    assert np.allclose(conv2d(x[0], w[0] + 2 * w[1]), conv2d(x[0], w[0]) + 2 * conv2d(x[0], w[1]))


@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
def test_gradients_against_finite_differences(rng, numeric_gradient, mode):
    x, w, b = rng.standard_normal((2, 2, 5, 4)), rng.standard_normal((4, 1, 3, 2)), rng.standard_normal(4)
    how = {
        "stride": (2, 1),
        "padding": ((1, 2), (0, 3)),
        "dilation": (1, 2),
        "groups": 2,
        "padding_mode": mode,
    }
    grad = rng.standard_normal(conv2d(x, w, b, **how).shape)
    for array, analytic in zip((x, w, b), conv2d_backward(grad, x, w, **how), strict=True):
        numeric = numeric_gradient(lambda: np.vdot(grad, conv2d(x, w, b, **how)), array)
        assert np.allclose(analytic, numeric, atol=1e-8)


def test_a_kernel_larger_than_the_picture_is_refused_with_the_numbers():
    with pytest.raises(
        ShapeError, match=r"padded height of 4.*floor\(\(3 \+ 1 \+ 0 − 1·\(5−1\) − 1\)/1\) \+ 1"
    ):
        conv2d(np.ones((1, 1, 3, 9)), np.ones((1, 1, 5, 5)), padding=((1, 0), (0, 0)))


def test_channels_and_groups_must_agree():
    with pytest.raises(
        ShapeError, match="take 4 input channels, and 2 must divide the kernels; the input has 3"
    ):
        conv2d(np.ones((1, 3, 5, 5)), np.ones((2, 2, 3, 3)), groups=2)


def test_an_unknown_padding_is_refused():
    with pytest.raises(InputError, match="padding must be 'valid', 'same'"):
        conv2d(np.ones((1, 1, 5, 5)), np.ones((1, 1, 3, 3)), padding="full")
