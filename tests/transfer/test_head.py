"""The logistic head against scikit-learn's, and its choices on data whose answer is known."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from tests.helpers.classes import learner

from foveate.dataset.split import stratified_folds
from foveate.tasks.classification.targets import ClassTargets
from foveate.tasks.learning import Learner
from foveate.transfer.head import fit_head


def blobs(count, width, classes, *, apart, seed=0):
    """Pictures' features: a Gaussian cloud a class."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(classes, width)) * apart
    labels = np.arange(count) % classes
    return (centres[labels] + random.normal(size=(count, width))).astype(np.float32), labels


def folds_of(labels):
    return stratified_folds(labels, None, 5, 0)


@pytest.mark.parametrize(("count", "width"), [(60, 200), (300, 40)])  # fewer rows than features, and more
def test_the_weights_are_scikit_learns(count, width):
    features, labels = blobs(count, width, 3, apart=0.3)
    features = features * 5 + 2  # neither centred nor scaled
    head = fit_head(features[None], ClassTargets(labels), folds_of(labels), learner(3))
    centred = (features - features.mean(axis=0)) / features.std()
    # scikit-learn minimises C * (sum of losses) + |W|^2 / 2.
    theirs = LogisticRegression(C=1 / (head.penalty * count), max_iter=5000, tol=1e-10)
    theirs.fit(centred, labels)
    ours = features @ head.weight.T + head.bias
    assert softmax(ours) == pytest.approx(theirs.predict_proba(centred), abs=5e-4)


def test_held_out_logits_come_from_heads_that_had_not_seen_the_picture():
    random = np.random.default_rng(1)
    features = random.normal(size=(100, 500)).astype(np.float32)  # noise: nothing can be learnt
    labels = random.integers(0, 2, 100)
    head = fit_head(features[None], ClassTargets(labels), folds_of(labels), learner(2))
    seen = (features @ head.weight.T + head.bias).argmax(axis=1) == labels
    unseen = head.held_out.argmax(axis=1) == labels
    assert seen.mean() > 0.9  # 500 directions fit 100 pictures by heart
    assert 0.3 < unseen.mean() < 0.7
    assert head.penalty == Learner.penalties[0]  # and so the strongest penalty is best


def test_views_are_more_rows():
    features, labels = blobs(80, 20, 2, apart=0.5)
    once = fit_head(features[None], ClassTargets(labels), folds_of(labels), learner(2))
    twice = fit_head(np.stack([features, features]), ClassTargets(labels), folds_of(labels), learner(2))
    assert twice.weight == pytest.approx(once.weight, abs=1e-4)
    assert twice.held_out == pytest.approx(once.held_out, abs=1e-3)


def test_held_out_logits_are_of_the_picture_itself_as_the_finished_model_will_see_it():
    features, labels = blobs(90, 20, 3, apart=0.3)
    mirrored = features + np.random.default_rng(7).normal(size=features.shape).astype(np.float32)
    views, folds = np.stack([features, mirrored]), folds_of(labels)
    head = fit_head(views, ClassTargets(labels), folds, learner(3))
    views = (views - views.mean(axis=(0, 1))) / views.std()
    for fold in range(5):
        inside = folds != fold
        rows = views[:, inside].reshape(-1, 20)
        theirs = LogisticRegression(C=1 / (head.penalty * len(rows)), max_iter=5000, tol=1e-10)
        theirs.fit(rows, np.tile(labels[inside], 2))
        assert softmax(head.held_out[~inside]) == pytest.approx(
            theirs.predict_proba(views[0, ~inside]), abs=5e-3
        )


def test_class_weights_count_as_copies_of_pictures():
    features, labels = blobs(90, 30, 2, apart=0.2)
    weights = np.array([1.0, 3.0])
    never = np.full(90, -1)
    head = fit_head(features[None], ClassTargets(labels), never, learner(2, weights=weights.tolist()))
    centred = (features - features.mean(axis=0)) / features.std()
    difference = (features @ (head.weight[1] - head.weight[0])) + head.bias[1] - head.bias[0]
    # scikit-learn's binary form penalises the difference of the two rows: half as much as both rows.
    theirs = LogisticRegression(C=2 / (head.penalty * 180), max_iter=5000, tol=1e-10)
    theirs.fit(centred, labels, sample_weight=weights[labels])
    assert difference == pytest.approx(theirs.decision_function(centred), abs=2e-3)
    assert not head.was_held_out.any()


def test_many_pictures_choose_on_some_of_them(monkeypatch):
    monkeypatch.setattr("foveate.transfer.head.CHOICE_MOST", 200)
    features, labels = blobs(600, 10, 3, apart=1.0)
    folds = np.where(folds_of(labels) == 0, 0, -1)
    head = fit_head(features[None], ClassTargets(labels), folds, learner(3))
    assert head.was_held_out.sum() == 40  # a fifth of 200
    assert (head.held_out[head.was_held_out].argmax(axis=1) == labels[head.was_held_out]).mean() > 0.9
    assert ((features @ head.weight.T + head.bias).argmax(axis=1) == labels).mean() > 0.9


def test_it_repeats_to_the_bit():
    features, labels = blobs(60, 100, 4, apart=0.3)
    first, second = (
        fit_head(features[None], ClassTargets(labels), folds_of(labels), learner(4)) for _ in range(2)
    )
    assert (first.weight == second.weight).all()
    assert (first.held_out == second.held_out).all()


def softmax(logits):
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponents / exponents.sum(axis=1, keepdims=True)
