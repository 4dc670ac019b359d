import pytest
import torch
from torch import nn

from foveate.errors import InputError, ShapeError, UnknownNameError
from foveate.explanation.hooks import activation_of, capturing, last_map, map_layers, scores_of
from foveate.models import create_model


def test_the_last_map_is_the_last_with_places_and_no_pool_to_a_fixed_size(network, pictures):
    assert last_map(network, pictures) == "4.relu#2"
    layers = map_layers(network, pictures)
    assert layers["4.relu#2"].shape == (6, 6, 6)
    assert layers["4"].alias and not layers["3"].alias
    assert list(layers)[:4] == ["0", "1", "2", "3"]


@pytest.mark.parametrize(
    ("name", "size", "layer"),
    [
        ("resnet18", 64, "layer4.1.relu2"),
        ("googlenet", 64, "inception5b"),  # the joined branches, not the last of them
        ("efficientnet_lite0", 64, "features.8.2"),
        ("lenet5", 32, None),
        ("compact_s", 32, "stages.2.relu2"),
    ],
)
def test_the_last_map_of_registered_networks(name, size, layer):
    module = create_model(name)
    x = torch.zeros(1, module.in_channels, size, size)
    found = last_map(module, x)
    assert layer is None or found == layer
    with torch.no_grad():
        features = module.eval().forward_features(x)
    assert activation_of(module, x, found).shape[-2:] == features.shape[-2:]


def test_a_network_without_maps_says_so():
    dense = nn.Sequential(nn.Flatten(), nn.Linear(12, 2))
    with pytest.raises(InputError, match="nothing that could point"):
        last_map(dense, torch.zeros(1, 3, 2, 2))


@pytest.mark.parametrize(("name", "call"), [("0", 0), ("2", 0), ("4.relu", 0), ("4.relu#2", 1), ("8", 0)])
def test_activations_are_what_the_layer_gave(inplace_network, pictures, name, call):
    given = []
    layer = inplace_network.get_submodule(name.partition("#")[0])
    handle = layer.register_forward_hook(lambda module, taken, out: given.append(out.clone()))
    with torch.no_grad():
        inplace_network.eval()(pictures)
    handle.remove()
    assert torch.equal(activation_of(inplace_network, pictures, name), given[call])


def test_nothing_is_left_behind(inplace_network, pictures):
    before, given = inplace_network.training, pictures.clone()
    activation_of(inplace_network, pictures, "4")
    last_map(inplace_network, pictures)
    assert inplace_network.training == before and torch.equal(pictures, given)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in inplace_network.modules())
    with pytest.raises(RuntimeError, match="stop"), capturing(inplace_network, "0"):
        raise RuntimeError("stop")
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in inplace_network.modules())


def test_a_first_layer_in_place_does_not_write_into_the_pictures(pictures):
    module = nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(200, 2))
    given = pictures.clone()
    scores_of(module, pictures, 0)
    last_map(module, pictures)
    assert torch.equal(pictures, given)


def test_names_and_classes_that_are_not_there(network, pictures):
    with pytest.raises(UnknownNameError, match=r"Unknown layer '4\.rely'; did you mean 4\.relu"):
        activation_of(network, pictures, "4.rely")
    with pytest.raises(InputError, match="takes no part"):
        activation_of(network, pictures, "0#2")
    with pytest.raises(InputError, match=r"from 0 to 3, not one of \[4\]"):
        scores_of(network, pictures, 4)
    with pytest.raises(ShapeError, match="one number a label"):
        scores_of(network[:3], pictures, 0)
