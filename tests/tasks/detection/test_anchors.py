"""Anchors of the boxes' own shapes: by hand, on clusters that are known, and in a network."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from foveate.models import create_model
from foveate.tasks.detection.anchors import clustered, fitted, suited
from foveate.tasks.detection.learn import DetectionLearner
from foveate.tasks.detection.targets import BoxTargets
from foveate.tasks.detection.task import Detection
from foveate.tasks.detection.truth import Naming, PictureBoxes

TASK = Detection(("cat", "dog"))


def test_an_anchor_suits_a_box_that_it_overlaps_by_half() -> None:
    """40 x 10 and 20 x 20 share 200 of 600 pixels, a third; 20 x 12 and 20 x 20 share 240 of 400."""
    boxes = np.array([[40.0, 10.0], [20.0, 12.0], [20.0, 20.0], [20.0, 10.0]])
    assert suited(boxes, np.array([[20.0, 20.0]])) == 3 / 4
    assert suited(boxes, np.array([[20.0, 20.0], [40.0, 10.0]])) == 1
    assert suited(boxes[:0], np.array([[20.0, 20.0]])) == 1


def test_clusters_that_lie_apart_are_found_whatever_the_order() -> None:
    random = np.random.default_rng(0)
    centres = np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 5.0]])
    points = np.repeat(centres, 50, axis=0) + random.normal(0, 0.1, (150, 2))
    wanted = np.array([points[i * 50 : (i + 1) * 50].mean(axis=0) for i in range(3)])
    for order in (np.arange(150), random.permutation(150)):
        found = clustered(points[order], 3)
        apart = np.linalg.norm(found[:, None] - wanted[None], axis=2)
        assert apart.min(axis=0) == pytest.approx(np.zeros(3), abs=1e-12)


def test_more_anchors_than_kinds_of_boxes_are_no_harm() -> None:
    assert clustered(np.zeros((4, 2)), 3).tolist() == [[0, 0]] * 3


def test_a_level_is_fitted_to_the_boxes_of_its_size_and_keeps_its_own_where_there_are_none() -> None:
    usual = [np.array([[8.0, 8.0]]), np.array([[32.0, 32.0]]), np.array([[128.0, 128.0]])]
    boxes = np.array([[4.0, 8.0], [8.0, 16.0], [60.0, 20.0]])
    small, middle, large = fitted(boxes, usual)
    assert small[0].tolist() == pytest.approx([32**0.5, 128**0.5])  # geometric means
    assert middle[0].tolist() == pytest.approx([60, 20])
    assert large.tolist() == [[128, 128]]


def learnt_from(width: float, height: float) -> BoxTargets:
    random = np.random.default_rng(0)
    boxes = [[5, 5, 5 + width * one, 5 + height * one] for one in random.uniform(0.9, 1.1, 30)]
    naming = Naming(TASK.classes)
    pictures = tuple(PictureBoxes.of([box], [0], naming) for box in boxes)
    return replace(BoxTargets(pictures, naming), on_input=tuple(np.array([box], np.float32) for box in boxes))


def test_a_network_is_made_with_anchors_that_suit_the_boxes() -> None:
    learner, targets = DetectionLearner(TASK), learnt_from(80, 10)
    network = create_model("faster_rcnn_compact", num_classes=2)
    better = learner.made_for(network, targets)
    assert better is not None and "one suits 100.0% of them" in better.reason
    assert "the usual ones suited 0.0%" in better.reason
    made = create_model("faster_rcnn_compact", num_classes=2, **better.options)
    cells = torch.tensor([cell for level in made.rpn.cells for cell in level])
    sides = cells[:, 2:] - cells[:, :2]
    assert (sides - torch.tensor([80.0, 10.0])).abs().sum(1).min() < 3
    assert made.state_dict().keys() == network.state_dict().keys()
    assert learner.made_for(made, targets) is None


def test_a_network_whose_anchors_suit_and_one_without_are_left_alone() -> None:
    learner = DetectionLearner(TASK)
    assert learner.made_for(create_model("faster_rcnn_compact", num_classes=2), learnt_from(16, 16)) is None
    assert learner.made_for(create_model("centre_compact", num_classes=2), learnt_from(80, 10)) is None
