"""Split-conformal margins: by hand, and how often they hold on simulated data."""

import numpy as np
import pytest

from foveate.errors import ShapeError
from foveate.tasks.regression.intervals import fit_margins


def test_the_margin_is_the_error_of_the_right_rank():
    off = np.arange(1.0, 20)[::-1, None] * [1, -2]  # 19 errors: rank ceil(20 * 0.9) = 18
    found = fit_margins(off, np.zeros((19, 2)))
    assert found.half_widths == (18, 36)
    assert found.samples == 19
    assert fit_margins(np.arange(1.0, 10)[:, None], np.zeros((9, 1))).half_widths == (9,)


def test_too_few_pictures_give_none():
    assert fit_margins(np.zeros((8, 1)), np.zeros((8, 1))) is None
    assert fit_margins(np.zeros((0, 1)), np.zeros((0, 1))) is None


@pytest.mark.parametrize("count", [9, 30, 199])
def test_new_numbers_lie_within_as_often_as_is_said(count):
    """Whatever the distribution: here errors of heavy tails. The mean over held-out sets is at least 90 %."""
    random = np.random.default_rng(0)
    covered = []
    for _ in range(2000):
        errors = random.standard_t(2, (count + 1, 1))
        (half_width,) = fit_margins(errors[:-1], np.zeros((count, 1))).half_widths
        covered.append(abs(errors[-1, 0]) <= half_width)
    exact = np.ceil((count + 1) * 0.9) / (count + 1)
    assert np.mean(covered) == pytest.approx(exact, abs=3 * np.sqrt(exact * (1 - exact) / 2000))


def test_shapes_must_be_the_same():
    with pytest.raises(ShapeError, match="answers and true numbers"):
        fit_margins(np.zeros((9, 1)), np.zeros((9, 2)))
