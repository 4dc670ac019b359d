"""A scene's truth is what its objects, painted one pixel at a time, would look like."""

import os
import subprocess
import sys

import numpy as np
import pytest

from foveate.dataset.sources.scenes import scene
from foveate.dataset.sources.scenes.colours import COLOURS


def owners(one):
    """For every pixel the place of the object that is seen there, or None: a slow painter."""
    side = len(one.mask)
    found = [[None] * side for _ in range(side)]
    for place, thing in enumerate(one.objects):
        for row, coverages in enumerate(thing.coverage.tolist()):
            for column, coverage in enumerate(coverages):
                if coverage / 255 >= 0.5:
                    found[thing.top + row][thing.left + column] = place
    return found


def test_masks_are_what_a_slow_painter_paints(drawn):
    for one in drawn[:40]:
        seen = owners(one)
        numbers = [[0 if place is None else one.objects[place].number for place in row] for row in seen]
        assert one.mask.tolist() == numbers
        for place, thing in enumerate(one.objects):
            assert thing.visible.tolist() == [[owner == place for owner in row] for row in seen]


def test_boxes_are_the_extents_of_what_is_seen(drawn):
    for one in drawn:
        for thing in one.objects:
            y, x = zip(*np.argwhere(thing.visible).tolist(), strict=True)
            assert thing.box == (min(x), min(y), max(x) + 1, max(y) + 1)
            assert thing.area == len(x)


def test_pictures_are_arrays_of_bytes_with_two_to_five_objects(drawn):
    for one, side in zip(drawn, (48, 80, 131) * 33, strict=False):
        assert one.picture.shape == (side, side, 3) and one.picture.dtype == np.uint8
        assert one.mask.shape == (side, side) and one.mask.dtype == np.uint8
        assert 2 <= len(one.objects) <= 5
    assert {len(one.objects) for one in drawn} == {2, 3, 4, 5}


def test_objects_lie_inside_and_three_fifths_of_each_are_seen(drawn):
    for one in drawn:
        side = len(one.mask)
        for thing in one.objects:
            height, width = thing.coverage.shape
            assert 0 <= thing.left <= side - width and 0 <= thing.top <= side - height
            assert thing.area >= 0.6 * (thing.coverage >= 128).sum()
    hidden = [thing for one in drawn for thing in one.objects if thing.area < (thing.coverage >= 128).sum()]
    assert len(hidden) > 30  # they do stand before one another


def test_sizes_vary_and_stay_large_enough_to_know_the_class(drawn):
    shares = []
    for one in drawn:
        side = len(one.mask)
        for thing in one.objects:
            longest = max(thing.coverage.shape)
            assert longest >= 0.6 * max(16, 0.2 * side)  # a turned garment does not fill its frame
            assert longest <= 0.5 * side + 1
            shares.append(longest / side)
    assert min(shares) < 0.25 and max(shares) > 0.45


def test_an_objects_colour_can_be_read_off_the_picture(drawn):
    names = list(COLOURS)
    right = []
    for one in drawn:
        assert len({thing.colour for thing in one.objects}) == len(one.objects)
        for thing in one.objects:
            middle = np.median(one.picture[thing.visible], axis=0)
            distances = [np.linalg.norm(middle - COLOURS[name]) for name in names]
            right.append(names[int(np.argmin(distances))] == thing.colour)
    assert np.mean(right) > 0.97


def test_objects_stand_out_from_what_is_behind_them(drawn):
    for one in drawn:
        background = np.median(one.picture[one.mask == 0], axis=0)
        for thing in one.objects:
            assert np.linalg.norm(np.median(one.picture[thing.visible], axis=0) - background) > 50


@pytest.mark.parametrize("name", ["shapes", "garments"])
def test_chance_is_all_that_differs(by_kind, name):
    kind = by_kind[name]["train"]
    first, again, other = (scene(np.random.default_rng(seed), kind, 64) for seed in (3, 3, 4))
    assert np.array_equal(first.picture, again.picture) and first.sentence == again.sentence
    assert not np.array_equal(first.picture, other.picture)


def test_every_class_comes_up_about_as_often(by_kind):
    for split_kinds in by_kind.values():
        kind = split_kinds["train"]
        scenes = [scene(np.random.default_rng([1, i]), kind, 48) for i in range(200)]
        names = [thing.name for one in scenes for thing in one.objects]
        assert set(names) == set(kind.classes)
        assert min(names.count(name) for name in kind.classes) > 0.06 * len(names)


HASHES = """
import hashlib, sys
import numpy as np
from foveate.dataset.sources.scenes import kinds, scene
kind, digest = kinds("shapes")["train"], hashlib.sha256()
for i in range(250):
    one = scene(np.random.default_rng([9, i]), kind, 96)
    digest.update(one.picture.tobytes() + one.mask.tobytes() + one.sentence.encode())
print(digest.hexdigest())
"""


def test_processors_with_and_without_wide_registers_draw_the_same():
    """They round sines and sums differently in the last bits."""
    wide = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    if not wide:
        pytest.skip("this processor has nothing that NumPy could do without")
    plain = {**os.environ, "NPY_DISABLE_CPU_FEATURES": " ".join(wide)}
    drawn = [
        subprocess.run([sys.executable, "-c", HASHES], env=environment, capture_output=True, check=True)
        for environment in (os.environ, plain)
    ]
    assert len({done.stdout for done in drawn}) == 1
