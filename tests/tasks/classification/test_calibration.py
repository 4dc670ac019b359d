"""Calibration against scipy's optimiser, hand-made bins and data whose right temperature is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from foveate.errors import InputError, ShapeError
from foveate.tasks.classification.calibration import apply_temperature, fit_temperature, reliability


def softened_loss(u, logits, labels):
    """The documented objective, written down a second time: cross-entropy with Platt's targets."""
    n, k = logits.shape
    target = np.full((n, k), 1 / (n + 2) / (k - 1))
    target[np.arange(n), labels] = (n + 1) / (n + 2)
    return -(target * log_softmax(logits * np.exp(u), axis=1)).sum() / n


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    samples=st.integers(1, 80),
    num_classes=st.integers(2, 8),
    scale=st.sampled_from([0.05, 1.0, 20.0, 1000.0]),
)
def test_fit_finds_the_minimum_that_scipy_finds(seed, samples, num_classes, scale):
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(samples, num_classes)) * scale
    labels = (logits + rng.gumbel(size=logits.shape) * scale).argmax(axis=1)
    found = fit_temperature(logits, labels)
    best = minimize_scalar(
        softened_loss,
        bounds=(-np.log(100), np.log(100)),
        args=(logits, labels),
        method="bounded",
        options={"xatol": 1e-10},
    )
    assert softened_loss(-np.log(found), logits, labels) <= best.fun * (1 + 1e-9) + 1e-12


@pytest.mark.parametrize("truth", [0.25, 1.0, 3.0])
def test_recovers_the_temperature_that_made_the_labels(truth):
    rng = np.random.default_rng(5)
    logits = rng.normal(size=(20_000, 6)) * 3
    # Gumbel-max: argmax(z/T + Gumbel) is a draw from softmax(z/T).
    labels = (logits / truth + rng.gumbel(size=logits.shape)).argmax(axis=1)
    assert fit_temperature(logits, labels) == pytest.approx(truth, rel=0.05)
    before = apply_temperature(logits)
    after = apply_temperature(logits, fit_temperature(logits, labels))
    right = before.argmax(axis=1) == labels
    assert reliability(after.max(axis=1), right).ece < 0.02
    if truth != 1.0:
        assert reliability(before.max(axis=1), right).ece > 0.1


def test_few_samples_all_right_do_not_become_certain():
    labels = np.arange(10) % 2
    logits = np.where(np.eye(2)[labels] == 1, 5.0, 0.0)
    confidence = apply_temperature(logits, fit_temperature(logits, labels)).max(axis=1)
    assert confidence == pytest.approx(np.full(10, 11 / 12))  # Platt's (N+1)/(N+2)


@pytest.mark.parametrize(
    ("logits", "labels"),
    [(np.zeros((0, 3)), []), (np.zeros((4, 1)), [0] * 4), (np.zeros((4, 3)), [0, 1, 2, 0])],
)
def test_nothing_to_learn_from_gives_one(logits, labels):
    assert fit_temperature(logits, np.array(labels, dtype=np.int64)) == 1.0


def test_always_wrong_is_made_as_unsure_as_allowed():
    logits = np.eye(3)[np.arange(300) % 3] * 10
    assert fit_temperature(logits, (np.arange(300) + 1) % 3) == pytest.approx(100.0)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), temperature=st.floats(0.05, 20))
def test_temperature_is_softmax_and_can_be_taken_out_again(seed, temperature):
    logits = np.random.default_rng(seed).normal(size=(5, 4)) * 5
    p = apply_temperature(logits, temperature)
    assert np.allclose(p, softmax(logits / temperature, axis=1))
    if p.min() > 1e-200:
        assert np.allclose(apply_temperature(np.log(p), 1 / temperature), softmax(logits, axis=1))


def test_huge_logits_do_not_overflow():
    assert apply_temperature([[1e308, 0.0]]).tolist() == [[1.0, 0.0]]


def test_bins_by_hand():
    # Two bins, (0, 0.5] and (0.5, 1]: gaps |0.5 - 0.45| over 2 samples, |0.5 - 0.85| over 2.
    bins = reliability([0.4, 0.5, 0.7, 1.0], [True, False, True, False], bins=2)
    assert bins.counts.tolist() == [2, 2]
    assert bins.confidence.tolist() == pytest.approx([0.45, 0.85])
    assert bins.accuracy.tolist() == [0.5, 0.5]
    assert bins.ece == pytest.approx(0.5 * 0.05 + 0.5 * 0.35)
    assert reliability([], []).ece == 0.0


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: fit_temperature(np.zeros(3), [0]), ShapeError, r"logits \(N, K\)"),
        (lambda: fit_temperature([[np.inf, 0.0]], [0]), InputError, "must be finite"),
        (lambda: fit_temperature([[1.0, 0.0]], [7]), InputError, r"0\.\.1"),
        (lambda: apply_temperature([[1.0]], 0.0), InputError, "positive number"),
        (lambda: reliability([0.5], [True, False]), ShapeError, "two \\(N,\\) arrays"),
    ],
)
def test_wrong_input_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
