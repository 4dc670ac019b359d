"""`--class-weights balanced`: what a picture of each class counts."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from foveate.pipeline.plan import class_weights


def counted(*counts):
    return SimpleNamespace(class_counts=lambda split: np.array(counts))


def test_the_weights_are_scikit_learns():
    labels = np.repeat([0, 1, 2], [150, 30, 3])
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    assert class_weights(counted(150, 30, 3)) == pytest.approx(expected)


def test_a_class_without_a_picture_has_no_share_in_the_others_weights():
    assert class_weights(counted(150, 0, 50)) == pytest.approx((200 / 300, 0, 200 / 100))
