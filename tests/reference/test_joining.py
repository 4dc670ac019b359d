"""Branches that meet."""

import numpy as np
import pytest

from foveate.errors import ShapeError
from foveate.reference.joining import add, add_backward, concat, concat_backward


def test_concat_puts_channel_behind_channel_and_gives_each_its_own_back(rng):
    parts = [rng.standard_normal((2, channels, 3, 4)) for channels in (1, 3, 2)]
    joined = concat(parts)
    assert joined.shape == (2, 6, 3, 4)
    assert np.array_equal(joined[:, 1:4], parts[1])
    assert all(np.array_equal(a, b) for a, b in zip(concat_backward(joined, parts), parts, strict=True))


def test_both_sides_of_a_sum_get_all_of_the_gradient(rng):
    grad = rng.standard_normal((1, 2, 3, 3))
    assert all(np.array_equal(part, grad) for part in add_backward(grad))


def test_branches_of_other_shapes_are_refused():
    a, b = np.ones((1, 2, 3, 3)), np.ones((1, 2, 1, 1))
    with pytest.raises(ShapeError, match=r"must have one shape, and have \(1, 2, 3, 3\) and \(1, 2, 1, 1\)"):
        add(a, b)
    with pytest.raises(ShapeError, match="may differ in channels alone"):
        concat([a, b])
