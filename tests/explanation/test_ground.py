"""Heat brought back from the network's input to the picture, against torch's own resampling."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from foveate.explanation.ground import Decoded, brought_back, own_pixels
from foveate.images.preprocess import Preprocessing

HEAT = np.random.default_rng(0).normal(size=(12, 20)).astype(np.float32)


def sampled(place, height, width):
    """torch's grid_sample at the same places, what lies beyond the input blackened."""
    rows, columns = np.mgrid[0:height, 0:width] + 0.5
    at = place.points(np.stack([columns, rows], axis=-1))
    grid = torch.from_numpy(2 * at / (20, 12) - 1).float()[None]
    found = F.grid_sample(
        torch.from_numpy(HEAT)[None, None], grid, padding_mode="border", align_corners=False
    )[0, 0].numpy()
    inside = ((at >= 0) & (at <= (20, 12))).all(axis=-1)
    return np.where(inside, found, 0)


@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("size", [(50, 37), (30, 90), (7, 5)])
def test_values_go_back_to_where_they_were_seen(fit, size):
    width, height = size
    place = Preprocessing(12, 20, fit=fit).place(width, height)
    found = brought_back(HEAT, place, height, width)
    np.testing.assert_allclose(found, sampled(place, height, width), atol=1e-5)


def test_a_picture_that_was_decoded_smaller_lies_where_the_whole_one_did():
    """A point of the shown picture is on the input where the same point of the given one is."""
    seen = Preprocessing(12, 20, fit="crop")
    small = np.zeros(
        (75, 100, 3), np.uint8
    )  # of 797 x 593 pixels by 8: the last column and row are part full
    given = Decoded(small, (0, 0, 797 / 8, 593 / 8), (797, 593))
    ground = own_pixels(given, seen, 200, region=(80, 160, 400, 480))
    assert ground.pixels.shape == (150, 200, 3)
    here, given = np.array([[37.0, 81.0]]), np.array([[37.0, 81.0]]) / 2 * 8
    np.testing.assert_allclose(ground.place.points(here), seen.place(797, 593).points(given), atol=1e-6)
    assert ground.region == pytest.approx((20, 40, 100, 120))
