"""A seeded part of the campaign: the reference equals torch to 1e-10 in float64, outputs and gradients."""

import pytest

from reference_campaign import CHECKS, run

CASES = {"conv2d": 60, "conv_transpose2d": 30, "mbconv": 12}


@pytest.mark.parametrize("name", CHECKS)
def test_reference_equals_torch(name):
    outcomes = run(CHECKS[name], CASES.get(name, 8), first_seed=0)
    assert len(outcomes) == CASES.get(name, 8)
    assert max(outcome.difference for outcome in outcomes) < 1e-10
    assert not all(outcome.refused for outcome in outcomes)
