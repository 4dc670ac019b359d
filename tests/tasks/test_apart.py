"""How far two runs of a network lie apart, which decides whether a runtime may compute it."""

import numpy as np
import pytest

from foveate.tasks.classification.task import Classification
from foveate.tasks.detection.task import Detection
from foveate.tasks.multilabel.task import Multilabel
from foveate.tasks.regression.task import Regression
from foveate.tasks.segmentation.task import Segmentation


@pytest.mark.parametrize("task", [Classification(("cat", "dog")), Multilabel(("cat", "dog"))])
def test_of_labels_it_is_the_most_that_a_score_differs(task):
    one = {"probabilities": np.array([[0.25, 0.75], [0.5, 0.5]], np.float32)}
    other = {"probabilities": np.array([[0.25, 0.75], [0.5, 0.125]], np.float32)}
    assert task.apart(one, one) == 0
    assert task.apart(one, other) == 0.375


def test_of_numbers_it_is_in_standard_deviations():
    task = Regression(("width", "weight"), (0.0, 0.0), (1.0, 100.0))
    one = {"values": np.array([[1.0, 50.0]], np.float32)}
    other = {"values": np.array([[1.125, 75.0]], np.float32)}
    assert task.apart(one, other) == 0.25


def test_of_masks_it_is_the_share_of_the_pixels():
    task = Segmentation(("sky", "road"))
    one = np.zeros((2, 4, 4), np.uint8)
    other = one.copy()
    other[0, 1, :2] = 1
    assert task.apart({"classes": one}, {"classes": other}) == 2 / 32


def test_of_boxes_it_is_the_share_without_their_like_in_whatever_order():
    task = Detection(("cup", "cat"))
    boxes = np.array([[[0, 0, 10, 10], [20, 20, 40, 40], [5, 5, 9, 9], [0, 0, 0, 0]]], np.float32)
    scores = np.array([[0.9, 0.8, 0.7, 0]], np.float32)
    labels, count = np.array([[0, 1, 1, 0]]), np.array([3])
    one = {"boxes": boxes, "scores": scores, "labels": labels, "count": count}
    turned = [1, 0, 2, 3]
    same = {
        "boxes": boxes[:, turned] + np.float32(0.1),
        "scores": scores[:, turned] - np.float32(0.01),
        "labels": labels[:, turned],
        "count": count,
    }
    assert task.apart(one, one) == 0
    assert task.apart(one, same) == 0
    assert task.apart(one, {**same, "labels": 1 - labels[:, turned]}) == 1
    moved = boxes.copy()
    moved[0, 0] += 4
    assert task.apart(one, {**one, "boxes": moved}) == pytest.approx(1 / 3)
    assert task.apart(one, {**one, "count": np.array([2])}) == pytest.approx(1 / 3)
    nothing = {**one, "count": np.array([0])}
    assert task.apart(nothing, nothing) == 0
