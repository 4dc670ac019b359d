"""Learning a class for each pixel: loss, moves and what is kept, each against another way to tell it."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from foveate.batches.augment import Augmentation
from foveate.tasks.segmentation.learn import (
    ClassMap,
    SegmentationLearner,
    cross_entropy_and_dice,
    labels_on,
    moved_masks,
    tallied,
)
from foveate.tasks.segmentation.masks import ArrayMask, Labelling
from foveate.tasks.segmentation.names import CLASSES, CONFIDENCE, IGNORED
from foveate.tasks.segmentation.targets import MaskTargets
from foveate.tasks.segmentation.task import Segmentation

TASK = Segmentation(("a", "b", "c"))


def drawn(seed=0, count=4, size=(12, 16)):
    random = torch.Generator().manual_seed(seed)
    outputs = torch.randn(count, 3, *size, generator=random) * 3
    masks = torch.randint(0, 3, (count, *size), generator=random, dtype=torch.uint8)
    masks[torch.rand(count, *size, generator=random) < 0.2] = IGNORED
    return outputs, masks


def test_the_loss_is_cross_entropys_and_overlaps_together():
    outputs, masks = drawn()
    labels = masks.long()
    together = SegmentationLearner(TASK).loss(outputs, {"masks": masks})
    torch.testing.assert_close(together, sum(cross_entropy_and_dice(outputs, labels)))


def cross_entropy(outputs, labels, weights=None):
    return cross_entropy_and_dice(outputs, labels, weights)[0]


def dice(outputs, labels):
    return cross_entropy_and_dice(outputs, labels)[1]


def test_overlap_by_hand_pixel_by_pixel():
    outputs, masks = drawn(count=2, size=(5, 6))
    masks[masks == 1] = 2  # a class that the batch does not show is in no mean
    likely = torch.softmax(outputs, 1)
    lost = []
    for k in (0, 2):
        both = whole = 0.0
        for n, i, j in np.ndindex(2, 5, 6):
            if masks[n, i, j] != IGNORED:
                true = float(masks[n, i, j] == k)
                both += float(likely[n, k, i, j]) * true
                whole += float(likely[n, k, i, j]) + true
        lost.append(1 - 2 * both / whole)
    assert dice(outputs, masks.long()).item() == pytest.approx(np.mean(lost), rel=1e-5)


def test_cross_entropy_is_the_mean_over_known_pixels():
    outputs, masks = drawn()
    log_p, known = torch.log_softmax(outputs, 1), masks != IGNORED
    picked = log_p.gather(1, masks.long().clamp(max=2)[:, None])[:, 0]
    torch.testing.assert_close(cross_entropy(outputs, masks.long()), -picked[known].mean())
    weights = torch.tensor([1.0, 5.0, 0.5])
    each = weights[masks.long().clamp(max=2)]
    torch.testing.assert_close(
        cross_entropy(outputs, masks.long(), weights), -(picked * each)[known].sum() / each[known].sum()
    )


def test_pictures_that_are_ignored_everywhere_cost_nothing():
    outputs, masks = drawn()
    masks[:] = IGNORED
    outputs.requires_grad_()
    loss = SegmentationLearner(TASK).loss(outputs, {"masks": masks})
    loss.backward()
    assert loss.item() == 0 and not outputs.grad.any()


def test_a_coarse_output_learns_what_all_the_pixels_that_it_covers_say():
    """Over many draws: the loss of the outputs enlarged by copying, exactly."""
    masks = drawn(size=(12, 16))[1]
    coarse = torch.randn(4, 3, 3, 4)
    large = coarse.repeat_interleave(4, 2).repeat_interleave(4, 3)
    total, weight = torch.zeros(()), 0
    torch.manual_seed(0)
    for _ in range(4_000):
        labels = labels_on(coarse, masks, drawn=True)
        known = int((labels != IGNORED).sum())
        total += cross_entropy(coarse, labels) * known
        weight += known
    expected = F.cross_entropy(large, masks.long(), ignore_index=IGNORED)
    assert (total / weight).item() == pytest.approx(expected.item(), rel=0.01)


@pytest.mark.parametrize(
    "augmentation",
    [
        Augmentation(flip="random"),
        Augmentation(crop_fraction=0.5),
        Augmentation(rotate_degrees=30, zoom_fraction=0.3),
        Augmentation(flip="random", crop_fraction=0.6, rotate_degrees=10),
    ],
)
def test_masks_follow_pictures_that_encode_them(augmentation):
    """A picture whose grey is its mask: away from borders, where a filter mixes, both say the same."""
    blocks = torch.randint(0, 3, (6, 5, 6), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    masks = blocks.repeat_interleave(12, 1).repeat_interleave(12, 2)
    pictures = (masks * 100)[:, None].repeat(1, 3, 1, 1)
    seen, geometry = augmentation(pictures, torch.arange(6), 0, torch.Generator().manual_seed(2))
    moved = moved_masks(masks, geometry)
    inside = _uniform(moved)
    assert inside.float().mean() > 0.4
    assert torch.equal(moved[inside], (seen[:, 0] // 100)[inside])
    assert (seen[:, 0] % 100)[inside].max() == 0
    assert not torch.equal(moved, masks)


def _uniform(masks):
    """Pixels whose neighbours, two in each direction, are all of one class."""
    values = masks[:, None].float()
    most, least = F.max_pool2d(values, 5, 1, 2), -F.max_pool2d(-values, 5, 1, 2)
    uniform = (most == least)[:, 0]
    uniform[:, [0, 1, -2, -1]] = uniform[:, :, [0, 1, -2, -1]] = False  # what lies beyond is not known
    return uniform


def test_what_is_kept_says_what_all_of_it_says():
    outputs, masks = drawn(count=5)
    learner = SegmentationLearner(TASK)
    kept = torch.cat(
        [learner.kept(outputs[:2], {"masks": masks[:2]}), learner.kept(outputs[2:], {"masks": masks[2:]})]
    )
    targets = MaskTargets(tuple(ArrayMask(m.numpy(), Labelling(TASK.classes)) for m in masks), 3)
    scores = learner.scores(kept, targets)
    known, said = masks != IGNORED, outputs.argmax(1)
    iou = [
        ((said == k) & (masks == k)).sum() / (((said == k) & known) | (masks == k)).sum() for k in range(3)
    ]
    assert scores["miou"] == pytest.approx(float(torch.stack(iou).mean()))
    assert scores["pixel_accuracy"] == pytest.approx(float((said == masks)[known].float().mean()))
    each = [
        F.cross_entropy(outputs[i : i + 1], masks[i : i + 1].long(), ignore_index=IGNORED) for i in range(5)
    ]
    torch.testing.assert_close(learner.losses(kept, targets), torch.stack(each))


def test_the_sampled_pixels_are_the_pictures_own():
    outputs, masks = drawn(count=2)
    tally = tallied(outputs, masks)
    rows = [(outputs[0, :, i, j].tolist(), int(masks[0, i, j])) for i in range(12) for j in range(16)]
    for logits, label in zip(tally.logits[0].tolist(), tally.labels[0].tolist(), strict=True):
        assert (logits, label) in rows


def test_a_temperature_is_found_where_one_was_put_in():
    """Labels drawn from softmax of the logits; these are then three times too sure."""
    random = torch.Generator().manual_seed(5)
    logits = torch.randn(40, 3, 20, 20, generator=random)
    drawn_ones = torch.distributions.Categorical(logits=logits.permute(0, 2, 3, 1))
    torch.manual_seed(6)
    masks = drawn_ones.sample().to(torch.uint8)
    kept = SegmentationLearner(TASK).kept(logits * 3, {"masks": masks}).numpy()
    task = SegmentationLearner(TASK).calibrated(kept, None)
    assert task.temperature == pytest.approx(3, rel=0.1)
    assert task.unsure is not None and task.classes == TASK.classes


def test_the_answer_is_the_likeliest_class_and_its_probability():
    outputs, _ = drawn()
    classes, confidence = ClassMap(2.0)(outputs)
    sure, number = torch.softmax(outputs / 2, 1).max(1)
    assert classes.dtype == confidence.dtype == torch.uint8
    assert torch.equal(classes.long(), number)
    assert (confidence.float() / 255 - sure).abs().max() <= 0.5 / 255 + 1e-6


def test_rounding_is_told_from_a_difference():
    classes = np.zeros((1, 100, 200), np.uint8)
    sure = np.full_like(classes, 200)
    other = classes.copy()
    other[0, 0, 0] = 1
    learner = SegmentationLearner(TASK)
    same = {CLASSES: classes, CONFIDENCE: sure}
    assert learner.difference(None, same, {CLASSES: other, CONFIDENCE: sure + 1}) == ""
    other[0, 0, :6] = 1
    assert "class of 0.03%" in learner.difference(None, same, {CLASSES: other, CONFIDENCE: sure})
    assert "confidence" in learner.difference(None, same, {CLASSES: classes, CONFIDENCE: sure + 9})
