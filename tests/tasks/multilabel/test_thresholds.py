"""Thresholds against trying them all, and how few pictures are believed how far."""

import numpy as np
import pytest
from sklearn.metrics import f1_score

from foveate.tasks.multilabel.thresholds import PRIOR_POSITIVES, best_f1_threshold, fit_thresholds


@pytest.mark.parametrize("seed", range(5))
def test_no_threshold_has_a_higher_f1(seed):
    rng = np.random.default_rng(seed)
    present = (rng.random(60) < 0.3).astype(np.uint8)
    present[0] = 1
    probabilities = np.round(0.3 * present + 0.7 * rng.random(60), 2)  # with equal ones
    found = f1_score(present, probabilities >= best_f1_threshold(probabilities, present))
    every = [f1_score(present, probabilities >= cut, zero_division=0) for cut in np.linspace(0, 1, 1001)]
    assert found == pytest.approx(max(every))


def test_it_lies_half_way_between_what_passes_and_what_does_not():
    assert best_f1_threshold(np.array([0.9, 0.8, 0.2]), np.array([1, 1, 0])) == pytest.approx(0.5)
    assert best_f1_threshold(np.array([0.9, 0.8, 0.2]), np.array([1, 1, 1])) == pytest.approx(0.1)


def odds(p):
    return np.log(p / (1 - p))


def test_a_label_is_drawn_towards_all_labels_and_these_towards_one_half():
    present = np.zeros((200, 2), np.uint8)
    present[:90, 0], present[:10, 1] = 1, 1
    probabilities = np.where(present, [[0.4, 0.9]], [[0.2, 0.7]])  # best at 0.3 and 0.8
    together = best_f1_threshold(probabilities.ravel(), present.ravel())
    share = 100 / (100 + PRIOR_POSITIVES)
    prior = share * odds(together)  # the log-odds of 0.5 are 0
    wanted = [
        (90 * odds(0.3) + PRIOR_POSITIVES * prior) / (90 + PRIOR_POSITIVES),
        (10 * odds(0.8) + PRIOR_POSITIVES * prior) / (10 + PRIOR_POSITIVES),
    ]
    assert odds(fit_thresholds(probabilities, present)) == pytest.approx(wanted, abs=1e-4)


def test_where_nothing_is_known_it_is_one_half_and_a_label_without_pictures_has_that_of_all():
    assert fit_thresholds(np.full((4, 2), 0.3), np.zeros((4, 2), np.uint8)).tolist() == [0.5, 0.5]
    present = np.zeros((100, 2), np.uint8)
    present[:50, 0] = 1
    own, other = fit_thresholds(np.where(present, 0.3, 0.1), present)
    assert other < 0.5
    assert own < other  # its own pictures speak against one half, those of the prior do not


def test_smoothing_helps_where_few_pictures_have_a_label():
    """On new pictures: the mean F1 at these thresholds is above that at the best ones of twelve positives."""
    gains = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        present = (rng.random((2, 150, 4)) < 0.08).astype(np.uint8)
        scores = 1 / (1 + np.exp(-(rng.normal(size=present.shape) + 3.5 * present - 3)))
        fitted, fresh = zip(scores, present, strict=True)
        if not fitted[1].any(axis=0).all() or not fresh[1].any(axis=0).all():
            continue
        own = np.array([best_f1_threshold(p, y) for p, y in zip(*(a.T for a in fitted), strict=True)])
        ours = fit_thresholds(*fitted)
        gain = [
            f1_score(fresh[1], fresh[0] >= cuts, average="macro", zero_division=0) for cuts in (ours, own)
        ]
        gains.append(gain[0] - gain[1])
    assert np.mean(gains) > 2 * np.std(gains) / len(gains) ** 0.5
