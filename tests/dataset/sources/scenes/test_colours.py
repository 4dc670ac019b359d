"""The colours of objects are told apart, from each other and from what is behind them."""

import colorsys
from itertools import combinations

import numpy as np

from foveate.dataset.sources.scenes.colours import COLOURS, CONTRAST, behind, visible_on


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
