"""Windows by hand, and their way back as the transpose of the way there."""

import numpy as np
import pytest

from foveate.reference.windows import windows, windows_backward


def test_windows_by_hand():
    x = np.arange(16).reshape(1, 1, 4, 4)
    seen = windows(x, (2, 2), (2, 2))
    assert seen.shape == (1, 1, 2, 2, 2, 2)
    assert seen[0, 0, 1, 0].tolist() == [[8, 9], [12, 13]]
    assert windows(x, (2, 2), (1, 1), (3, 3))[0, 0, 0, 0].tolist() == [[0, 3], [12, 15]]


@pytest.mark.parametrize(
    ("kernel", "stride", "dilation"),
    [((3, 2), (1, 1), (1, 1)), ((2, 3), (2, 3), (1, 2)), ((1, 1), (3, 2), (4, 1))],
)
def test_the_way_back_is_the_transpose(rng, kernel, stride, dilation):
    x = rng.standard_normal((2, 3, 7, 9))
    seen = windows(x, kernel, stride, dilation)
    grad = rng.standard_normal(seen.shape)
    back = windows_backward(grad, (7, 9), stride, dilation)
    assert (seen * grad).sum() == pytest.approx((x * back).sum())
