"""The measures of class maps, against scikit-learn, brute force and cases that can be told by hand."""

import math
import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, jaccard_score

from foveate.errors import InputError
from foveate.tasks.segmentation.boundary import NEAR_SHARE, boundary_f
from foveate.tasks.segmentation.metrics import LEVELS, PictureCounts, counted, evaluate
from foveate.tasks.segmentation.names import IGNORED
from foveate.tasks.segmentation.report import worst
from foveate.tasks.segmentation.task import Segmentation
from foveate.tasks.segmentation.weights import median_frequency

NAMES = ("sky", "road", "car", "ghost")


def drawn(seed, count=6, classes=3):
    """True and said maps of several sizes, some pixels ignored, with how sure each answer is."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        size = tuple(random.integers(5, 30, 2))
        true = random.integers(0, classes, size, np.uint8)
        said = np.where(random.random(size) < 0.6, true, random.integers(0, classes, size)).astype(np.uint8)
        true[random.random(size) < 0.1] = IGNORED
        found.append((true, said, random.integers(0, 256, size, np.uint8)))
    return found


def measured(maps, names=NAMES):
    return evaluate((counted(*one, len(names), borders=True) for one in maps), names)


@pytest.mark.parametrize("seed", range(5))
def test_overlap_is_scikit_learns_over_all_pixels_together(seed):
    maps = drawn(seed)
    found = measured(maps)
    true = np.concatenate([one[0].ravel() for one in maps])
    said = np.concatenate([one[1].ravel() for one in maps])
    known = true != IGNORED
    iou = jaccard_score(true[known], said[known], average=None, labels=[0, 1, 2])
    np.testing.assert_allclose(found.iou[:3], iou, rtol=1e-12)
    assert np.isnan(found.iou[3]) and found.without_union == ["ghost"]
    assert found.miou == pytest.approx(iou.mean(), rel=1e-12)  # the class that is nowhere is in no mean
    assert found.pixel_accuracy == pytest.approx(accuracy_score(true[known], said[known]))
    np.testing.assert_array_equal(
        found.confusion, confusion_matrix(true[known], said[known], labels=[0, 1, 2, 3])
    )
    low, high = found.miou_interval
    assert low < found.miou < high


def test_of_many_pictures_no_table_is_kept():
    """One of 200 classes takes 320 kB, so those of 200 pictures 64 MB."""
    classes = 200
    table = np.eye(classes, dtype=np.int64)
    confidence = np.full((2, LEVELS), classes, np.int64)
    tracemalloc.start()
    pictures = (PictureCounts(table + 0, confidence) for _ in range(200))
    found = evaluate(pictures, [str(k) for k in range(classes)])
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.miou == 1 and found.samples == 200 and found.confusion.sum() == 200 * classes
    assert most < 32e6


def test_the_worst_pictures_are_of_those_that_can_be_measured():
    true = np.stack([np.full((6, 8), IGNORED), np.zeros((6, 8)), np.ones((6, 8))]).astype(np.uint8)
    said = np.zeros((3, 6, 8), np.uint8)
    said[1, :3] = 1
    measured = SimpleNamespace(
        targets=SimpleNamespace(arrays={"masks": true}),
        values={"classes": said, "confidence": said},
        pixels=np.zeros((3, 6, 8, 3), np.uint8),
        names=("ignored", "half", "wrong"),
    )
    found = worst(Segmentation(("sky", "road")), measured)
    assert [(one.name, one.miou) for one in found] == [("wrong", 0.0), ("half", 0.25)]


def test_a_class_that_only_an_answer_has_counts_as_nothing():
    true, said = np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.uint8)
    said[0, 0] = 1
    found = measured([(true, said, said)], NAMES[:2])
    assert found.iou.tolist() == [15 / 16, 0.0]
    assert found.without_union == []


def test_the_calibration_error_is_told_by_hand():
    """Half the pixels sure to 1 and all right, half sure to 0.4 and a quarter of them right."""
    true = np.zeros((4, 8), np.uint8)
    said, sure = true.copy(), np.full((4, 8), 255, np.uint8)
    sure[:, 4:] = 102
    said[:3, 4:] = 1
    found = measured([(true, said, sure)], NAMES[:2])
    assert found.reliability.ece == pytest.approx(0.5 * 0 + 0.5 * (0.4 - 0.25))


def test_nothing_to_measure_is_said():
    ignored = np.full((3, 3), IGNORED, np.uint8)
    with pytest.raises(InputError, match="no pixel to measure"):
        measured([(ignored, np.zeros((3, 3), np.uint8), ignored)])


def brute_boundary_f(true, said, number):
    """The definition, point by point."""
    said = np.where(true == IGNORED, IGNORED, said)
    near = max(1, round(NEAR_SHARE * math.hypot(*true.shape)))

    def border(classes):
        found = []
        for i, j in np.argwhere(classes == number):
            for di, dj in ((0, 1), (1, 0), (0, -1), (-1, 0)):
                y, x = i + di, j + dj
                inside = 0 <= y < len(classes) and 0 <= x < classes.shape[1]
                if inside and classes[y, x] not in (number, IGNORED):
                    found.append((i, j))
                    break
        return np.array(found).reshape(-1, 2)

    def share(some, others):
        if not len(some):
            return 1.0
        if not len(others):
            return 0.0
        apart = np.hypot(*(some[:, None] - others[None]).transpose(2, 0, 1))
        return (apart.min(axis=1) <= near).mean()

    there = [(each == number).any() for each in (true, said)]
    if not all(there):
        return 0.0 if any(there) else math.nan
    wanted, given = border(true), border(said)
    precision, recall = share(given, wanted), share(wanted, given)
    return 2 * precision * recall / max(precision + recall, 1e-12)


@pytest.mark.parametrize("size", [(12, 17), (150, 200)])
def test_borders_are_compared_as_brute_force_does(size):
    random = np.random.default_rng(3)
    blocks = random.integers(0, 3, (5, 7), np.uint8)
    true = np.kron(blocks, np.ones((size[0] // 5 + 1, size[1] // 7 + 1), np.uint8))[: size[0], : size[1]]
    said = np.roll(true, (1, 2), axis=(0, 1))
    true[:3, :4] = IGNORED
    expected = [brute_boundary_f(true, said, number) for number in range(4)]
    np.testing.assert_allclose(boundary_f(true, said, 4), expected, rtol=1e-12)


def test_a_class_that_one_map_alone_has_is_not_met_even_without_a_border():
    first, second = np.zeros((9, 9), np.uint8), np.ones((9, 9), np.uint8)
    np.testing.assert_array_equal(boundary_f(first, second, 3), [0, 0, np.nan])
    np.testing.assert_array_equal(boundary_f(first, first, 3), [1, np.nan, np.nan])


@pytest.mark.parametrize(("moved", "expected"), [(15, 1), (16, 0)])
def test_a_straight_border_is_near_up_to_its_share_of_the_diagonal(moved, expected):
    """The diagonal has 2,000 pixels, so 15 of them are near."""
    columns = np.arange(1600)
    true, said = (np.tile((columns >= edge).astype(np.uint8), (1200, 1)) for edge in (700, 700 + moved))
    assert boundary_f(true, said, 2).tolist() == [expected, expected]


def test_more_classes_than_bits_are_looked_at_in_turn():
    random = np.random.default_rng(4)
    true = np.repeat(np.repeat(random.integers(0, 150, (6, 6), np.uint8), 4, 0), 4, 1)
    said = np.roll(true, 1, axis=1)
    expected = [brute_boundary_f(true, said, number) for number in range(150)]
    np.testing.assert_allclose(boundary_f(true, said, 150), expected, rtol=1e-12)


def test_median_frequency_by_hand():
    """Pictures of 100 pixels: the first shows 90 and 10, the second 100 of the first class alone."""
    weights = median_frequency(np.array([[90, 10, 0], [100, 0, 0]]))
    frequency = np.array([190 / 200, 10 / 100])
    np.testing.assert_allclose(weights, [*(np.median(frequency) / frequency), 0])
