"""What learning makes of true boxes, and what stands between a detector's candidates and the answer."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
import torch

from foveate.exporter.emitter import emit
from foveate.tasks.detection.learn import DetectionLearner, moved_boxes, truths
from foveate.tasks.detection.names import BOXES, COUNT, CROWD, LABELS, NO_BOX, SCORES
from foveate.tasks.detection.targets import BoxTargets
from foveate.tasks.detection.task import Detection
from foveate.tasks.detection.truth import Naming, PictureBoxes

TASK = Detection(("cat", "dog"))
TRUE = [([[10, 10, 30, 40], [50, 20, 90, 60]], [0, 1]), ([[5, 5, 25, 25]], [1])]


def targets() -> BoxTargets:
    naming = Naming(TASK.classes)
    return BoxTargets(tuple(PictureBoxes.of(boxes, labels, naming) for boxes, labels in TRUE), naming)


def candidates(*pictures: list[list[float]]) -> torch.Tensor:
    """(N, 8, 6): filled up with rows of 0."""
    found = torch.zeros(len(pictures), 8, 6)
    for row, boxes in enumerate(pictures):
        found[row, : len(boxes)] = torch.tensor(boxes).reshape(-1, 6)
    return found


PERFECT = candidates(
    [[10, 10, 30, 40, 0.9, 0], [50, 20, 90, 60, 0.8, 1]],
    [[5, 5, 25, 25, 0.7, 1]],
)


def test_perfect_boxes_have_an_ap_of_one() -> None:
    scores = DetectionLearner(TASK).scores(PERFECT, targets())
    assert scores["ap"] == scores["ap50"] == scores["ap75"] == pytest.approx(1)
    losses = DetectionLearner(TASK).losses(PERFECT, targets())
    assert losses.tolist() == pytest.approx([-(np.log(0.9) + np.log(0.8)) / 2, -np.log(0.7)], rel=1e-5)
    nothing = DetectionLearner(TASK).scores(torch.zeros_like(PERFECT), targets())
    assert nothing["ap"] == 0 and nothing["loss"] == pytest.approx(-np.log(0.01))


def test_a_class_suppresses_itself_and_no_other() -> None:
    given = candidates(
        [
            [10, 10, 30, 40, 0.9, 0],
            [11, 10, 30, 40, 0.8, 0],
            [10, 10, 30, 40, 0.7, 1],
            [60, 60, 70, 70, 0.6, 0],
        ]
    )
    boxes, scores, labels, count = DetectionLearner(TASK).answer()(given)
    assert count.tolist() == [3]
    assert labels[0, :3].tolist() == [0, 1, 0] and scores[0, :3].tolist() == pytest.approx([0.9, 0.7, 0.6])
    assert boxes[0, 2].tolist() == [60, 60, 70, 70]
    assert not scores[0, 3:].any() and boxes.shape == (1, TASK.most, 4)


def test_onnx_answers_the_same_with_many_boxes_and_with_none() -> None:
    answer = DetectionLearner(TASK.with_trust(type(TASK.calibration)(1.3, -0.2), None)).answer()
    generator = torch.Generator().manual_seed(0)
    low = torch.rand(3, 300, 2, generator=generator) * 200
    many = torch.cat([low, low + torch.rand(3, 300, 2, generator=generator) * 80 + 4], dim=2)
    order = torch.rand(3, 300, 1, generator=generator).sort(dim=1, descending=True).values
    given = torch.cat([many, order, torch.randint(0, 2, (3, 300, 1), generator=generator).float()], dim=2)
    given[1] = 0
    names = [BOXES, SCORES, LABELS, COUNT]
    session = onnxruntime.InferenceSession(
        emit(answer, given, "x", *names).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    for rows in (given, given[:1], given[1:2]):
        for found, expected in zip(session.run(names, {"x": rows.numpy()}), answer(rows), strict=True):
            np.testing.assert_allclose(found, expected.numpy(), rtol=1e-5, atol=1e-5)
    assert answer(given)[3].tolist()[1] == 0 and answer(given)[3].tolist()[0] > 50


def test_boxes_follow_the_picture_and_what_is_hardly_left_is_passed_over() -> None:
    mirrored = torch.tensor([[[-1.0, 0, 100], [0, 1, 0]]])
    boxes = torch.tensor([[[10.0, 20, 30, 40], [0, 0, 0, 0]]])
    moved, left = moved_boxes(boxes, mirrored, (80, 100))
    assert moved[0, 0].tolist() == [70, 20, 90, 40] and left[0, 0] == 1
    shifted = torch.tensor([[[1.0, 0, -25], [0, 1, 0]]])
    batch = {BOXES: boxes, LABELS: torch.tensor([[1, NO_BOX]]), CROWD: torch.zeros(1, 2, dtype=torch.bool)}
    found = DetectionLearner(TASK).moved(batch, shifted, (80, 100))
    assert found[BOXES][0, 0].tolist() == [0, 20, 5, 40] and found[CROWD][0, 0]  # a quarter is left
    (truth,) = truths(found)
    assert len(truth.boxes) == 1 and not len(truth.wanted.boxes)


def test_held_out_pictures_tell_how_far_scores_may_be_believed() -> None:
    """Of 40 answers of one score a quarter is right: that is what the calibrated score says."""
    naming = Naming(TASK.classes)
    true = BoxTargets(tuple(PictureBoxes.of([[0, 0, 20, 20]], [0], naming) for _ in range(40)), naming)
    there, elsewhere = [0, 0, 20, 20, 0.6, 0], [50, 50, 70, 70, 0.6, 0]
    given = candidates(*[[there] if row % 4 == 0 else [elsewhere] for row in range(40)])
    task = DetectionLearner(TASK).calibrated(given.numpy(), true)
    scores = DetectionLearner(task).answer()(given)[1]
    assert scores[0, 0].item() == pytest.approx(0.25, abs=0.03)
    assert task.rule is not None and task.rule.recall == pytest.approx(0.25)


def test_answers_are_compared_as_sets() -> None:
    learner, names = DetectionLearner(TASK), [BOXES, SCORES, LABELS, COUNT]
    found = dict(zip(names, (part.numpy().copy() for part in learner.answer()(PERFECT)), strict=True))
    turned = {name: value.copy() for name, value in found.items()}
    for name in (BOXES, SCORES, LABELS):
        turned[name][0, :2] = found[name][0, 1::-1]
    assert learner.difference(PERFECT.numpy(), found, turned) == ""
    turned[BOXES][:, :, 2] += 9
    assert learner.difference(PERFECT.numpy(), found, turned) == "3 of 3 boxes are others"
