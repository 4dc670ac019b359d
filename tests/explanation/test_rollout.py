"""Attention roll-out against a twin in NumPy, and attention weights against the layers' own."""

import numpy as np
import pytest
import torch

from foveate.errors import InputError
from foveate.explanation import attention_layers, attention_of, heat_map, rollout
from foveate.explanation.picture import explain_picture
from foveate.images.preprocess import Preprocessing
from foveate.models import create_model
from foveate.models.model import Model
from foveate.tasks.classification.task import Classification

MADE = {"features": 24, "heads": 3, "depth": 3, "num_classes": 4, "image_size": (28, 36), "patch_size": 4}


def transformer(name="deit_tiny"):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        module = create_model(name, **MADE).eval()
        for parameter in module.parameters():  # weights large enough for tokens to look at something
            torch.nn.init.normal_(parameter, std=0.6)
    return module


@pytest.fixture(scope="module")
def pictures():
    return torch.randn(2, 3, 28, 36, generator=torch.Generator().manual_seed(0))


def twin(weights, own):
    """The paper's equations, element by element, for one picture. weights: (blocks, heads, T, T)."""
    blocks, heads, count, _ = weights.shape
    total = np.eye(count)
    for block in range(blocks):
        flow = np.zeros((count, count))
        for i in range(count):
            for j in range(count):
                mean = sum(weights[block, head, i, j] for head in range(heads)) / heads
                flow[i, j] = 0.5 * mean + (0.5 if i == j else 0.0)
        flow /= flow.sum(axis=1, keepdims=True)
        total = np.einsum("ij,jk->ik", flow, total)
    return total[:own, own:].mean(axis=0)


@pytest.mark.parametrize(("name", "own"), [("deit_tiny", 1), ("deit_tiny_distilled", 2)])
def test_it_is_the_papers(pictures, name, own):
    module = transformer(name)
    weights = np.stack([w.double().numpy() for w in attention_of(module, pictures)], axis=1)
    found = rollout(module, pictures)
    assert found.shape == (2, 7, 9)
    for cells, one in zip(found, weights, strict=True):
        np.testing.assert_allclose(cells.numpy().ravel(), twin(one, own), rtol=1e-4, atol=1e-7)
    assert found.std() > 0.1 * found.mean()  # the tokens do not look everywhere alike


def test_the_weights_are_those_that_the_layers_used(pictures):
    module = transformer()
    names, seen = attention_layers(module), {}
    assert names == tuple(f"encoder.layers.encoder_layer_{i}.self_attention" for i in range(3))
    hooks = [
        module.get_submodule(name).register_forward_pre_hook(
            lambda layer, given, name=name: seen.update({name: given[0]})
        )
        for name in names
    ]
    found = attention_of(module, pictures)
    for hook in hooks:
        hook.remove()
    for name, weights in zip(names, found, strict=True):
        with torch.no_grad():
            assert torch.equal(weights, module.get_submodule(name).attention_weights(seen[name]))
        torch.testing.assert_close(weights.sum(-1), torch.ones(2, 3, 64))


def test_a_network_without_attention_is_told_so(network, pictures):
    for module in (network, create_model("compact_s"), create_model("resnet18")):
        with pytest.raises(InputError, match=r"no attention to roll out.*grad-cam"):
            rollout(module, pictures)


def model_of(module):
    return Model("net", module, Preprocessing(28, 36), Classification(("a", "b", "c", "d")))


def test_all_methods_of_a_transformer_and_of_a_convolutional_network(network):
    picture = np.random.default_rng(0).integers(0, 256, (28, 36, 3), dtype=np.uint8)
    methods = ("grad-cam", "rollout")
    found = explain_picture(model_of(transformer()), picture, methods=methods)
    assert set(found.facts["methods"]) == set(methods) and found.facts["left_out"] == {}
    assert found.facts["methods"]["rollout"]["map"] == [7, 9]
    convolutional = explain_picture(model_of(network), picture, methods=methods)
    assert list(convolutional.facts["methods"]) == ["grad-cam"]
    assert "no attention to roll out" in convolutional.facts["left_out"]["rollout"]
    with pytest.raises(InputError, match="no attention to roll out"):
        explain_picture(model_of(network), picture, methods=("rollout",))


def test_it_is_the_same_for_every_label(pictures):
    module = transformer()
    one, other = (heat_map(module, pictures[:1], label, "rollout").values for label in (0, 3))
    assert np.array_equal(one, other) and one.shape == (28, 36)
