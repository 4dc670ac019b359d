"""First steps by hand; that they are torch's on random settings is in test_agreement."""

import numpy as np
import pytest

from foveate.reference.optim import SGD, Adam, AdamW


def steps(optimiser, gradients, start=1.0):
    w = {"w": np.array([start])}
    for gradient in gradients:
        optimiser.step(w, {"w": np.array([gradient])})
    return w["w"][0]


def test_sgd_by_hand():
    assert steps(SGD(0.1), [2.0, 2.0]) == pytest.approx(1 - 0.2 - 0.2)
    assert steps(SGD(0.1, momentum=0.5), [2.0, 2.0]) == pytest.approx(1 - 0.2 - 0.3)
    assert steps(SGD(0.1, momentum=0.5, nesterov=True), [2.0, 2.0]) == pytest.approx(1 - 0.3 - 0.35)
    assert steps(SGD(0.1, weight_decay=0.5), [2.0]) == pytest.approx(1 - 0.25)


def test_adams_first_step_is_the_learning_rate_whatever_the_gradient():
    for gradient in (1e-3, 1.0, -1e3):
        assert steps(Adam(0.01), [gradient]) == pytest.approx(1 - np.sign(gradient) * 0.01)


def test_adamw_shrinks_apart_from_the_gradient():
    assert steps(AdamW(0.1, weight_decay=0.5), [0.0]) == pytest.approx(0.95)
    assert steps(Adam(0.1, weight_decay=0.5), [0.0]) == pytest.approx(0.9)  # decay is a gradient like another


def test_gradients_are_not_changed():
    gradient = {"w": np.ones(1)}
    for optimiser in (SGD(0.1, momentum=0.9, nesterov=True), AdamW()):
        w = {"w": np.ones(1)}
        optimiser.step(w, gradient)
        optimiser.step(w, gradient)
        assert gradient["w"] == 1
