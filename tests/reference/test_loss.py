"""Cross-entropy by hand and by finite differences."""

import math

import numpy as np
import pytest

from foveate.errors import ShapeError
from foveate.reference.activations import softmax
from foveate.reference.loss import cross_entropy, cross_entropy_backward


def test_knowing_nothing_costs_the_logarithm_of_the_classes():
    assert cross_entropy(np.zeros((3, 10)), np.array([0, 4, 9])) == pytest.approx(math.log(10))
    assert cross_entropy(np.zeros((3, 10)), np.array([0, 4, 9]), label_smoothing=0.3) == pytest.approx(
        math.log(10)
    )


def test_class_weights_by_hand():
    """p = ¼, ¾ for the two samples; weights 3 and 1."""
    logits = np.log([[0.25, 0.75], [0.25, 0.75]])
    loss = cross_entropy(logits, np.array([0, 1]), class_weights=np.array([3.0, 1.0]))
    assert loss == pytest.approx((3 * math.log(4) + math.log(4 / 3)) / 4)


def test_the_gradient_is_softmax_minus_one_hot(rng):
    logits = rng.standard_normal((2, 3))
    expected = (softmax(logits) - np.eye(3)[[2, 0]]) / 2
    assert np.allclose(cross_entropy_backward(logits, np.array([2, 0])), expected)


def test_gradient_against_finite_differences(rng, numeric_gradient):
    logits, labels = rng.standard_normal((4, 5)), rng.integers(0, 5, 4)
    how = {"class_weights": rng.uniform(0.5, 2, 5), "label_smoothing": 0.2}
    numeric = numeric_gradient(lambda: cross_entropy(logits, labels, **how), logits)
    assert np.allclose(cross_entropy_backward(logits, labels, **how), numeric, atol=1e-8)


def test_huge_logits_do_not_overflow():
    assert cross_entropy(np.array([[1e4, -1e4]]), np.array([1])) == pytest.approx(2e4)


@pytest.mark.parametrize("labels", [[0, 3], [-1, 0], [0]])
def test_labels_that_do_not_belong_are_refused(labels):
    with pytest.raises(ShapeError, match=r"Logits \(2, 3\) take labels \(2,\) in 0..2"):
        cross_entropy(np.zeros((2, 3)), np.array(labels))
