"""Against captum, an independent implementation, and a network whose answer pencil and paper give."""

import pytest
import torch
from captum.attr import LayerGradCam
from torch import nn

from foveate.errors import InputError, UnknownNameError
from foveate.explanation import grad_cam, upsampled

TARGETS = torch.tensor([0, 3, 1])


@pytest.mark.parametrize("layer", ["0", "3", "4", "4.conv2"])
@pytest.mark.parametrize("relu", [True, False])
def test_it_is_captums(network, pictures, layer, relu):
    theirs = LayerGradCam(network.eval(), network.get_submodule(layer)).attribute(
        pictures.clone().requires_grad_(), TARGETS, relu_attributions=relu
    )
    ours = grad_cam(network, pictures, TARGETS, layer=layer, relu=relu)
    assert ours.shape == theirs[:, 0].detach().shape
    torch.testing.assert_close(ours, theirs[:, 0].detach(), rtol=0, atol=1e-5)


@pytest.mark.parametrize("layer", ["0", "1", "2", "4", "4.relu", "4.relu#2"])
def test_working_in_place_changes_nothing(network, inplace_network, pictures, layer):
    ours = grad_cam(inplace_network, pictures, TARGETS, layer=layer)
    assert torch.equal(ours, grad_cam(network, pictures, TARGETS, layer=layer))
    assert ours.abs().max() > 0


def test_by_hand():
    """Score 0 = 2·mean(map 0) − 3·mean(map 1): the weights are 2/4 and −3/4 for maps of 2x2."""
    module = nn.Sequential(nn.Identity(), nn.Flatten(), nn.Linear(8, 1, bias=False))
    with torch.no_grad():
        module[2].weight.copy_(torch.tensor([[2 / 4] * 4 + [-3 / 4] * 4]))
    x = torch.tensor([[[[1.0, 2], [3, 4]], [[1.0, 0], [4, 1]]]])
    cam = grad_cam(module, x, 0, layer="0", relu=False)
    assert torch.allclose(cam, torch.tensor([[[0.5 - 0.75, 1.0], [1.5 - 3, 2 - 0.75]]]))
    assert torch.equal(grad_cam(module, x, 0, layer="0"), cam.clamp(min=0))


def test_frozen_weights_and_no_grad_make_no_difference(network, pictures):
    expected = grad_cam(network, pictures, 1)
    network.requires_grad_(False)
    with torch.no_grad():
        assert torch.equal(grad_cam(network, pictures, 1), expected)
    assert all(parameter.grad is None for parameter in network.parameters())


def test_pictures_do_not_influence_each_other(network, pictures):
    together = grad_cam(network.train(), pictures, TARGETS)
    alone = torch.cat([grad_cam(network, pictures[i : i + 1], int(TARGETS[i])) for i in range(3)])
    torch.testing.assert_close(together, alone)
    assert network.training


def test_upsampling_keeps_cells_over_what_they_see():
    heat = torch.zeros(1, 2, 2)
    heat[0, 0, 1] = 1
    large = upsampled(heat, (8, 8))
    assert large.shape == (1, 8, 8) and large[0, 0, 7] == 1 and large[0, 7, 0] == 0
    assert large[0, :4, 4:].sum() > large.sum() / 2


def test_what_cannot_be(network, pictures):
    with pytest.raises(InputError, match="no map; Grad-CAM needs"):
        grad_cam(network, pictures, 0, layer="8")
    with pytest.raises(UnknownNameError, match="Unknown layer 'conv9'"):
        grad_cam(network, pictures, 0, layer="conv9")
