"""From chance, too, pictures are not mirrored where that turns one class into another, and it is said."""

import numpy as np
import pytest

from arrows import arrows
from foveate.dataset import open_dataset
from foveate.dataset.prepare import Preparation, prepare
from foveate.dataset.samples import ArrayImages, DataSet, Split
from foveate.pipeline.plan import make_plan
from foveate.pipeline.request import TrainRequest
from foveate.tasks.classification.targets import ClassTargets
from foveate.tasks.classification.task import Classification


def planned(pixels, labels, classes=("left", "right"), **settings):
    data = DataSet(
        "made up", Classification(classes), {"train": Split(ArrayImages(pixels), ClassTargets(labels))}
    )
    prepared = prepare(data, Preparation(val_fraction=0.1, test_fraction=0.0))
    plan = make_plan(TrainRequest(epochs=1, **settings), prepared)
    assert plan.batches.augmentation == plan.recipe.augmentation
    return plan.recipe.augmentation.flip, [reason for reason in plan.reasons if "irror" in reason]


@pytest.fixture(scope="module")
def left_and_right():
    return arrows(120, 32)


def test_a_chosen_recipe_leaves_out_mirror_images_that_contradict(left_and_right):
    flip, (told,) = planned(*left_and_right)
    assert flip == "none"
    assert told.startswith("Mirror images are left out: in a mirror these pictures take on another class")


def test_a_named_recipe_does_what_it_says_and_the_user_is_told(left_and_right):
    flip, (told,) = planned(*left_and_right, recipe="standard")
    assert flip == "random"
    assert told.startswith("The recipe mirrors pictures, but in a mirror")
    assert told.endswith("augment='none' leaves that out.")


@pytest.mark.parametrize("settings", [{"augment": "none"}, {"recipe": "article"}])
def test_where_nothing_is_mirrored_nothing_is_said(left_and_right, settings):
    assert planned(*left_and_right, **settings) == ("none", [])


def test_pictures_without_a_side_stay_mirrored():
    random = np.random.default_rng(0)
    pixels = random.integers(0, 90, (120, 32, 32, 3), dtype=np.uint8)
    labels = np.arange(120) % 2
    pixels[labels == 1, 10:20] += 120
    assert planned(pixels, labels) == ("alternating", [])


def test_clothes_that_all_point_one_way_stay_mirrored():
    """Shoes of Fashion-MNIST all point to the left, and networks are the better for mirroring them."""
    train = open_dataset("fashion-mnist-mini").splits["train"]
    pixels = np.stack([train.images.read(row) for row in range(0, 6000, 8)])
    classes = tuple(f"kind {k}" for k in range(10))
    assert planned(pixels, train.targets.labels[::8], classes) == ("alternating", [])
