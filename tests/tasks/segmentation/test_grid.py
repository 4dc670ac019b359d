"""Masks on other grids: a picture that encodes its own mask is turned, cut, scaled and flipped with it."""

import numpy as np
import pytest
from PIL import Image

from foveate.geometry import Affine
from foveate.images.preprocess import Preprocessing
from foveate.tasks.segmentation.grid import placed
from foveate.tasks.segmentation.masks import ArrayMask, Labelling
from foveate.tasks.segmentation.names import IGNORED
from foveate.tasks.segmentation.targets import MaskTargets


def test_scaling_takes_the_pixel_whose_square_holds_the_centre():
    """Pillow's nearest is the oracle: it works by centres."""
    random = np.random.default_rng(0)
    for _ in range(50):
        height, width, to_height, to_width = random.integers(1, 40, 4).tolist()
        mask = random.integers(0, 7, (height, width), np.uint8)
        place = Affine.between((0, 0, width, height), (0, 0, to_width, to_height))
        nearest = Image.fromarray(mask).resize((to_width, to_height), Image.Resampling.NEAREST)
        # a centre on the line between two pixels is in neither: rounding decides
        rows, columns = (_off_the_lines(*sides) for sides in ((height, to_height), (width, to_width)))
        found = placed(mask, place, to_height, to_width)
        assert np.array_equal(found[rows][:, columns], np.asarray(nearest)[rows][:, columns])


def _off_the_lines(length, to_length):
    return np.array([(2 * i + 1) * length % (2 * to_length) != 0 for i in range(to_length)])


@pytest.mark.parametrize("fit", ["stretch", "pad", "crop"])
def test_a_mask_lies_where_its_picture_lies(fit):
    """A picture whose grey is its mask, far larger than the network's input, so that no filter blurs much."""
    random = np.random.default_rng(1)
    for _ in range(20):
        height, width = random.integers(60, 200, 2).tolist()
        blocks = random.integers(0, 3, (3, 3), np.uint8)
        mask = np.kron(blocks, np.ones((height // 3 + 1, width // 3 + 1), np.uint8))[:height, :width]
        preprocessing = Preprocessing(
            30, 40, channels=3, fit=fit, interpolation="nearest", fill=(255, 255, 255)
        )
        seen = preprocessing.apply(np.repeat(mask[..., None] * 100, 3, axis=2))[..., 0]
        targets = MaskTargets((ArrayMask(mask, Labelling(("a", "b", "c"))),), 3).placed(preprocessing)
        (lies,) = targets.on_input
        expected = np.where(seen == 255, IGNORED, seen // 100)
        assert (lies != expected).mean() <= 0.02  # the picture's own rounding of its place, at the seams


def test_there_and_back_is_the_same_where_the_grid_is_finer():
    mask = np.random.default_rng(2).integers(0, 5, (30, 20), np.uint8)
    place = Affine.between((0, 0, 20, 30), (0, 0, 60, 90))
    assert np.array_equal(placed(placed(mask, place, 90, 60), place.inverse(), 30, 20), mask)


def test_what_the_grid_holds_beyond_the_picture_is_ignored():
    mask = np.ones((10, 20), np.uint8)
    on_grid = placed(mask, Preprocessing(20, 20, 3, fit="pad").place(20, 10), 20, 20)
    assert (on_grid[:5] == IGNORED).all() and (on_grid[5:15] == 1).all() and (on_grid[15:] == IGNORED).all()


def test_targets_are_taken_counted_and_renumbered():
    labelling = Labelling(("sky", "road"))
    masks = [ArrayMask(np.full((2, 3), number, np.uint8), labelling) for number in (0, 1, IGNORED)]
    targets = MaskTargets(tuple(masks), 2)
    assert targets.pixels.tolist() == [[6, 0], [0, 6], [0, 0]]
    assert targets.take([2, 1]).pixels.tolist() == [[0, 0], [0, 6]]
    other = targets.renumbered(labelling.classes, ("road", "tree", "sky"))
    assert other.pixels.tolist() == [[0, 0, 6], [6, 0, 0], [0, 0, 0]]
    assert len(set(targets.keys.tolist())) == 3
