"""The weighted, smoothed loss: by hand, against the NumPy reference, and by what a weight means."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from foveate.reference import loss as reference
from foveate.tasks.classification.learn import cross_entropy


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    return torch.tensor(rng.normal(size=(5, 3)), requires_grad=True), torch.tensor([0, 2, 1, 1, 0])


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.6])
def test_a_weight_counts_as_so_many_copies_of_the_sample(batch, smoothing):
    logits, labels = batch
    weights = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    loss = cross_entropy(logits, labels, class_weights=weights, label_smoothing=smoothing)
    rows = torch.repeat_interleave(torch.arange(5), weights[labels].long())
    copies = F.cross_entropy(logits[rows], labels[rows], label_smoothing=smoothing)
    assert loss.item() == pytest.approx(copies.item(), rel=1e-12)
    ours, theirs = (torch.autograd.grad(value, logits)[0] for value in (loss, copies))
    assert torch.allclose(ours, theirs, atol=1e-12)


def test_weights_and_smoothing_by_hand():
    logits, labels = torch.tensor([[2.0, 0.0], [0.5, 1.0]]), torch.tensor([0, 1])
    p = np.exp(logits.numpy()) / np.exp(logits.numpy()).sum(axis=1, keepdims=True)
    each = [
        -0.95 * np.log(p[0, 0]) - 0.05 * np.log(p[0, 1]),
        -0.05 * np.log(p[1, 0]) - 0.95 * np.log(p[1, 1]),
    ]
    loss = cross_entropy(logits, labels, class_weights=torch.tensor([1.0, 3.0]), label_smoothing=0.1)
    assert loss.item() == pytest.approx((each[0] + 3 * each[1]) / 4, rel=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("weights", [None, [0.2, 5.0, 1.0]])
def test_loss_and_gradient_are_the_references(batch, smoothing, weights):
    logits, labels = batch
    given = None if weights is None else torch.tensor(weights, dtype=torch.float64)
    loss = cross_entropy(logits, labels, class_weights=given, label_smoothing=smoothing)
    arrays = logits.detach().numpy(), labels.numpy()
    how = {"class_weights": None if weights is None else np.array(weights), "label_smoothing": smoothing}
    assert loss.item() == pytest.approx(reference.cross_entropy(*arrays, **how), rel=1e-12)
    gradient = torch.autograd.grad(loss, logits)[0].numpy()
    assert gradient == pytest.approx(reference.cross_entropy_backward(*arrays, **how), abs=1e-12)


def test_a_heavy_class_without_a_sample_does_not_move_the_loss(batch):
    logits, labels = batch[0], torch.tensor([0, 1, 1, 0, 0])
    losses = [
        cross_entropy(logits, labels, class_weights=torch.tensor([1.0, 1.0, heavy]), label_smoothing=0.1)
        for heavy in (0.0, 1.0, 1000.0)
    ]
    assert losses[0].item() == losses[1].item() == losses[2].item()
