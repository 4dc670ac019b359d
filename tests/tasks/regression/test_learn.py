"""The half with torch: loss, objective and head against finite differences and scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_squared_error, r2_score

from foveate.dataset.split import stratified_folds
from foveate.tasks.regression.learn import RegressionLearner
from foveate.tasks.regression.targets import NumberTargets
from foveate.tasks.regression.task import Regression
from foveate.transfer.head import fit_head

RANDOM = np.random.default_rng(0)
TRUE = RANDOM.normal([40, 2000], [12, 5], (60, 2))
TARGETS = NumberTargets(TRUE)
TASK = Regression(("age", "year"), tuple(TRUE.mean(axis=0)), tuple(TRUE.std(axis=0)))
LEARNER = RegressionLearner(TASK)
SAID = torch.from_numpy(RANDOM.normal(size=(60, 2))).float()  # standardised
BATCH = {name: torch.from_numpy(values) for name, values in TARGETS.arrays.items()}


def in_units():
    return SAID.double().numpy() * TRUE.std(axis=0) + TRUE.mean(axis=0)


def test_the_loss_is_the_squared_error_of_standardised_numbers():
    expected = mean_squared_error((TRUE - TRUE.mean(axis=0)) / TRUE.std(axis=0), SAID)
    assert float(LEARNER.loss(SAID, BATCH)) == pytest.approx(expected, rel=1e-4)
    assert float(LEARNER.losses(SAID, TARGETS).mean()) == pytest.approx(expected)


def test_what_training_shows_is_the_mean_over_pictures_that_r_squared_is():
    shown = sum(
        float(LEARNER.running(SAID[i : i + 7], {"values": BATCH["values"][i : i + 7]}))
        for i in range(0, 60, 7)
    )
    assert shown / 60 == pytest.approx(r2_score(TRUE, in_units()), rel=1e-3)


def test_scores_have_every_metric_and_the_loss():
    found = LEARNER.scores(SAID, TARGETS)
    assert set(found) == {"loss", *(metric.name for metric in TASK.metrics)}
    assert found["r2"] == pytest.approx(r2_score(TRUE, in_units()))


def test_the_objectives_derivative_is_that_of_finite_differences():
    wanted = torch.from_numpy(TASK.matrix(TARGETS))[:, None]  # (N, 1, K), of two folds
    outputs = torch.from_numpy(RANDOM.normal(size=(60, 2, 2)))
    weight = torch.from_numpy(RANDOM.uniform(0, 2, (60, 2, 1)))
    _, slope = LEARNER.objective(outputs, wanted, weight)
    for place in ((0, 0, 0), (59, 1, 1), (7, 0, 1)):
        moved = [outputs.clone() for _ in range(2)]
        moved[0][place] += 1e-5
        moved[1][place] -= 1e-5
        up, down = (float(LEARNER.objective(one, wanted, weight)[0]) for one in moved)
        assert float(slope[place]) == pytest.approx((up - down) / 2e-5, rel=1e-6)


def test_the_objective_is_the_loss_of_each_row():
    value, _ = LEARNER.objective(SAID.double(), torch.from_numpy(TASK.matrix(TARGETS)), torch.ones(60, 1))
    assert float(value) == pytest.approx(float(LEARNER.losses(SAID, TARGETS).sum()))


@pytest.mark.parametrize(("count", "width"), [(50, 120), (200, 20)])  # fewer rows than features, and more
def test_the_head_on_frozen_features_is_scikit_learns_ridge(count, width):
    random = np.random.default_rng(1)
    features = (random.normal(size=(count, width)) * 5 + 2).astype(np.float32)
    true = features[:, :2] * [3, 0.1] + random.normal(size=(count, 2)) * [2, 0.1] + [7, 2000]
    task = Regression(("a", "b"), tuple(true.mean(axis=0)), tuple(true.std(axis=0)))
    targets = NumberTargets(true)
    head = fit_head(
        features[None], targets, stratified_folds(targets.strata, None, 5, 0), RegressionLearner(task)
    )
    centred = (features - features.mean(axis=0)) / features.std()
    # ours: mean over rows and numbers of squares + penalty / 2 |W|²; theirs: sum over rows + alpha |W|²
    theirs = Ridge(alpha=head.penalty / 2 * 2 * count).fit(centred, task.matrix(targets))
    assert features @ head.weight.T + head.bias == pytest.approx(theirs.predict(centred), abs=2e-3)
    assert RegressionLearner.penalties[0] > head.penalty > RegressionLearner.penalties[-1]


def test_noise_is_answered_with_the_mean():
    random = np.random.default_rng(2)
    features = random.normal(size=(200, 300)).astype(np.float32)
    targets = NumberTargets(random.normal(50, 3, (200, 1)))
    task = Regression(("a",), (50.0,), (3.0,))
    learner = RegressionLearner(task)
    head = fit_head(features[None], targets, stratified_folds(targets.strata, None, 5, 0), learner)
    assert learner.scores(torch.from_numpy(head.held_out).float(), targets)["r2"] == pytest.approx(
        0, abs=0.03
    )


def test_the_answer_is_in_the_numbers_own_units():
    assert LEARNER.answer()(SAID).numpy() == pytest.approx(in_units(), rel=1e-6)


def test_held_out_pictures_give_margins_in_the_numbers_own_units():
    found = LEARNER.calibrated(SAID.numpy(), TARGETS)
    off = np.sort(np.abs(in_units() - TRUE), axis=0)
    assert found.margins.half_widths == pytest.approx(tuple(off[54]))  # ceil(61 * 0.9) = 55th
    assert LEARNER.calibrated(SAID[:5].numpy(), TARGETS.take(range(5))).margins is None


def test_a_difference_counts_in_standard_deviations():
    right = {"values": in_units().astype(np.float32)}
    assert LEARNER.difference(SAID.numpy(), right, {"values": right["values"] + np.float32(1e-4)}) == ""
    assert "values differs by" in LEARNER.difference(SAID.numpy(), right, {"values": right["values"] + 1e-2})
    small = Regression(("a",), (0.0,), (1e-6,))  # where an absolute tolerance would see nothing
    other = {"values": np.array([[1e-6]], np.float32)}
    nothing = {"values": np.zeros((1, 1), np.float32)}
    assert "differs" in RegressionLearner(small).difference(np.zeros((1, 1)), nothing, other)
