"""What pictures say of their mirror images: against refitted regressions, and where the answer is known."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from tests.helpers.classes import one_hot

from foveate.transfer.labels import PENALTIES
from foveate.transfer.mirror import mirror_test

WIDTH = 12


def turned(features):
    """What a mirror does to these features: the first half changes places with the second."""
    return np.roll(features, WIDTH // 2, axis=-1)


def pictures(count, *, apart, same, seed=0, classes=2):
    """(2, N, D) views and (N,) labels: clouds around a centre a class.

    With ``same`` the centres are their own mirror images; else those of classes 2 k and 2 k + 1 are each
    other's.
    """
    random = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    centres = random.normal(size=(classes, WIDTH)) * apart
    if same:
        centres = (centres + turned(centres)) / 2
    else:
        centres[1::2] = turned(centres[::2])
    features = centres[labels] + random.normal(size=(count, WIDTH))
    return np.stack([features, turned(features)]), labels


def refitted_error(views, labels, row, penalty):
    """The squared error of one picture's answer by a regression fitted without it and its mirror image."""
    rest = np.delete(views, row, axis=1).reshape(-1, views.shape[2])
    flat = views.reshape(-1, views.shape[2])
    centre, scale = flat.mean(axis=0), (flat - flat.mean(axis=0)).std()
    targets = np.eye(labels.max() + 1)
    wanted = targets[np.tile(np.delete(labels, row), len(views))]
    model = Ridge(alpha=penalty * len(flat)).fit((rest - centre) / scale, wanted)
    return np.square(targets[labels[row]] - model.predict((views[:1, row] - centre) / scale)).sum()


@pytest.mark.parametrize("count", [14, 30])  # with fewer rows than features, and with more
def test_errors_are_those_of_regressions_fitted_without_the_picture(count, monkeypatch):
    some = PENALTIES[::4]
    monkeypatch.setattr("foveate.transfer.mirror.PENALTIES", some)
    views, labels = pictures(count, apart=0.5, same=False)
    found = mirror_test(views.astype(np.float32), one_hot(labels), np.arange(count))
    for views_used, error in ((views[:1], found.error), (views, found.error_mirrored)):
        expected = [
            np.mean([refitted_error(views_used, labels, row, penalty) for row in range(count)])
            for penalty in some
        ]
        assert error == pytest.approx(min(expected), rel=1e-5)


def test_classes_that_are_each_others_mirror_images_contradict():
    views, labels = pictures(80, apart=2.0, same=False)
    found = mirror_test(views, one_hot(labels), np.arange(80))
    assert found.hurts
    assert found.contradicts
    assert found.error < 0.1
    assert found.error_mirrored == pytest.approx(0.5, abs=0.1)  # two classes, one half each
    assert "take on another class" in found.in_words("class")


def test_one_such_pair_among_other_classes_is_noticed():
    views, labels = pictures(400, apart=1.5, same=True, classes=10)
    pair, pair_labels = pictures(400, apart=1.5, same=False, classes=10, seed=1)
    two = labels < 2
    views[:, two] = pair[:, pair_labels < 2]
    assert mirror_test(views, one_hot(labels), np.arange(400)).hurts


@pytest.mark.parametrize("seed", range(8))
def test_harmless_mirrors_are_left_in_peace(seed):
    for count in (12, 40, 200):
        views, labels = pictures(count, apart=0.6, same=True, seed=seed)
        assert not mirror_test(views, one_hot(labels), np.arange(count)).hurts


def test_noise_is_no_contradiction():
    random = np.random.default_rng(0)
    views = random.normal(size=(2, 60, WIDTH))
    assert not mirror_test(views, one_hot(np.arange(60) % 2), np.arange(60)).hurts


def test_pictures_that_only_look_the_other_way_do_not_contradict():
    """As shoes that all point to the left: mirror images are of no use to a regression, and of no harm."""
    random = np.random.default_rng(0)
    labels = np.arange(100) % 2
    features = np.zeros((100, WIDTH))
    features[:, :3] = np.array([[1.0, 0, 0], [0, 1, 0]])[labels] + random.normal(0, 0.5, (100, 3))
    found = mirror_test(np.stack([features, turned(features)]), one_hot(labels), np.arange(100))
    assert not found.contradicts


def test_copies_are_asked_once():
    views, labels = pictures(20, apart=0.3, same=False)
    copies = np.tile(np.arange(20), 9)
    once = mirror_test(views, one_hot(labels), np.arange(20))
    assert mirror_test(views[:, copies], one_hot(labels[copies]), copies) == once


def test_a_handful_says_nothing():
    views, labels = pictures(8, apart=3.0, same=False)
    assert not mirror_test(views, one_hot(labels), np.arange(8)).hurts
