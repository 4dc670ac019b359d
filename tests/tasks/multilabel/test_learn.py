"""Losses against torch's, the objective of a linear head against finite differences and scikit-learn."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, f1_score, log_loss

from foveate.dataset.split import stratified_folds
from foveate.tasks.multilabel.learn import MultilabelLearner, Sigmoid
from foveate.tasks.multilabel.targets import LabelTargets
from foveate.tasks.multilabel.task import Multilabel
from foveate.transfer.head import fit_head

TASK = Multilabel(("a", "b", "c"))


def drawn(count=40, seed=0):
    rng = np.random.default_rng(seed)
    targets = LabelTargets((rng.random((count, 3)) < [0.5, 0.2, 0.7]).astype(np.uint8))
    return torch.from_numpy(rng.normal(size=(count, 3)) * 2).float(), targets


def batch(targets):
    return {"present": torch.from_numpy(np.array(targets.present))}


@pytest.mark.parametrize("weights", [None, (1.0, 4.0, 0.5)])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_is_torchs_summed_over_labels(weights, smoothing):
    outputs, targets = drawn()
    wanted = batch(targets)["present"].float() * (1 - smoothing) + smoothing / 2
    positive = None if weights is None else torch.tensor(weights)
    theirs = torch.nn.BCEWithLogitsLoss(pos_weight=positive, reduction="sum")(outputs, wanted) / len(outputs)
    ours = MultilabelLearner(TASK, label_smoothing=smoothing, weights=weights).loss(outputs, batch(targets))
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-6)


@pytest.mark.parametrize("weights", [None, (1.0, 4.0, 0.5)])
def test_the_objective_is_the_weighted_losses_and_its_derivative_theirs(weights):
    outputs, targets = drawn(6)
    learner = MultilabelLearner(TASK, weights=weights)
    x, y = outputs.double(), torch.from_numpy(TASK.matrix(targets))
    share = torch.rand(6, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    value, slope = learner.objective(x, y, share)
    assert value.item() == pytest.approx((learner.losses(x, targets) * share[:, 0]).sum().item())
    for place in np.ndindex(*x.shape):
        step = torch.zeros_like(x)
        step[place] = 1e-5
        up, down = (learner.objective(x + sign * step, y, share)[0] for sign in (1, -1))
        assert slope[place].item() == pytest.approx(((up - down) / 2e-5).item(), abs=1e-8)


def test_scores_are_scikit_learns_at_one_half():
    outputs, targets = drawn(200)
    found = MultilabelLearner(TASK).scores(outputs, targets)
    probabilities = torch.sigmoid(outputs).numpy()
    given = probabilities >= 0.5
    assert found["mean_average_precision"] == pytest.approx(
        average_precision_score(targets.present, probabilities)
    )
    assert found["macro_f1"] == pytest.approx(f1_score(targets.present, given, average="macro"))
    assert found["micro_f1"] == pytest.approx(f1_score(targets.present, given, average="micro"))
    assert found["exact_match"] == pytest.approx((given == targets.present).all(axis=1).mean())
    columns = zip(targets.present.T, probabilities.T, strict=True)
    assert found["loss"] == pytest.approx(sum(log_loss(y, p) for y, p in columns), rel=1e-5)
    running = MultilabelLearner(TASK).running(outputs, batch(targets))
    assert running.item() / 200 == pytest.approx(found["exact_match"])


def test_scores_of_pictures_without_any_label_are_numbers():
    found = MultilabelLearner(TASK).scores(torch.zeros(4, 3), LabelTargets(np.zeros((4, 3))))
    assert all(np.isfinite(list(found.values())))


def test_a_head_on_frozen_features_is_one_logistic_regression_a_label():
    rng = np.random.default_rng(3)
    features = rng.normal(size=(150, 8)).astype(np.float32)
    present = (features[:, :3] + rng.normal(size=(150, 3)) > 0.3).astype(np.uint8)
    targets = LabelTargets(present)
    head = fit_head(
        features[None], targets, stratified_folds(targets.strata, None, 5, 0), MultilabelLearner(TASK)
    )
    scaled = (features - features.mean(axis=0)) / features.std()
    for label in range(3):
        theirs = LogisticRegression(C=1 / (head.penalty * 150), max_iter=5000, tol=1e-10)
        theirs.fit(scaled, present[:, label])
        ours = 1 / (1 + np.exp(-(features @ head.weight[label] + head.bias[label])))
        assert ours == pytest.approx(theirs.predict_proba(scaled)[:, 1], abs=5e-4)


def test_the_temperature_is_where_the_loss_is_least():
    outputs, targets = drawn(3_000)
    outputs = outputs + 2 * torch.from_numpy(targets.present - 0.5).float()
    found = MultilabelLearner(TASK).calibrated(outputs.numpy(), targets)

    def loss(temperature):
        return MultilabelLearner(TASK).losses(outputs / temperature, targets).mean().item()

    best = minimize_scalar(loss, bounds=(0.1, 20), method="bounded").x
    assert loss(found.temperature) == pytest.approx(loss(best), abs=1e-4)
    shares = torch.sigmoid(outputs / found.temperature)
    assert torch.allclose(Sigmoid(found.temperature)(outputs), shares)


def test_the_weights_of_rare_labels_are_negatives_by_positives():
    targets = LabelTargets(np.array([[1, 1, 0], [0, 1, 0], [0, 1, 0], [0, 0, 0]]))
    assert TASK.balanced(targets) == pytest.approx((3.0, 1 / 3, 1.0))
