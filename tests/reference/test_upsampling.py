"""Lines by hand, planes that stay planes, Pillow's nearest pixel, and finite differences."""

import numpy as np
import pytest
from PIL import Image

from foveate.errors import ShapeError
from foveate.reference.upsampling import (
    bilinear,
    bilinear_backward,
    nearest_neighbour,
    nearest_neighbour_backward,
)

ROW = np.array([[0.0, 8.0, 16.0]])[None, None]


def test_lines_by_hand():
    """By edges the outer places lie a quarter outside the middles, and are cut; by corners on them."""
    assert bilinear(ROW, (1, 6))[0, 0, 0].tolist() == [0, 2, 6, 10, 14, 16]
    assert bilinear(ROW, (1, 5), align_corners=True)[0, 0, 0].tolist() == [0, 4, 8, 12, 16]
    assert nearest_neighbour(ROW, (1, 6))[0, 0, 0].tolist() == [0, 0, 8, 8, 16, 16]
    assert nearest_neighbour(ROW, (1, 4))[0, 0, 0].tolist() == [0, 0, 8, 16]


@pytest.mark.parametrize("corners", [False, True])
def test_what_is_even_stays_even_and_its_own_size_changes_nothing(rng, corners):
    x = rng.standard_normal((2, 3, 5, 4))
    assert np.allclose(bilinear(np.full_like(x, 3), (11, 2), align_corners=corners), 3)
    assert np.array_equal(bilinear(x, (5, 4), align_corners=corners), x)
    assert np.array_equal(nearest_neighbour(x, (5, 4)), x)


def test_a_plane_stays_a_plane_between_corners():
    rows, columns = np.mgrid[0:4, 0:6]
    x = (2.0 * rows + 3.0 * columns)[None, None]
    rows, columns = np.mgrid[0:3:10j, 0:5:9j]
    assert np.allclose(bilinear(x, (10, 9), align_corners=True)[0, 0], 2 * rows + 3 * columns)


def test_whole_factors_repeat_pixels_as_pillow_does(rng):
    x = rng.integers(0, 256, (5, 7)).astype(np.uint8)
    by_pillow = np.asarray(Image.fromarray(x).resize((21, 10), Image.Resampling.NEAREST))
    assert np.array_equal(nearest_neighbour(x[None, None], (10, 21))[0, 0], by_pillow)


@pytest.mark.parametrize("size", [(7, 11), (2, 3)])
def test_gradients_against_finite_differences(rng, numeric_gradient, size):
    x, grad = rng.standard_normal((1, 2, 5, 4)), rng.standard_normal((1, 2, *size))
    for corners in (False, True):
        numeric = numeric_gradient(lambda c=corners: np.vdot(grad, bilinear(x, size, align_corners=c)), x)
        assert np.allclose(bilinear_backward(grad, x, align_corners=corners), numeric, atol=1e-8)
    numeric = numeric_gradient(lambda: np.vdot(grad, nearest_neighbour(x, size)), x)
    assert np.allclose(nearest_neighbour_backward(grad, x), numeric, atol=1e-8)


def test_no_places_are_refused():
    for resize in (bilinear, nearest_neighbour):
        with pytest.raises(ShapeError, match="1x1 places or more, and 0x2"):
            resize(ROW, (0, 2))
