"""COCO's twelve numbers equal those of its own program, on made cases and on a real file's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coco_boxes import made, of_coco, ours
from foveate.errors import InputError
from foveate.tasks.detection.bootstrap import ap50_intervals
from foveate.tasks.detection.metrics import Answer, compared, evaluate
from foveate.tasks.detection.precision import NAMES, curves, twelve
from foveate.tasks.detection.truth import Naming, PictureBoxes

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def check(pictures, classes):
    np.testing.assert_allclose(ours(pictures, classes), of_coco(pictures, classes), rtol=0, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(1, 4))
def test_the_twelve_numbers_are_those_of_cocos_program(seed, pictures, classes):
    check(made(np.random.default_rng(seed), pictures=pictures, classes=classes), classes)


def test_more_than_a_hundred_answers():
    random = np.random.default_rng(1)
    scores = np.linspace(0, 1, 50).tolist()
    pictures = made(random, pictures=2, classes=2, most_true=60, most_said=600, scores=scores)
    assert max(len(said.scores) for _, said in pictures) > 100
    check(pictures, 2)


def test_no_answers_no_truth_and_only_crowds():
    naming = Naming(("a", "b"))
    none = Answer(np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64))
    one = PictureBoxes.of([[0, 0, 40, 40]], [0], naming)
    crowd = PictureBoxes.of([[0, 0, 40, 40]], [0], naming, crowd=[True])
    empty = PictureBoxes.of([], [], naming)
    said = Answer(np.array([[0.0, 0, 40, 40], [5, 5, 20, 20]]), np.array([0.9, 0.9]), np.array([0, 1]))
    for pictures in ([(one, none)], [(empty, said), (one, said)], [(crowd, said), (one, none)]):
        check(pictures, 2)
    with pytest.raises(InputError, match="There is no box to be found"):
        evaluate([compared(said, empty, 2)], ("a", "b"), 0.5)


def test_classes_that_a_picture_does_not_have_share_what_is_kept_of_them():
    true = PictureBoxes.of([[0, 0, 40, 40]], [7], Naming(tuple(f"class {k}" for k in range(300))))
    said = Answer(np.array([[0.0, 0, 40, 40]]), np.array([0.9]), np.array([8]))
    found = compared(said, true, 300)
    assert len(found) == 300 and len({id(one) for one in found}) == 3
    assert found[7].true.tolist() == [1, 0, 1, 0] and found[8].scores.tolist() == [0.9]
    assert found[9].true.tolist() == [0, 0, 0, 0] and found[9].met.shape == (4, 10, 0)


def test_a_class_without_truth_is_named_and_not_averaged():
    naming = Naming(("a", "b"))
    true = PictureBoxes.of([[0, 0, 40, 40]], [0], naming)
    said = Answer(np.array([[0.0, 0, 40, 40], [50, 50, 90, 90]]), np.array([0.9, 0.8]), np.array([0, 1]))
    found = evaluate([compared(said, true, 2)], ("a", "b"), 0.5)
    assert found.without_truth == ["b"] and found.number("ap50") == pytest.approx(1.0)
    told = found.to_dict()
    assert told["per_class"][1]["ap"] is None and told["counts"] == {"found": 1, "missed": 0, "imagined": 1}
    assert set(NAMES) <= told.keys()


def test_the_interval_holds_ap50_and_a_doubled_picture_counts_twice():
    random = np.random.default_rng(5)
    pictures = made(random, pictures=30, classes=2, scores=np.linspace(0, 1, 999).tolist())
    by_picture = [compared(said, true, 2) for true, said in pictures]
    by_class = [[one[k] for one in by_picture] for k in range(2)]
    (low, high), each = ap50_intervals(by_class)
    ap50 = twelve(curves(by_class))[1]
    assert low < ap50 < high and high - low < 0.5 and len(each) == 2

    # drawn by hand from whole pictures, the spread is the same
    drawn = [random.integers(0, 30, 30) for _ in range(200)]
    by_hand = [twelve(curves([[of[i] for i in rows] for of in by_class]))[1] for rows in drawn]
    np.testing.assert_allclose((low, high), np.percentile(by_hand, [2.5, 97.5]), atol=0.04)
