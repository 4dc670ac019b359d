"""Left-out answers are those of a refitted regression; planted mistakes come first; copies do not testify."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from foveate.transfer.labels import LeftOut, alike, judge_labels


def clusters(count=120, width=8, classes=3, seed=0, spread=1.0):
    """(N, D) features around one centre a class, and the labels."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    centres = random.normal(size=(classes, width)) * 3
    return (centres[labels] + spread * random.normal(size=(count, width))).astype(np.float32), labels


@pytest.mark.parametrize("width", [5, 60])  # fewer features than pictures, and more
def test_left_out_answers_are_those_of_a_classifier_fitted_without_the_group(width):
    features, labels = clusters(40, width)
    groups = np.arange(40)
    groups[[3, 9, 30]] = 3  # three copies
    groups[10:18] = 10  # and eight, more than there are columns where the width is five
    targets = np.eye(3)[labels]
    found = LeftOut(features, groups).predict(targets, penalty=0.1)
    x = features.astype(np.float64)
    x = (x - x.mean(axis=0)) / (x - x.mean(axis=0)).std()
    for number in range(40):
        rest = groups != groups[number]
        expected = Ridge(alpha=0.1 * 40).fit(x[rest], targets[rest]).predict(x[number : number + 1])
        assert found[number] == pytest.approx(expected[0], abs=1e-9)


def test_planted_mistakes_come_first():
    features, right = clusters(300, 16, spread=1.0)
    labels = right.copy()
    planted = np.random.default_rng(1).choice(300, 15, replace=False)
    labels[planted] = (labels[planted] + 1) % 3
    judged = judge_labels(LeftOut(features, np.arange(300)), labels, 3)
    assert set(judged.ranking[:15]) == set(planted)
    assert (judged.suggested[planted] == right[planted]).all()
    assert judged.doubtful == 15
    assert judged.score[planted].min() > 0.5
    again = judge_labels(LeftOut(features, np.arange(300)), labels, 3)
    assert (again.score == judged.score).all()


def test_right_labels_are_not_doubted():
    features, labels = clusters(300, 16)
    assert judge_labels(LeftOut(features, np.arange(300)), labels, 3).doubtful == 0


def test_copies_with_the_same_wrong_label_do_not_vouch_for_each_other():
    features, labels = clusters(120, 40, spread=2.0)
    features = np.concatenate([features, np.repeat(features[:1], 12, axis=0)])
    labels = np.concatenate([labels, np.repeat(labels[:1], 12)])
    copies = np.append(0, np.arange(120, 132))
    labels[copies] = (labels[0] + 1) % 3
    alone = judge_labels(LeftOut(features, np.arange(132)), labels, 3)
    groups = np.arange(132)
    groups[copies] = 0
    together = judge_labels(LeftOut(features, groups), labels, 3)
    assert together.score[copies].min() > 0.9
    assert together.score[copies].min() > alone.score[copies].max()


def test_classes_of_a_few_pictures_are_not_judged():
    features, labels = clusters(90)
    labels[:4] = 3
    judged = judge_labels(LeftOut(features, np.arange(90)), labels, 4)
    assert np.isnan(judged.score[:4]).all()
    assert sorted(judged.ranking) == list(range(4, 90))


def test_alike_is_what_all_pairs_compared_one_by_one_give(monkeypatch):
    monkeypatch.setattr("foveate.transfer.labels.ROWS_AT_ONCE", 7)
    features, _ = clusters(50, 6)
    features[[5, 20, 49]] = features[11] + 0.01
    centred = features - features.mean(axis=0)
    expected = [
        (i, j)
        for i in range(50)
        for j in range(i + 1, 50)
        if np.corrcoef(np.append(centred[i], -centred[i]), np.append(centred[j], -centred[j]))[0, 1] > 0.8
    ]
    assert alike(features).tolist() == [list(pair) for pair in expected]
    assert (5, 11) in expected
