"""Finite differences."""

import numpy as np
import pytest


def _numeric_gradient(function, x, step=1e-5):
    """Central differences of a scalar function of the array x, one element at a time (float64)."""
    gradient = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        kept = x[place]
        x[place] = kept + step
        above = function()
        x[place] = kept - step
        gradient[place] = (above - function()) / (2 * step)
        x[place] = kept
    return gradient


@pytest.fixture
def numeric_gradient():
    return _numeric_gradient


@pytest.fixture
def rng():
    return np.random.default_rng(0)
