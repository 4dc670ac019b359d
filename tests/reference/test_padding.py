"""Each fill by hand; the way back counts how often a pixel was copied."""

import numpy as np
import pytest

from foveate.errors import ShapeError
from foveate.reference.padding import pad, pad_backward

ROW = np.array([[[[1.0, 2.0, 3.0]]]])


@pytest.mark.parametrize(
    ("mode", "expected", "copies"),
    [
        ("zeros", [0, 0, 1, 2, 3, 0], [1, 1, 1]),
        ("reflect", [3, 2, 1, 2, 3, 2], [1, 3, 2]),
        ("replicate", [1, 1, 1, 2, 3, 3], [3, 1, 2]),
        ("circular", [2, 3, 1, 2, 3, 1], [2, 2, 2]),
    ],
)
def test_fills_and_their_way_back(mode, expected, copies):
    amount = ((0, 0), (2, 1))
    assert pad(ROW, amount, mode)[0, 0, 0].tolist() == expected
    assert pad_backward(np.ones((1, 1, 1, 6)), (1, 3), amount, mode)[0, 0, 0].tolist() == copies


def test_each_side_has_its_own_amount():
    padded = pad(np.ones((1, 1, 1, 1)), ((1, 2), (3, 4)))
    assert padded.shape == (1, 1, 4, 8)
    assert np.argwhere(padded[0, 0]).tolist() == [[1, 3]]


@pytest.mark.parametrize(("mode", "most"), [("reflect", 2), ("circular", 3)])
def test_a_small_picture_cannot_be_mirrored_far(mode, most):
    pad(ROW, ((0, 0), (most, 0)), mode)
    with pytest.raises(ShapeError, match=f"width of 3 gives at most {most} pixels of {mode} padding"):
        pad(ROW, ((0, 0), (most + 1, 0)), mode)
