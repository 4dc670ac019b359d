"""Shapes have the areas, holes and outlines of geometry."""

import numpy as np
import pytest
from scipy import ndimage, spatial

from foveate.dataset.sources.scenes.shapes import Shapes

SIDE = 120


def draw(name, seed=0, side=SIDE):
    kind = Shapes()
    return kind.draw(np.random.default_rng(seed), kind.classes.index(name), side)


@pytest.mark.parametrize("name", Shapes.classes)
@pytest.mark.parametrize("side", [16, 33, SIDE])
def test_the_longer_side_is_what_was_asked_for(name, side):
    for seed in range(5):
        drawn = draw(name, seed, side)
        assert drawn.coverage.shape == drawn.light.shape
        assert max(drawn.coverage.shape) == side
        assert min(drawn.coverage.shape) > side / 2


@pytest.mark.parametrize(("name", "share"), [("disc", 1.0), ("ring", 1 - 0.55**2)])
def test_round_ones_have_the_area_of_circles(name, share):
    coverage = draw(name).coverage
    assert coverage.sum() / 255 == pytest.approx(share * np.pi / 4 * SIDE**2, rel=0.02)


SOLIDITY = {  # area over that of the convex hull, from the corners of the shape
    "disc": 1.0,
    "square": 1.0,
    "triangle": 1.0,
    "cross": (4 * 2 * 0.34 - 4 * 0.34**2) / (4 - 2 * 0.66**2),
    "star": 10 * 0.5 * 0.45 * np.sin(np.pi / 5) / (5 * 0.5 * np.sin(2 * np.pi / 5)),
}


@pytest.mark.parametrize("name", SOLIDITY)
def test_corners_are_where_geometry_has_them(name):
    drawn = draw(name, seed=3)
    hull = spatial.ConvexHull(np.argwhere(drawn.coverage >= 128)).volume
    assert (drawn.coverage.sum() / 255) / hull == pytest.approx(SOLIDITY[name], rel=0.05)


@pytest.mark.parametrize("name", Shapes.classes)
def test_each_is_one_piece_and_only_the_ring_has_a_hole(name):
    solid = draw(name, seed=1).coverage >= 128
    assert ndimage.label(solid)[1] == 1
    assert ndimage.label(~np.pad(solid, 1))[1] == (2 if name == "ring" else 1)


def test_outlines_are_soft():
    coverage = draw("disc").coverage
    between = ((coverage > 0) & (coverage < 255)).sum()
    assert np.pi * SIDE / 2 < between < 2 * np.pi * SIDE


def test_they_are_turned_a_little_and_lit():
    pictures = [draw("square", seed).coverage for seed in range(4)]
    assert len({picture.tobytes() for picture in pictures}) == 4
    light = draw("square").light
    assert light[0, 0] > light[-1, -1] > 128
