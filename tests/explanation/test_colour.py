"""Measured in CIELAB, which the maps were not made with, and through the eyes of colour-blind people."""

import numpy as np
import pytest

from foveate.explanation.colour import coloured, heat_colours, signed_colours

# Machado, Oliveira, Fernandes (2009), severity 1, on linear RGB.
SIGHT = {
    "normal": [1, 0, 0, 0, 1, 0, 0, 0, 1],
    "protanopia": [
        0.152286,
        1.052583,
        -0.204868,
        0.114503,
        0.786281,
        0.099216,
        -0.003882,
        -0.048116,
        1.051998,
    ],
    "deuteranopia": [
        0.367322,
        0.860646,
        -0.227968,
        0.280085,
        0.672501,
        0.047413,
        -0.01182,
        0.04294,
        0.968881,
    ],
    "tritanopia": [1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.3039],
}


def lab(colours, sight):
    """sRGB uint8 (N, 3) -> CIELAB (D65) as somebody with this sight sees it."""
    value = colours / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear @ np.reshape(SIGHT[sight], (3, 3)).T, 0, 1)
    matrix = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750]]
    xyz = linear @ np.array([*matrix, [0.0193339, 0.1191920, 0.9503041]]).T / [0.95047, 1, 1.08883]
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1)


@pytest.mark.parametrize("sight", SIGHT)
def test_heat_grows_lighter_for_everybody(sight):
    lightness = lab(heat_colours(), sight)[::4, 0]
    assert (np.diff(lightness) > 0).all()
    assert lightness[0] < 8 and lightness[-1] > 90


@pytest.mark.parametrize("sight", SIGHT)
def test_the_two_ends_of_the_signed_map_differ_for_everybody(sight):
    seen = lab(signed_colours(), sight)
    assert np.linalg.norm(seen[0] - seen[-1]) > 60
    lightness = seen[:, 0]
    assert (np.diff(lightness[:128:4]) > 0).all() and (np.diff(lightness[128::4]) < 0).all()


@pytest.mark.parametrize("colours", [heat_colours(), signed_colours()[:128], signed_colours()[128:]])
def test_equal_steps_look_equally_large(colours):
    """CIELAB's own error for saturated colours is about a third: no step may stand out beyond that."""
    steps = np.linalg.norm(np.diff(lab(colours, "normal")[::8], axis=0), axis=1)
    assert steps.max() / steps.mean() < 1.7 and steps.min() / steps.mean() > 0.5


def test_signed_colours_are_balanced_around_white():
    lightness = lab(signed_colours(), "normal")[:, 0]
    assert lightness[127:129].min() > 95
    assert np.abs(lightness - lightness[::-1]).max() < 5


def test_numbers_become_colours():
    assert heat_colours().shape == signed_colours().shape == (256, 3)
    assert np.array_equal(coloured([0, 1, -5, 7, np.nan], heat_colours())[[0, 1]], heat_colours()[[0, 255]])
    assert np.array_equal(coloured([-5, 7, np.nan], heat_colours()), heat_colours()[[0, 255, 0]])
    with pytest.raises(ValueError, match="read-only"):
        heat_colours()[0] = 0
