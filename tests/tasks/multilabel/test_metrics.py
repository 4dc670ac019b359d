"""Every number against scikit-learn's, on random answers and on the awkward ones."""

import math

import numpy as np
import pytest
from sklearn import metrics as oracle

from foveate.errors import InputError, ShapeError
from foveate.tasks.multilabel.metrics import (
    average_precisions,
    bootstrap_interval,
    counted,
    evaluate,
    macro_f1,
)


def answers(count=300, labels=5, seed=0, digits=None):
    """Labels that are there, and probabilities that know a little of them, (count, labels) each."""
    rng = np.random.default_rng(seed)
    shares = rng.uniform(0.05, 0.6, labels)
    present = (rng.random((count, labels)) < shares).astype(np.uint8)
    probabilities = 0.2 * present + 0.8 * rng.random((count, labels))
    return (probabilities if digits is None else probabilities.round(digits)), present


@pytest.mark.parametrize("digits", [None, 1])  # the latter gives many equal probabilities
@pytest.mark.parametrize("seed", range(3))
def test_average_precision_is_scikit_learns(seed, digits):
    probabilities, present = answers(seed=seed, digits=digits)
    theirs = oracle.average_precision_score(present, probabilities, average=None)
    assert average_precisions(probabilities, present) == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_the_evaluation_is_scikit_learns(seed):
    probabilities, present = answers(seed=seed)
    thresholds = np.array([0.3, 0.4, 0.5, 0.6, 0.7])
    found = evaluate(probabilities, present, tuple("abcde"), thresholds)
    given = (probabilities >= thresholds).astype(int)
    none = {"zero_division": 0}
    assert found.mean_average_precision == pytest.approx(
        oracle.average_precision_score(present, probabilities, average="macro")
    )
    assert found.macro_f1 == pytest.approx(oracle.f1_score(present, given, average="macro", **none))
    assert found.micro_f1 == pytest.approx(oracle.f1_score(present, given, average="micro", **none))
    assert found.exact_match == pytest.approx(oracle.accuracy_score(present, given))
    precision, recall, f1, support = oracle.precision_recall_fscore_support(present, given, **none)
    assert found.counts.precision == pytest.approx(precision)
    assert found.counts.recall == pytest.approx(recall)
    assert found.counts.f1 == pytest.approx(f1)
    assert found.counts.support.tolist() == support.tolist()
    losses = [oracle.log_loss(y, p, labels=[0, 1]) for y, p in zip(present.T, probabilities.T, strict=True)]
    assert found.nll == pytest.approx(sum(losses))


def test_a_label_without_a_picture_counts_in_no_mean_and_is_written_as_none():
    probabilities, present = answers(labels=3)
    present[:, 1] = 0
    found = evaluate(probabilities, present, ("a", "b", "c"), np.array([0.5, 2.0, 0.5]))
    others = [0, 2]
    theirs = oracle.average_precision_score(present[:, others], probabilities[:, others])
    assert found.mean_average_precision == pytest.approx(theirs)
    given = probabilities[:, others] >= 0.5
    assert found.macro_f1 == pytest.approx(oracle.f1_score(present[:, others], given, average="macro"))
    document = found.to_dict()
    assert document["per_label"][1]["average_precision"] is None
    assert found.to_dict()["without_label"] == int((present.sum(axis=1) == 0).sum())
    assert "no picture has b:" in " ".join(found.lines("pictures"))


def test_a_label_that_is_only_given_wrongly_counts_in_macro_f1_as_in_scikit_learn():
    present = np.array([[1, 0], [1, 0]], np.uint8)
    given = np.array([[1, 0], [1, 1]], np.uint8)
    assert macro_f1(counted(given, present)) == pytest.approx(
        oracle.f1_score(present, given, average="macro", zero_division=0)
    )


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    shares = np.array([0.1, 0.3, 0.5])

    def drawn(count, seed):
        rng = np.random.default_rng(seed)
        present = (rng.random((count, 3)) < shares).astype(np.uint8)
        return 0.4 * present + rng.random((count, 3)) * 0.6, present

    truth = average_precisions(*drawn(300_000, 99)).mean()
    inside = 0
    for seed in range(60):
        probabilities, present = drawn(400, seed)
        low, high = bootstrap_interval(
            probabilities, present, average_precisions(probabilities, present).mean()
        )
        inside += low <= truth <= high
    assert 52 <= inside <= 60  # 57 are expected; fewer than 52 have a chance of one in two hundred


def test_the_interval_repeats_and_is_narrower_with_more_pictures():
    def width(count):
        probabilities, present = answers(count)
        low, high = bootstrap_interval(probabilities, present, 0.5)
        return high - low

    assert width(100) == width(100)
    assert width(100) / width(1600) == pytest.approx(4, rel=0.4)


def test_one_picture_says_nothing_of_the_interval():
    found = evaluate(np.array([[0.9, 0.2]]), np.array([[1, 0]], np.uint8), ("a", "b"), np.array([0.5, 0.5]))
    assert found.mean_average_precision == 1.0
    assert not math.isnan(found.interval[0])


def test_what_cannot_be_measured_is_refused():
    with pytest.raises(InputError, match="at least one picture with a label"):
        evaluate(np.zeros((2, 2)), np.zeros((2, 2), np.uint8), ("a", "b"), np.array([0.5, 0.5]))
    with pytest.raises(ShapeError, match=r"\(N, 2\)"):
        evaluate(np.zeros((2, 3)), np.zeros((2, 2), np.uint8), ("a", "b"), np.array([0.5, 0.5]))
