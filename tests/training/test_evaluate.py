"""What training selects by: against scikit-learn, and the same numbers as the report's."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle
from tests.helpers.classes import learner

from foveate.tasks.classification.metrics import evaluate
from foveate.tasks.classification.targets import ClassTargets
from foveate.training.evaluate import outputs_of


@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true:UserWarning")
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), samples=st.integers(1, 30), num_classes=st.integers(2, 9))
def test_scores_are_scikit_learns_and_the_reports(seed, samples, num_classes):
    """With few samples, classes lack among the labels, among the answers, or among both."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, num_classes, samples)
    logits = rng.normal(size=(samples, num_classes)) * 2
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    found = learner(num_classes).scores(torch.tensor(logits), ClassTargets(labels))
    guess = p.argmax(axis=1)
    assert found["macro_f1"] == pytest.approx(
        oracle.f1_score(labels, guess, average="macro", zero_division=0)
    )
    assert found["accuracy"] == pytest.approx(oracle.accuracy_score(labels, guess))
    assert found["loss"] == pytest.approx(oracle.log_loss(labels, p, labels=range(num_classes)))
    report = evaluate(p, labels, [str(k) for k in range(num_classes)])
    assert (found["macro_f1"], found["accuracy"]) == (report.macro_f1, report.accuracy)


def test_outputs_come_in_order_and_leave_the_module_in_its_mode():
    class Batch:
        def __init__(self, images):
            self.images = images

    module = torch.nn.Dropout(0.5).train()
    batches = [Batch(torch.arange(4.0).view(2, 2) + 4 * n) for n in range(2)]
    outputs = outputs_of(module, batches)
    assert outputs.tolist() == [[0, 1], [2, 3], [4, 5], [6, 7]]  # in evaluation mode nothing is dropped
    assert module.training
