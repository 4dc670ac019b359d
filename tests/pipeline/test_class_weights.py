"""`--class-weights balanced`: what a picture of each class counts."""

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight
from tests.helpers.classes import classes

from foveate.tasks.classification.targets import ClassTargets


def weights(*counts):
    return classes(3).balanced(ClassTargets(np.repeat([0, 1, 2], counts)))


def test_the_weights_are_scikit_learns():
    labels = np.repeat([0, 1, 2], [150, 30, 3])
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    assert weights(150, 30, 3) == pytest.approx(expected)


def test_a_class_without_a_picture_has_no_share_in_the_others_weights():
    assert weights(150, 0, 50) == pytest.approx((200 / 300, 0, 200 / 100))
