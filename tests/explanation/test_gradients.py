"""Against captum and the axioms: completeness, linearity, and no influence from outside the field."""

import pytest
import torch
from captum.attr import IntegratedGradients, Saliency
from torch import nn

from foveate.explanation import heat_of_gradient, integrated_gradients, saliency, smooth_grad

TARGETS = torch.tensor([2, 0, 1])


@pytest.mark.parametrize("baseline", [0.0, 0.7])
def test_integrated_gradients_are_captums(network, pictures, baseline):
    theirs, gap = IntegratedGradients(network.eval()).attribute(
        pictures, baseline, TARGETS, n_steps=32, return_convergence_delta=True
    )
    ours = integrated_gradients(network, pictures, TARGETS, baseline=baseline, steps=32)
    torch.testing.assert_close(ours.attribution, theirs, rtol=0, atol=1e-5)
    torch.testing.assert_close(ours.gap, gap.to(ours.gap.dtype), rtol=0, atol=1e-5)


def test_saliency_is_captums(network, pictures):
    theirs = Saliency(network.eval()).attribute(pictures.clone().requires_grad_(), TARGETS, abs=True)
    ours = saliency(network, pictures, TARGETS)
    torch.testing.assert_close(ours.abs(), theirs, rtol=0, atol=1e-5)
    torch.testing.assert_close(heat_of_gradient(ours), theirs.amax(dim=1))


def test_completeness_the_shares_add_up_to_the_difference(network, pictures):
    found = integrated_gradients(network, pictures, TARGETS, steps=300)
    with torch.no_grad():
        difference = network.eval()(pictures) - network(torch.zeros_like(pictures))
    expected = difference.gather(1, TARGETS[:, None])[:, 0]
    torch.testing.assert_close(found.attribution.sum(dim=(1, 2, 3)), expected, rtol=0.01, atol=1e-3)
    coarse = integrated_gradients(network, pictures, TARGETS, steps=2)
    assert found.gap.abs().max() < coarse.gap.abs().max()


def test_batches_of_any_size_give_the_same(network, pictures):
    one = integrated_gradients(network, pictures, TARGETS, steps=7, batch_size=4).attribution
    other = integrated_gradients(network, pictures, TARGETS, steps=7, batch_size=100).attribution
    torch.testing.assert_close(one, other)


def test_a_linear_network_is_its_own_explanation(pictures):
    linear = nn.Sequential(nn.Flatten(), nn.Linear(432, 2))
    weights = linear[1].weight.detach()[1].view(1, 3, 12, 12)
    torch.testing.assert_close(saliency(linear, pictures, 1), weights.expand(3, -1, -1, -1))
    torch.testing.assert_close(smooth_grad(linear, pictures, 1, samples=3), weights.expand(3, -1, -1, -1))
    found = integrated_gradients(linear, pictures, 1, steps=3)
    torch.testing.assert_close(found.attribution, weights * pictures)


def test_what_the_score_cannot_see_has_no_gradient(pictures):
    """The score is one place of a 3x3 convolution: row 4, column 6 sees rows 4-6 and columns 6-8."""

    class OnePlace(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 2, 3)

        def forward(self, x):
            return self.conv(x)[:, :, 4, 6]

    heat = heat_of_gradient(saliency(OnePlace(), pictures, 0))[0]
    inside = torch.zeros(12, 12, dtype=torch.bool)
    inside[4:7, 6:9] = True
    assert (heat[inside] > 0).all() and (heat[~inside] == 0).all()


def test_in_place_layers_and_gradients_of_parameters_are_left_alone(network, inplace_network, pictures):
    assert torch.equal(saliency(network, pictures, 0), saliency(inplace_network, pictures, 0))
    assert all(parameter.grad is None for parameter in inplace_network.parameters())


def test_noise_is_drawn_from_the_seed(network, pictures):
    one = smooth_grad(network, pictures, TARGETS, samples=4, seed=5)
    torch.manual_seed(99)
    assert torch.equal(one, smooth_grad(network, pictures, TARGETS, samples=4, seed=5))
    assert not torch.equal(one, smooth_grad(network, pictures, TARGETS, samples=4, seed=6))
    calm = smooth_grad(network, pictures, TARGETS, samples=2, noise_fraction=0.0)
    torch.testing.assert_close(calm, saliency(network, pictures, TARGETS))
