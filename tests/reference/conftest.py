"""Finite differences, and the way to the campaign's checks."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))


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
