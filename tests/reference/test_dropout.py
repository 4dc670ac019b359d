"""What is kept is scaled so that the expected value stays."""

import numpy as np
import pytest

from foveate.reference.dropout import (
    dropout,
    dropout_backward,
    keep_mask,
    stochastic_depth,
    stochastic_depth_backward,
)


def test_by_hand():
    x, mask = np.array([[1.0, 2.0, 3.0, 4.0]]), np.array([[True, False, True, False]])
    assert dropout(x, mask, 0.5).tolist() == [[2, 0, 6, 0]]
    assert dropout_backward(x, mask, 0.75).tolist() == [[4, 0, 12, 0]]


def test_stochastic_depth_takes_whole_pictures():
    x, mask = np.ones((3, 2, 2, 2)), np.array([True, False, True])
    for out in (stochastic_depth(x, mask, 0.2), stochastic_depth_backward(x, mask, 0.2)):
        assert out[:, 0, 0, 0].tolist() == [1.25, 0, 1.25]
        assert all(np.unique(picture).size == 1 for picture in out)


def test_the_expected_value_stays(rng):
    x = np.ones(200_000)
    assert dropout(x, keep_mask(x.shape, 0.3, rng), 0.3).mean() == pytest.approx(1, abs=0.01)


def test_everything_dropped_is_zero_and_not_nan(rng):
    assert not dropout(np.ones(5), keep_mask((5,), 1.0, rng), 1.0).any()
