"""The minimiser on functions whose minimum is known, and beside SciPy's."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from foveate.transfer.lbfgs import minimise


def test_an_ill_conditioned_quadratic():
    torch.manual_seed(0)
    basis = torch.linalg.qr(torch.randn(30, 30, dtype=torch.float64)).Q
    matrix = basis @ torch.diag(torch.logspace(-2, 2, 30, dtype=torch.float64)) @ basis.T
    target = torch.randn(30, dtype=torch.float64)

    def function(x):
        return float((x - target) @ matrix @ (x - target) / 2), matrix @ (x - target)

    found = minimise(function, torch.zeros(30, dtype=torch.float64), tolerance=1e-9, iterations=500)
    torch.testing.assert_close(found, target, atol=1e-6, rtol=0)


def test_scipys_minimum():
    random = np.random.default_rng(0)
    rows = random.normal(size=(50, 8))

    def function(x):
        values = np.logaddexp(rows @ x, 0)
        gradient = rows.T @ (1 / (1 + np.exp(-rows @ x))) + 0.1 * x
        return values.sum() + 0.05 * x @ x, gradient

    def in_torch(x):
        value, gradient = function(x.numpy().ravel())
        return float(value), torch.from_numpy(gradient).view(2, 4)

    theirs = minimize(function, np.zeros(8), jac=True, method="L-BFGS-B", options={"gtol": 1e-9, "ftol": 0})
    ours = minimise(in_torch, torch.zeros(2, 4, dtype=torch.float64), tolerance=1e-8, iterations=200)
    assert ours.numpy().ravel() == pytest.approx(theirs.x, abs=1e-6)


def test_it_stays_at_a_minimum_and_stops_when_told():
    def function(x):
        return float((x * x).sum()), 2 * x

    zero = torch.zeros(3)
    assert torch.equal(minimise(function, zero, tolerance=1e-6, iterations=10), zero)
    assert torch.equal(minimise(function, torch.ones(3), tolerance=1e-6, iterations=0), torch.ones(3))
