"""The rule for "unsure": hand-counted cases, and whether its promise holds on pictures it has not seen."""

import numpy as np
import pytest

from foveate.errors import InputError, ShapeError
from foveate.tasks.classification.threshold import Answered, UnsureRule, apply_unsure_rule, fit_unsure_rule


def table(sure, right):
    """Two-class probabilities and labels with these sureness values, right where it says so."""
    sure = np.asarray(sure, dtype=float)
    return np.stack([sure, 1 - sure], axis=1), np.where(right, 0, 1)


def drawn(random, count):
    """A calibrated two-class model: right as often as its probability says; 87 % in all."""
    sure = 0.5 + 0.5 * random.beta(2, 0.7, count)
    return table(sure, random.random(count) < sure)


def test_twenty_answers_without_a_mistake_are_believed():
    rule = fit_unsure_rule(*table(np.linspace(0.6, 0.98, 20), np.ones(20, bool)))
    assert rule == UnsureRule(0.6, 0.95, 1.0, 20)


def test_the_lowest_threshold_that_suffices_is_taken():
    """The surest 40 are right but the 30th, then come 10 mistakes: (39 + 1) / (40 + 2) is 95.2 %."""
    sure = np.linspace(0.99, 0.5, 50)
    right = np.arange(50) < 40
    right[30] = False
    rule = fit_unsure_rule(*table(sure, right))
    assert rule.unsure_below == pytest.approx(sure[39], abs=1e-4)
    assert rule.unsure_below <= sure[39]  # what it was found on is answered
    assert rule.coverage == pytest.approx(40 / 50)
    strict = fit_unsure_rule(*table(sure, right), precision=0.96)  # (30 + 1) / (30 + 2)
    assert strict.unsure_below == pytest.approx(sure[29], abs=1e-4)


def test_equal_probabilities_are_answered_together_or_not_at_all():
    right = np.array([True] * 18 + [False] * 6)
    rule = fit_unsure_rule(*table(np.full(24, 0.9), right))
    assert (rule.unsure_below, rule.coverage) == (0.95, 0.0)  # 19 / 26, whatever their order
    many = fit_unsure_rule(*table(np.full(24, 0.96), right))  # above the precision, and falsely so
    assert (many.unsure_below, many.coverage) == (1.0, 0.0)


def test_too_few_pictures_leave_the_precision_itself_as_threshold():
    assert fit_unsure_rule(*table(np.full(17, 0.97), np.ones(17, bool))) == UnsureRule(0.95, 0.95, 1.0, 17)
    assert fit_unsure_rule(np.zeros((0, 3)), np.zeros(0, int)) == UnsureRule(0.95, 0.95, 0.0, 0)
    assert fit_unsure_rule(*table(np.full(18, 0.7), np.ones(18, bool))).unsure_below == 0.7


@pytest.mark.parametrize(("count", "repeats"), [(20, 150), (40, 150), (150, 100), (1000, 20)])
def test_the_promise_holds_on_other_pictures(count, repeats):
    random = np.random.default_rng(count)
    others = drawn(random, 20_000)
    rules = [fit_unsure_rule(*drawn(random, count)) for _ in range(repeats)]
    tried = [apply_unsure_rule(rule, *others) for rule in rules]
    assert np.mean([found.precision for found in tried]) >= 0.948
    assert np.mean([found.coverage for found in tried]) > 0.25


def test_trying_a_rule_counts():
    probabilities, labels = table([0.9, 0.8, 0.7, 0.6], [True, False, True, False])
    found = apply_unsure_rule(UnsureRule(0.7, 0.95, 0.5, 4), probabilities, labels)
    assert (found, found.coverage, found.precision) == (Answered(3, 2, 4), 0.75, pytest.approx(2 / 3))


def test_wrong_settings():
    with pytest.raises(InputError, match=r"between 0\.5 and 0\.999"):
        fit_unsure_rule(*table([0.9], [True]), precision=1.0)
    with pytest.raises(ShapeError, match="labels"):
        fit_unsure_rule(np.ones((3, 2)), np.zeros(2, int))
