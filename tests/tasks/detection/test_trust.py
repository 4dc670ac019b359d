"""Scores that mean what they say, and the threshold that finds most and imagines least."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score

from foveate.tasks.detection.trust import UNCHANGED, best_f1, fit_calibration, logit


@pytest.mark.parametrize(("slope", "offset"), [(0.4, -1.2), (2.5, 0.7), (1.0, 0.0)])
def test_after_it_a_score_of_four_fifths_is_right_four_times_in_five(slope, offset):
    random = np.random.default_rng(3)
    scores = random.beta(0.5, 0.7, 40_000)
    likely = 1 / (1 + np.exp(-(slope * logit(scores) + offset)))
    right = random.random(len(scores)) < likely
    found = fit_calibration(scores, right)
    assert found.slope == pytest.approx(slope, rel=0.05) and found.offset == pytest.approx(offset, abs=0.05)
    after = found.apply(scores)
    near = np.abs(after - 0.8) < 0.03
    assert right[near].mean() == pytest.approx(0.8, abs=0.03)
    assert np.array_equal(np.argsort(after, kind="stable"), np.argsort(logit(scores), kind="stable"))


def test_it_is_a_logistic_regression_and_keeps_off_certainty():
    random = np.random.default_rng(4)
    scores = random.random(3000)
    right = random.random(3000) < scores**2
    found = fit_calibration(scores, right)
    fitted = LogisticRegression(C=1e6).fit(logit(scores)[:, None], right)
    np.testing.assert_allclose(found, [fitted.coef_[0, 0], fitted.intercept_[0]], rtol=0.02, atol=0.02)
    # told apart without a mistake: no slope without end
    few = fit_calibration(np.array([0.1, 0.2, 0.8, 0.9]), np.array([False, False, True, True]))
    assert 0 < few.slope < 5 and few.apply(np.array([0.9]))[0] < 0.95
    # upside down: the order of the answers stays
    assert fit_calibration(scores, scores < 0.3).slope > 0
    assert fit_calibration(scores, np.ones(3000, bool)) == UNCHANGED
    assert fit_calibration(scores, np.zeros(3000, bool)) == UNCHANGED


def test_no_threshold_has_a_better_f1():
    random = np.random.default_rng(5)
    for _ in range(50):
        count = int(random.integers(1, 60))
        scores = random.choice(np.linspace(0.05, 0.95, 12), count)
        right = random.random(count) < scores
        missed = int(random.integers(0, 10))  # true boxes that no answer met at all
        rule = best_f1(scores, right, int(right.sum()) + missed)
        if not right.any():
            assert rule is None
            continue
        truth, said = np.append(right, np.ones(missed, bool)), np.append(scores, np.full(missed, -1.0))
        every = [f1_score(truth, said >= at) for at in [*np.unique(scores), 1.1]]
        assert rule.f1 == pytest.approx(max(every))
        assert f1_score(truth, said >= rule.threshold) == pytest.approx(rule.f1)
        assert rule.threshold not in scores


def test_without_true_boxes_or_right_answers_there_is_no_threshold():
    assert best_f1(np.array([0.5]), np.array([False]), 0) is None
    assert best_f1(np.array([0.5]), np.array([False]), 3) is None
    assert best_f1(np.zeros(0), np.zeros(0, bool), 3) is None
