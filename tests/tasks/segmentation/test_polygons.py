"""Polygons are drawn to the pixel as the COCO API draws them, whose own code is the oracle."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco

from foveate.tasks.segmentation import polygons, rle

# pycocotools 2.0 hands out its arrays as NumPy 1 wanted them
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

# whole pixels, halves and tenths (ties of the rounding), any; in the picture, around it and far from it
GRIDS = st.sampled_from([1.0, 0.5, 0.1, None])
REACHES = st.sampled_from([(0, 40), (-15, 60), (-3000, 3000)])


def corners_of(random, count, grid, reach):
    corners = random.uniform(*reach, (count, 2))
    return corners if grid is None else np.round(corners / grid) * grid


@settings(max_examples=600)
@given(st.integers(0, 2**32 - 1), st.integers(3, 12), GRIDS, REACHES)
def test_a_polygon_is_drawn_as_the_coco_api_draws_it(seed, count, grid, reach):
    random = np.random.default_rng(seed)
    height, width = random.integers(1, 50, 2).tolist()
    corners = corners_of(random, count, grid, reach)
    corners[random.random(count) < 0.2] = corners[0]  # corners that are there several times
    (theirs,) = coco.frPyObjects([corners.ravel().tolist()], height, width)
    ours = polygons.outlined([corners], height, width)
    assert ours.string.encode() == theirs["counts"]
    assert np.array_equal(rle.decode(ours), coco.decode(theirs))


@settings(max_examples=100)
@given(st.integers(0, 2**32 - 1), st.integers(2, 5))
def test_several_polygons_are_merged(seed, count):
    random = np.random.default_rng(seed)
    parts = [corners_of(random, 6, None, (-10, 50)) for _ in range(count)]
    theirs = coco.merge(coco.frPyObjects([part.ravel().tolist() for part in parts], 40, 30))
    assert polygons.outlined(parts, 40, 30).string.encode() == theirs["counts"]


def test_a_rectangle_of_whole_pixels_is_these_pixels():
    corners = np.array([(2, 1), (5, 1), (5, 4), (2, 4)], float)
    expected = np.zeros((6, 8), bool)
    expected[1:4, 2:5] = True
    assert np.array_equal(rle.decode(polygons.outlined([corners], 6, 8)), expected)


@pytest.mark.parametrize("portion", [1, 7])
def test_many_edges_are_drawn_in_portions_of_bounded_memory(portion, monkeypatch):
    corners = np.random.default_rng(0).uniform(-5, 45, (50, 2))
    whole = polygons.outlined([corners], 40, 40)
    monkeypatch.setattr(polygons, "_MOST_PASSES", portion)
    assert polygons.outlined([corners], 40, 40).string == whole.string


def test_the_furthest_corner_is_drawn_exactly():
    far = polygons.FURTHEST_PX
    corners = np.array([(-far, -far), (far, 3.7), (12.3, far)])
    (theirs,) = coco.frPyObjects([corners.ravel().tolist()], 40, 50)
    assert polygons.outlined([corners], 40, 50).string.encode() == theirs["counts"]
