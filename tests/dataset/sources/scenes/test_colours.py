"""The palette is Pascal VOC's, and the colours of objects are told apart."""

import colorsys
from itertools import combinations

import numpy as np

from foveate.dataset.sources.scenes.colours import COLOURS, CONTRAST, behind, palette, visible_on


def test_the_palette_is_vocs():
    # The first sixteen and three later ones of the VOC 2012 development kit's table.
    expected = """0 0 0  128 0 0  0 128 0  128 128 0  0 0 128  128 0 128  0 128 128  128 128 128
        64 0 0  192 0 0  64 128 0  192 128 0  64 0 128  192 0 128  64 128 128  192 128 128"""
    assert palette()[:16].ravel().tolist() == list(map(int, expected.split()))
    assert palette()[20].tolist() == [0, 64, 128]
    assert palette()[255].tolist() == [224, 224, 192]
    assert len({tuple(colour) for colour in palette().tolist()}) == 256


def test_named_colours_are_far_apart():
    for one, other in combinations(COLOURS.values(), 2):
        assert np.linalg.norm(np.subtract(one, other)) > 75


def test_names_fit_their_hues():
    hues = {"red": 0, "orange": 30, "yellow": 50, "green": 130, "blue": 220, "purple": 280, "pink": 330}
    for name, degrees in hues.items():
        hue = 360 * colorsys.rgb_to_hsv(*(part / 255 for part in COLOURS[name]))[0]
        assert min(abs(hue - degrees), 360 - abs(hue - degrees)) < 15, name


def test_there_are_always_enough_colours_that_stand_out():
    for seed in range(3000):
        colours = behind(np.random.default_rng(seed))
        assert colours.shape == (2, 3) and colours.min() >= 0 and colours.max() <= 255
        names = visible_on(colours)
        assert len(names) >= 5
        for name in names:
            assert np.linalg.norm(colours - COLOURS[name], axis=1).min() >= CONTRAST
