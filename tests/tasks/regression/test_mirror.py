"""Mirror images of pictures with numbers: angles change in a mirror, sizes do not."""

import numpy as np
import pytest

from foveate.dataset import from_arrays
from foveate.dataset.prepare import Preparation, prepare
from foveate.pipeline.plan import make_plan
from foveate.pipeline.request import TrainRequest
from foveate.transfer.mirror import mirror_test

SIDE = 24
ROWS, COLUMNS = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2


def line(degrees, random):
    """(24, 24, 3) a bright line through the middle, at an angle to the vertical, under noise."""
    turned = np.radians(degrees)
    off = COLUMNS * np.cos(turned) + ROWS * np.sin(turned)
    bright = 200 * np.exp(-0.5 * (off / 1.5) ** 2)[..., None] + random.integers(0, 40, (SIDE, SIDE, 3))
    return bright.clip(0, 255).astype(np.uint8)


def disc(radius, random):
    away = np.hypot(ROWS - random.uniform(-3, 3), COLUMNS - random.uniform(-3, 3))
    bright = 200 * (away < radius)[..., None] + random.integers(0, 40, (SIDE, SIDE, 3))
    return bright.clip(0, 255).astype(np.uint8)


def noise(_, random):
    return random.integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8)


def prepared(draw, low, high, count=200):
    random = np.random.default_rng(0)
    numbers = random.uniform(low, high, count)
    pixels = np.stack([draw(number, random) for number in numbers])
    return prepare(from_arrays(pixels, numbers), Preparation(val_fraction=0.1, test_fraction=0.0))


@pytest.mark.parametrize(
    ("draw", "low", "high", "flip", "told"),
    [
        (line, -40, 40, "none", "left out: in a mirror these pictures take on another number"),
        (disc, 3, 8, "alternating", None),
        # what the pictures do not show is not taken for granted: a mirror would undo an angle
        (
            noise,
            0,
            1,
            "none",
            "left out: whether these pictures keep their number in a mirror cannot be seen",
        ),
    ],
)
def test_pictures_are_mirrored_where_that_is_shown_to_keep_their_number(draw, low, high, flip, told):
    plan = make_plan(TrainRequest(epochs=1), prepared(draw, low, high))
    assert plan.batches.augmentation.flip == flip
    said = [reason for reason in plan.reasons if "irror" in reason]
    assert (not said) if told is None else told in said[0]


def test_a_named_recipe_mirrors_and_the_user_is_told():
    plan = make_plan(TrainRequest(epochs=1, recipe="standard"), prepared(line, -40, 40))
    assert plan.batches.augmentation.flip == "random"
    assert (
        "The recipe mirrors pictures, but in a mirror these pictures take on another number"
        in plan.reasons[1]
    )


def test_each_number_must_be_seen():
    random = np.random.default_rng(1)
    features = random.normal(size=(200, 5))
    views = features + random.normal(size=(2, 200, 5)) * 0.1  # a mirror changes nothing but the noise
    seen, unseen = features[:, :1], random.normal(size=(200, 1))
    assert mirror_test(views, seen, np.arange(200)).harmless
    both = mirror_test(views, np.hstack([seen, unseen]), np.arange(200))
    assert not both.hurts
    assert not both.harmless
