"""Every metric against scikit-learn or a value worked out by hand."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle

from foveate.errors import InputError, ShapeError
from foveate.tasks.classification.metrics import (
    Confusion,
    confusion_matrix,
    evaluate,
    most_confident_mistakes,
    wilson_interval,
)


def problem(seed, samples, num_classes, sharpness=1.0):
    """Random probabilities and labels; with few samples some classes are missing."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(samples, num_classes)) * sharpness
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return p, rng.integers(num_classes, size=samples)


def names(count):
    return [f"class {i}" for i in range(count)]


# scikit-learn warns about the very cases that are wanted: one class only, classes without samples.
@pytest.mark.filterwarnings("ignore:A single label was found:UserWarning")
@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true:UserWarning")
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), samples=st.integers(1, 60), num_classes=st.integers(1, 12))
def test_agrees_with_scikit_learn(seed, samples, num_classes):
    p, y = problem(seed, samples, num_classes)
    guess, every = p.argmax(axis=1), np.arange(num_classes)
    ours = evaluate(p, y, names(num_classes))

    precision, recall, f1, support = oracle.precision_recall_fscore_support(
        y, guess, labels=every, zero_division=0
    )
    assert np.allclose(ours.precision, precision)
    assert np.allclose(ours.recall, recall)
    assert np.allclose(ours.f1, f1)
    assert ours.support.tolist() == support.tolist()
    assert np.array_equal(ours.confusion.matrix(), oracle.confusion_matrix(y, guess, labels=every))
    assert ours.accuracy == pytest.approx(oracle.accuracy_score(y, guess))
    assert ours.macro_f1 == pytest.approx(oracle.f1_score(y, guess, average="macro", zero_division=0))
    assert ours.weighted_f1 == pytest.approx(oracle.f1_score(y, guess, average="weighted", zero_division=0))
    assert ours.balanced_accuracy == pytest.approx(oracle.balanced_accuracy_score(y, guess))
    if num_classes > 1:
        assert ours.nll == pytest.approx(oracle.log_loss(y, p, labels=every))
        onehot = np.eye(num_classes)[y]
        assert ours.brier == pytest.approx(((p - onehot) ** 2).sum(axis=1).mean())
    if num_classes > 5:
        assert ours.top5_accuracy == pytest.approx(oracle.top_k_accuracy_score(y, p, k=5, labels=every))
    else:
        assert ours.top5_accuracy is None


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), samples=st.integers(1, 40), num_classes=st.integers(1, 9))
def test_to_dict_is_strict_json_and_independent_of_sample_order(seed, samples, num_classes):
    p, y = problem(seed, samples, num_classes, sharpness=50.0)  # some probabilities underflow to 0
    order = np.random.default_rng(seed).permutation(samples)
    one, other = (evaluate(p[o], y[o], names(num_classes)).to_dict() for o in (np.arange(samples), order))
    text = json.dumps(one, allow_nan=False)
    assert json.loads(text)["confusion"] == other["confusion"]
    assert one["nll"] == pytest.approx(other["nll"])
    assert one["per_class"][0]["class"] == "class 0"


def test_a_case_by_hand():
    # Three classes: class 2 has no sample and is never predicted; one of class 0's two is called 1.
    p = [[0.8, 0.1, 0.1], [0.3, 0.6, 0.1], [0.1, 0.9, 0.0]]
    result = evaluate(p, [0, 0, 1], ["a", "b", "c"])
    assert result.correct == 2
    assert result.confusion.matrix().tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 0]]
    assert result.precision.tolist() == [1.0, 0.5, 0.0]
    assert result.recall.tolist() == [0.5, 1.0, 0.0]
    assert result.f1.tolist() == pytest.approx([2 / 3, 2 / 3, 0.0])
    assert result.macro_f1 == pytest.approx(2 / 3)  # class c does not occur, so it is no failure
    assert result.balanced_accuracy == pytest.approx(0.75)
    assert result.nll == pytest.approx(-np.log(0.8 * 0.3 * 0.9) / 3)
    assert result.brier == pytest.approx((0.06 + (0.49 + 0.36 + 0.01) + 0.02) / 3)
    assert result.confusion.mistakes() == [(0, 1, 1)]


def test_wilson_interval_against_published_values():
    # Newcombe (1998), table I: Wilson's score interval without continuity correction.
    for correct, samples, low, high in [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ]:
        assert wilson_interval(correct, samples) == pytest.approx((low, high), abs=5e-5)
    assert wilson_interval(20, 20)[1] == 1.0
    assert wilson_interval(0, 0) == (0.0, 1.0)


def test_equal_probabilities_count_for_the_first_class():
    uniform = np.full((8, 8), 1 / 8)
    result = evaluate(uniform, np.arange(8), names(8))
    assert result.correct == 1
    assert result.top5_accuracy == 5 / 8


def test_zero_probability_of_the_truth_stays_finite():
    result = evaluate([[1.0, 0.0]], [1], ["a", "b"])
    assert result.nll == pytest.approx(-np.log(1e-15))
    assert result.brier == pytest.approx(2.0)


def test_float32_probabilities_give_the_same_numbers():
    p, y = problem(3, 500, 7)
    wide, narrow = evaluate(p, y, names(7)), evaluate(p.astype(np.float32), y, names(7))
    assert narrow.nll == pytest.approx(wide.nll, rel=1e-6)
    assert narrow.brier == pytest.approx(wide.brier, rel=1e-6)
    assert narrow.to_dict()["confusion"] == wide.to_dict()["confusion"]


def test_ten_thousand_classes_need_no_dense_matrix():
    y = np.arange(50_000) % 10_000
    guess = (y + (np.arange(50_000) % 7 == 0)) % 10_000
    confusion = Confusion.of(y, guess, 10_000)
    assert len(confusion.count) < 30_000
    assert confusion.hits.sum() == (y == guess).sum()
    assert len(confusion.mistakes(5)) == 5


def test_many_classes_leave_the_matrix_out_of_the_json():
    p, y = problem(0, 300, 101)
    document = evaluate(p, y, names(101)).to_dict()
    assert document["confusion"] is None
    assert len(document["most_confused"]) == 20


def test_most_confident_mistakes_come_first():
    p = [[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.3, 0.7]]
    assert most_confident_mistakes(p, [0, 0, 0, 1], 5).tolist() == [1, 2]
    assert most_confident_mistakes(p, [0, 0, 0, 1], 1).tolist() == [1]


@pytest.mark.parametrize(
    ("probabilities", "labels", "classes", "error", "message"),
    [
        ([[0.5, 0.5]], [0], ["a"], ShapeError, r"Expected probabilities \(N, 1\)"),
        ([[0.5, 0.5]], [0, 1], ["a", "b"], ShapeError, r"got \(1, 2\) and \(2,\)"),
        (np.zeros((0, 2)), [], ["a", "b"], InputError, "nothing to evaluate"),
        ([[2.0, -1.0]], [0], ["a", "b"], InputError, "Logits need a softmax first"),
        ([[np.nan, 1.0]], [0], ["a", "b"], InputError, "Expected probabilities"),
        ([[0.5, 0.5]], [2], ["a", "b"], InputError, r"Labels must lie in 0\.\.1"),
        ([[0.5, 0.5]], [0.0], ["a", "b"], InputError, "Labels must be integers"),
    ],
)
def test_wrong_input_is_refused_in_one_sentence(probabilities, labels, classes, error, message):
    with pytest.raises(error, match=message):
        evaluate(probabilities, labels, classes)


def test_confusion_matrix_refuses_unequal_lengths():
    with pytest.raises(ShapeError, match="two \\(N,\\) arrays"):
        confusion_matrix([0, 1], [0], 2)
