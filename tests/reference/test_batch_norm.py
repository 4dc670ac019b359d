"""Near unit Gaussian, running statistics by hand, finite differences."""

import numpy as np
import pytest

from foveate.errors import ShapeError
from foveate.reference import batch_norm as bn


@pytest.fixture
def case(rng):
    return 3 + 2 * rng.standard_normal((4, 3, 2, 3)), *rng.standard_normal((2, 3))


def test_training_brings_each_channel_to_mean_0_and_variance_1(case):
    out, _, _ = bn.batch_norm_train(case[0], np.ones(3), np.zeros(3), eps=0)
    assert np.allclose(out.mean((0, 2, 3)), 0)
    assert np.allclose(out.var((0, 2, 3)), 1)


def test_training_and_evaluation_agree_on_the_batchs_own_statistics(case):
    out, mean, variance = bn.batch_norm_train(*case)
    assert np.allclose(bn.batch_norm_eval(*case, mean, variance), out)


def test_running_statistics_by_hand():
    """Values 1 and 3: mean 2, variance 1, unbiased 2; a tenth of the new."""
    _, mean, variance = bn.batch_norm_train(np.array([[1.0], [3.0]]), np.ones(1), np.zeros(1))
    assert (mean, variance) == (2, 1)
    running = bn.running_statistics(np.zeros(1), np.ones(1), mean, variance, 2)
    assert np.allclose(running, [[0.2], [0.9 + 0.1 * 2]])


def test_gradients_against_finite_differences(case, rng, numeric_gradient):
    x, weight, bias = case
    grad = rng.standard_normal(x.shape)
    analytic = bn.batch_norm_train_backward(grad, x, weight)
    for array, gradient in zip(case, analytic, strict=True):
        numeric = numeric_gradient(lambda: np.vdot(grad, bn.batch_norm_train(x, weight, bias)[0]), array)
        assert np.allclose(gradient, numeric, atol=1e-7)
    fixed = rng.standard_normal(3), rng.uniform(0.5, 2, 3)
    analytic = bn.batch_norm_eval_backward(grad, x, weight, *fixed)
    for array, gradient in zip(case, analytic, strict=True):
        numeric = numeric_gradient(lambda: np.vdot(grad, bn.batch_norm_eval(x, weight, bias, *fixed)), array)
        assert np.allclose(gradient, numeric, atol=1e-7)


def test_one_value_a_channel_is_refused():
    with pytest.raises(ShapeError, match=r"at least 2 values a channel, and the input is \(1, 3, 1, 1\)"):
        bn.batch_norm_train(np.ones((1, 3, 1, 1)), np.ones(3), np.zeros(3))
