"""Regions that may hold a thing: by hand, by invariances, and kept on the disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from foveate.images import selective_search as module
from foveate.images.segments import segments
from foveate.images.selective_search import (
    Kind,
    grouped,
    in_colours,
    kept_proposals,
    parts_of,
    selective_search,
)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FOVEATE_CACHE", str(tmp_path))
    module._LATELY.clear()
    return tmp_path


def noisy(height: int = 40, width: int = 56) -> np.ndarray:
    rng = np.random.default_rng(1)
    picture = rng.integers(0, 40, (height, width, 3))
    picture[8:24, 6:26] += np.array([160, 40, 0])
    picture[18:36, 32:50] += np.array([0, 60, 170])
    return picture.astype(np.uint8)


def test_colours_are_those_of_the_standard() -> None:
    """CIE Lab of sRGB's red, green, blue and white under D65, as colorimetry's tables have them."""
    pure = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [0, 0, 0]]], np.uint8)
    lab = in_colours(pure, "lab")[0] - np.array([0, 128, 128])
    expected = [[53.24, 80.09, 67.20], [87.73, -86.18, 83.18], [32.30, 79.19, -107.86], [100, 0, 0]]
    assert lab[:4] * np.array([1 / 2.55, 1, 1]) == pytest.approx(np.array(expected), abs=0.1)
    assert lab[4] == pytest.approx([0, 0, 0])
    assert in_colours(pure, "hsv")[0, :, 1].tolist() == [255, 255, 255, 0, 0]


def stripes(*widths: int) -> np.ndarray:
    return np.repeat(np.arange(len(widths)), widths)[None].repeat(6, axis=0)


def test_the_two_most_alike_are_joined_first_by_colour_or_by_size() -> None:
    numbers = stripes(8, 8, 3)
    colours = np.array([[200.0, 10, 10], [205, 12, 12], [10, 10, 220]])[numbers]
    parts = parts_of(numbers, colours)
    assert parts.boxes.tolist() == [[0, 0, 8, 6], [8, 0, 16, 6], [16, 0, 19, 6]]
    assert parts.neighbours == (frozenset({1}), frozenset({0, 2}), frozenset({1}))
    assert parts.colour.sum(axis=1) == pytest.approx(1) and parts.texture.sum(axis=1) == pytest.approx(1)
    by_colour, by_size = (grouped(parts, [measure])[3:].tolist() for measure in ("colour", "size"))
    assert by_colour == [[0, 0, 16, 6], [0, 0, 19, 6]]  # the two reds
    assert by_size == [[8, 0, 19, 6], [0, 0, 19, 6]]  # the two that are smallest together


def test_fill_joins_what_fits_into_each_other() -> None:
    """A hole is joined with what surrounds it before that is with its neighbour (the paper's equation 6)."""
    numbers = np.zeros((9, 14), np.int64)
    numbers[:, 9:] = 1
    numbers[3:6, 3:6] = 2
    found = grouped(parts_of(numbers, np.zeros((9, 14, 3))), ["fill"])
    assert found[3].tolist() == [0, 0, 9, 9] and found[4].tolist() == [0, 0, 14, 9]


def test_every_part_that_there_ever_was_has_its_box() -> None:
    picture = noisy()
    colours = in_colours(picture, "lab")
    numbers = segments(colours, 60.0, 8)
    parts = parts_of(numbers, colours)
    for part, box in enumerate(parts.boxes.tolist()):
        y, x = np.nonzero(numbers == part)
        assert box == [x.min(), y.min(), x.max() + 1, y.max() + 1]
    found = grouped(parts, ["colour", "texture", "size", "fill"])
    assert len(found) == 2 * len(parts.pixels) - 1 and found[-1].tolist() == [0, 0, 56, 40]


def test_things_are_found() -> None:
    found = selective_search(noisy(), 100)
    for thing in ([6, 8, 26, 24], [32, 18, 50, 36]):
        low, high = np.maximum(found[:, :2], thing[:2]), np.minimum(found[:, 2:], thing[2:])
        shared = (high - low).clip(0).prod(axis=1)
        area = (found[:, 2:] - found[:, :2]).prod(axis=1) + np.prod(np.subtract(thing[2:], thing[:2]))
        assert (shared / (area - shared)).max() > 0.8


def test_a_mirrored_picture_has_mirrored_boxes() -> None:
    picture = noisy()
    found, mirrored = (selective_search(one, 10_000) for one in (picture, picture[:, ::-1]))
    back = mirrored[:, [2, 1, 0, 3]] * [-1, 1, -1, 1] + [56, 0, 56, 0]
    assert len(found) > 20 and {tuple(box) for box in found.tolist()} == {tuple(box) for box in back.tolist()}


def test_large_pictures_are_looked_at_smaller_and_boxes_are_in_their_own_pixels() -> None:
    large = np.kron(noisy(), np.ones((12, 12, 1), np.uint8))
    found = selective_search(large, 500)
    assert [0, 0, 672, 480] in found.tolist() and found.dtype == np.float32
    near = np.abs(found - [72, 96, 312, 288]).max(axis=1).min()
    assert near < 24  # two pixels of the picture that was repeated


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 40, 1), (30, 2, 3)])
def test_pictures_of_any_shape_have_a_proposal(shape: tuple[int, int, int]) -> None:
    found = selective_search(np.full(shape, 9, np.uint8), 5)
    assert found[0].tolist() == [0, 0, shape[1], shape[0]]


def test_proposals_are_kept_by_content_if_they_are_to_be(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = noisy()
    expected = kept_proposals(picture[None], Kind(30))
    assert expected.shape == (1, 30, 4) and not list(cache.rglob("*.npy"))
    module._LATELY.clear()
    kept_proposals(picture[None], Kind(30), keep=True)
    (file,) = cache.rglob("*.npy")
    module._LATELY.clear()
    monkeypatch.setattr(module, "selective_search", lambda picture, most: pytest.fail("made again"))
    assert (kept_proposals(picture[None], Kind(30)) == expected).all()
    monkeypatch.undo()
    monkeypatch.setenv("FOVEATE_CACHE", str(cache))
    damaged = bytearray(file.read_bytes())
    damaged[-40] ^= 1
    file.write_bytes(damaged)
    module._LATELY.clear()
    assert (kept_proposals(picture[None], Kind(30), keep=True) == expected).all()
    assert file.read_bytes() != damaged
