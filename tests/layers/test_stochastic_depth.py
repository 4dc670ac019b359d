"""Stochastic depth: whole pictures, the expected value, training alone."""

import pytest
import torch

from foveate.errors import InputError
from foveate.layers.stochastic_depth import StochasticDepth


def test_whole_pictures_are_dropped_and_the_rest_scaled():
    torch.manual_seed(0)
    out = StochasticDepth(0.25)(torch.ones(4000, 2, 1, 2))
    values = out[:, 0, 0, 0]
    assert torch.equal(out, values[:, None, None, None].expand_as(out))
    assert torch.allclose(values.unique(), torch.tensor([0, 4 / 3]))
    assert out.mean().item() == pytest.approx(1, abs=0.05)


def test_evaluation_is_the_identity():
    x = torch.randn(3, 2, 4, 4)
    assert StochasticDepth(0.9).eval()(x) is x
    assert StochasticDepth(0.0)(x) is x


def test_dropping_all_gives_zeros():
    assert not StochasticDepth(1.0)(torch.ones(3, 2)).any()


@pytest.mark.parametrize("p", [-0.1, 1.1])
def test_probabilities_only(p):
    with pytest.raises(InputError, match=r"must be in 0\.\.1"):
        StochasticDepth(p)
