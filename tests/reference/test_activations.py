"""Values from the definitions, slopes by finite differences, and no overflow."""

import math

import numpy as np
import pytest

from foveate.reference import activations

NAMES = [
    "relu",
    "leaky_relu",
    "relu6",
    "sigmoid",
    "tanh",
    "silu",
    "hardsigmoid",
    "hardswish",
    "softmax",
    "gelu",
]


@pytest.mark.parametrize(
    ("name", "x", "expected"),
    [
        ("relu", -3, 0),
        ("relu", 3, 3),
        ("leaky_relu", -3, -0.03),
        ("relu6", 7, 6),
        ("sigmoid", 0, 0.5),
        ("sigmoid", math.log(3), 0.75),
        ("tanh", math.log(2), 0.6),
        ("silu", math.log(3), 0.75 * math.log(3)),
        ("hardsigmoid", -4, 0),
        ("hardsigmoid", 1.5, 0.75),
        ("hardsigmoid", 4, 1),
        ("hardswish", -3, 0),
        ("hardswish", 1.5, 1.5 * 0.75),
        ("hardswish", 5, 5),
        ("gelu", 0, 0),
        ("gelu", 1, 0.8413447460685429),  # the normal distribution's table
        ("gelu", -2, -2 * 0.022750131948179195),
    ],
)
def test_values(name, x, expected):
    assert getattr(activations, name)(np.array([[float(x)]]))[0, 0] == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize("name", NAMES)
def test_slopes_against_finite_differences(rng, numeric_gradient, name):
    x, grad = 4 * rng.standard_normal((3, 5)), rng.standard_normal((3, 5))
    forward, backward = getattr(activations, name), getattr(activations, f"{name}_backward")
    numeric = numeric_gradient(lambda: np.vdot(grad, forward(x)), x)
    assert np.allclose(backward(grad, x), numeric, atol=1e-8)


@pytest.mark.parametrize("name", NAMES)
def test_far_out_nothing_overflows(name):
    x = np.array([[-1e4, 0.0, 1e4]])
    with np.errstate(over="raise", invalid="raise"):
        assert np.isfinite(getattr(activations, name)(x)).all()
        assert np.isfinite(getattr(activations, f"{name}_backward")(np.ones_like(x), x)).all()


def test_softmax_is_a_distribution_and_ignores_a_common_shift(rng):
    x = rng.standard_normal((4, 6))
    assert np.allclose(activations.softmax(x).sum(1), 1)
    assert np.allclose(activations.softmax(x + 100), activations.softmax(x))


def test_dying_relu_and_saturated_sigmoid():
    """What the guides warn of: no gradient at all below zero, next to none far from it."""
    assert activations.relu_backward(np.ones(1), np.array([-0.1])) == 0
    assert activations.sigmoid_backward(np.ones(1), np.array([10.0])) < 5e-5
